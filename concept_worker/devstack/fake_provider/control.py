"""The control paths of the fake for tests and operators: calls, faults, result files; with a key, where one is set."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import LOSING, Fault
from concept_worker.devstack.fake_provider.replies import DisturbedResponse
from concept_worker.devstack.fake_provider.studio import Studio

Handler = Callable[[Request], Awaitable[Response]]

_FAULTS = TypeAdapter(list[Fault])


class Control:
    """The endpoints `/__calls`, `/__faults`, `/__reset`, and the links of results."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        """Return the paths: GET reads, POST adds, DELETE clears."""
        return [
            Route("/__calls", self._guarded(self._calls), methods=["GET", "DELETE"]),
            Route("/__faults", self._guarded(self._faults), methods=["GET", "POST", "DELETE"]),
            Route("/__reset", self._guarded(self._reset), methods=["POST"]),
            Route("/results/{name}.png", self._result, methods=["GET"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Check the key first, where the fake has one."""

        async def guarded(request: Request) -> Response:
            key = self._studio.options.control_key
            given = request.headers.get("x-api-key", "")
            if key is not None and not secrets.compare_digest(given.encode(), key.encode()):
                return JSONResponse({"error": "x-api-key: the fake's own key, please"}, 401)
            return await handler(request)

        return guarded

    async def _calls(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._studio.calls.clear()
        return JSONResponse(self._studio.calls.summary())

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._studio.faults.clear()
        if request.method == "POST":
            try:
                self._studio.faults.add(*_FAULTS.validate_json(await request.body()))
            except ValidationError as exc:
                return JSONResponse({"error": exc.errors(include_url=False, include_context=False)}, 400)
        return JSONResponse([fault.model_dump(mode="json") for fault in self._studio.faults.in_force()])

    async def _reset(self, request: Request) -> Response:
        self._studio.reset()
        return JSONResponse({"reset": True})

    async def _result(self, request: Request) -> Response:
        """Serve a result file for its signed link, without a key, as the object stores of providers do."""
        name = request.path_params["name"]
        call = self._studio.calls.add(Call(wire="link", endpoint="result"))
        found = self._studio.results.get(name)
        if found is None or request.query_params.get("X-Amz-Signature") != self._studio.signature(name):
            call.status = 403
            return Response("<Error/>", 403, media_type="application/xml")
        fault = self._studio.faults.next_for("result")
        response = Response(found.content, media_type=found.media_type)
        if fault is None:
            call.status = 200
            return response
        call.fault = fault.kind
        if fault.kind in LOSING:
            return DisturbedResponse(
                response, fault.kind, fault.seconds / self._studio.options.speed, self._studio.sockets
            )
        call.status = fault.status
        return Response("<Error/>", fault.status, media_type="application/xml")
