"""Replicate's wire: predictions of official models, and uploads, as its reference and its SDK (1.0.7) describe it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import Fault, FaultKind
from concept_worker.devstack.fake_provider.jobs import Job, Stage
from concept_worker.devstack.fake_provider.pictures import Picture, spoiled
from concept_worker.devstack.fake_provider.replies import canned
from concept_worker.devstack.fake_provider.studio import Studio, identity

Handler = Callable[[Request], Awaitable[Response]]

# The input fields of each offered model; any other field is refused by name.
_FLUX = frozenset({"prompt", "aspect_ratio", "output_format", "seed", "safety_tolerance"})
_MODELS = {
    "recraft-ai/recraft-v4.1": frozenset({"prompt", "aspect_ratio", "size"}),
    "black-forest-labs/flux-kontext-pro": _FLUX | {"input_image"},
    "black-forest-labs/flux-2-pro": _FLUX | {"input_images"},
}
_STATUS = {
    Stage.QUEUED: "starting",
    Stage.DRAWING: "processing",
    Stage.DONE: "succeeded",
    Stage.CANCELED: "canceled",
}
_BAR = "Using seed: 7\n  0%|          | 0/20 [00:00<?, ?it/s]\n 35%|███       | 7/20 [00:02<00:03]\n"


class ReplicateWire:
    """The endpoints of Replicate that this project uses."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        """Return the vendor's paths."""
        return [
            Route("/v1/models/{owner}/{name}/predictions", self._guarded(self._create), methods=["POST"]),
            Route("/v1/predictions/{id}", self._guarded(self._get), methods=["GET"]),
            Route("/v1/predictions/{id}/cancel", self._guarded(self._cancel), methods=["POST"]),
            Route("/v1/files", self._guarded(self._upload), methods=["POST"]),
        ]

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Answer with a problem of RFC 7807: `{"title": …, "detail": …, "status": …}`."""
        if fault and fault.kind is FaultKind.CANNED:
            return canned(fault)
        if fault and fault.kind is FaultKind.TEXT_ERROR:
            return Response("upstream connect error", status, media_type="text/plain")
        detail = f"The request failed with {status}."
        if fault and fault.kind is FaultKind.RATE_LIMITED:
            detail = "Request was throttled. Your rate limit resets in ~30s."
        if fault and fault.kind is FaultKind.CONTENT:
            detail = "The input was flagged as sensitive. Please try again with different inputs. (E005)"
        response = JSONResponse({"title": "Problem", "detail": detail, "status": status}, status)
        if fault and fault.retry_after:
            response.headers["retry-after"] = fault.retry_after
        return response

    def junk(self, kind: FaultKind) -> Response:
        """Answer 201 with an unusable body."""
        if kind is FaultKind.HTML:
            return Response("<html><body>Please wait</body></html>", 201, media_type="text/html")
        if kind is FaultKind.BROKEN_JSON:
            return Response(b'{"id": "abc", "status": "star', 201, media_type="application/json")
        return Response(b"" if kind is FaultKind.EMPTY else b"{}", 201, media_type="application/json")

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._studio.options.api_key}":
                return self.refuse(401)
            return await handler(request)

        return guarded

    async def _create(self, request: Request) -> Response:
        raw = await request.body()
        model = f"{request.path_params['owner']}/{request.path_params['name']}"
        given = json.loads(raw).get("input")
        fields: dict[str, Any] = given if isinstance(given, dict) else {}
        source = _source(fields)
        shown = {name: value for name, value in fields.items() if name not in ("input_image", "input_images")}
        body = {"model": model, "input": shown, "cancel_after": request.headers.get("cancel-after")}
        endpoint = "image" if source is None else "refine"
        call = self._studio.calls.add(Call("replicate", endpoint, key=identity(model, raw), skip_cache=True, body=body))
        if model not in _MODELS:
            return self._refuse_call(call, 404)
        original = None if source is None else self._studio.files.get(source)
        if not fields.get("prompt") or set(fields) - _MODELS[model] or (source is not None and original is None):
            return self._refuse_call(call, 422)
        return await self._accept_order(call, str(fields["prompt"]), original)

    async def _accept_order(self, call: Call, prompt: str, original: Picture | None) -> Response:
        artist, seed = self._studio.options.artist, int(call.key[:7], 16)

        def work() -> Picture:
            if original is None:
                return Picture(artist.draw(prompt, seed, 256, 256))
            return Picture(artist.redraw(original.content, prompt, seed, 256, 256))

        def render(value: object) -> Response:
            job = self._studio.order(call, value if isinstance(value, Picture) else Picture(b""))
            return JSONResponse(self._prediction(job), 201)

        return await self._studio.perform(call, self, work=work, spoil=spoiled, render=render)

    async def _get(self, request: Request) -> Response:
        return self._of_job("poll", request)

    async def _cancel(self, request: Request) -> Response:
        job = self._studio.jobs.get(request.path_params["id"])
        if job is not None and self._studio.stage_of(job) is not Stage.DONE:
            job.is_canceled = True
        return self._of_job("cancel", request)

    def _of_job(self, endpoint: str, request: Request) -> Response:
        call = self._studio.calls.add(Call("replicate", endpoint, key=request.path_params["id"]))
        job = self._studio.jobs.get(call.key)
        if job is None:
            return self._refuse_call(call, 404)
        return self._studio.told(call, JSONResponse(self._prediction(job)), self.refuse)

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            content = form.get("content")
            picture = await content.read() if isinstance(content, UploadFile) else b""
        call = self._studio.calls.add(Call("replicate", "upload"))
        if not picture:
            return self._refuse_call(call, 400)
        name = secrets.token_hex(12)
        link = f"{self._studio.base_url}/v1/files/{name}"
        self._studio.files[link] = Picture(picture)
        created = {"id": name, "name": "content", "content_type": "image/png", "size": len(picture), "etag": name}
        dated = {"created_at": "2026-11-25T00:00:00Z", "expires_at": None}
        shown = {**created, **dated, "checksums": {}, "metadata": {}, "urls": {"get": link}}
        return self._studio.told(call, JSONResponse(shown, 201), self.refuse)

    def _refuse_call(self, call: Call, status: int) -> Response:
        call.status = status
        return self.refuse(status)

    def _prediction(self, job: Job) -> dict[str, Any]:
        stage = self._studio.stage_of(job)
        base = f"{self._studio.base_url}/v1/predictions/{job.id}"
        shown: dict[str, Any] = {
            "id": job.id,
            "model": job.call.body["model"],
            "version": "hidden",
            "status": _STATUS[stage],
            "input": job.call.body["input"],
            "output": self._studio.link_to(job.picture) if stage is Stage.DONE else None,
            "logs": "" if stage is Stage.QUEUED else _BAR,
            "error": None,
            "metrics": {"predict_time": 2.5} if stage is Stage.DONE else {},
            "data_removed": False,
            "created_at": "2026-11-25T00:00:00.000Z",
            "started_at": None,
            "completed_at": None,
            "urls": {"get": base, "cancel": f"{base}/cancel"},
        }
        ends = job.fault.body if stage is Stage.DONE and job.fault else {}
        return {**shown, **ends}


def _source(fields: dict[str, Any]) -> str | None:
    """Return the address of the picture to change; None when a new picture is asked for."""
    several = fields.get("input_images")
    source = fields.get("input_image") or (several[0] if isinstance(several, list) and several else None)
    return str(source) if source else None
