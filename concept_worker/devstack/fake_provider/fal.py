"""fal's queue, as its reference and its SDK (1.0.3) describe it."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

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

# The input fields of each offered app; any other field is refused.
_FLUX = frozenset({"prompt", "aspect_ratio", "output_format", "seed", "num_images", "safety_tolerance", "sync_mode"})
_APPS = {
    "fal-ai/recraft/v4.1/text-to-image": frozenset({"prompt", "image_size", "colors", "background_color"}),
    "fal-ai/flux-pro/kontext": _FLUX | {"image_url"},
    "fal-ai/flux-2-pro": _FLUX | {"image_size"},
}
_CANCELLED = {"detail": "The request was cancelled.", "error_type": "client_cancelled"}


class FalWire:
    """The endpoints of fal's queue: submit, status, result and cancel of a request."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        """Return the vendor's paths, below `/fal`."""
        job = "/fal/{owner}/{app}/requests/{id}"
        return [
            Route(f"{job}/status", self._guarded(self._status), methods=["GET"]),
            Route(f"{job}/cancel", self._guarded(self._cancel), methods=["PUT"]),
            Route(job, self._guarded(self._result), methods=["GET"]),
            Route("/fal/{app:path}", self._guarded(self._submit), methods=["POST"]),
        ]

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Answer with `{"detail": …}`."""
        if fault and fault.kind is FaultKind.CANNED:
            return canned(fault)
        if fault and fault.kind is FaultKind.TEXT_ERROR:
            return Response("upstream connect error", status, media_type="text/plain")
        detail: object = f"The request failed with {status}."
        if fault and fault.kind is FaultKind.CONTENT:
            status, detail = 422, [{"loc": ["body", "prompt"], "msg": "Flagged.", "type": "content_policy_violation"}]
        response = JSONResponse({"detail": detail}, status)
        if fault and fault.retry_after:
            response.headers["retry-after"] = fault.retry_after
        return response

    def junk(self, kind: FaultKind) -> Response:
        """Answer 200 with an unusable body."""
        if kind is FaultKind.HTML:
            return Response("<html><body>Please wait</body></html>", media_type="text/html")
        if kind is FaultKind.BROKEN_JSON:
            return Response(b'{"request_id": "ab', media_type="application/json")
        return Response(b"" if kind is FaultKind.EMPTY else b"{}", media_type="application/json")

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") != f"Key {self._studio.options.api_key}":
                return self.refuse(401)
            return await handler(request)

        return guarded

    async def _submit(self, request: Request) -> Response:
        raw, app = await request.body(), request.path_params["app"]
        given = json.loads(raw)
        fields: dict[str, Any] = given if isinstance(given, dict) else {}
        source = fields.get("image_url")
        shown = {name: value for name, value in fields.items() if name != "image_url"}
        body = {"app": app, "input": shown, "timeout": request.headers.get("x-fal-request-timeout")}
        endpoint = "image" if source is None else "refine"
        call = self._studio.calls.add(Call("fal", endpoint, key=identity(app, raw), skip_cache=True, body=body))
        if app not in _APPS:
            return self._refuse_call(call, 404)
        is_readable = source is None or str(source).startswith("data:image/png;base64,")
        if not fields.get("prompt") or set(fields) - _APPS[app] or not is_readable:
            return self._refuse_call(call, 422)
        original = None if source is None else base64.b64decode(str(source).partition(",")[2])
        return await self._accept_order(call, str(fields["prompt"]), original)

    async def _accept_order(self, call: Call, prompt: str, original: bytes | None) -> Response:
        artist, seed = self._studio.options.artist, int(call.key[:7], 16)

        def work() -> Picture:
            if original is None:
                return Picture(artist.draw(prompt, seed, 256, 256))
            return Picture(artist.redraw(original, prompt, seed, 256, 256))

        def render(value: object) -> Response:
            job = self._studio.order(call, value if isinstance(value, Picture) else Picture(b""))
            return JSONResponse({"status": "IN_QUEUE", "queue_position": 2, **self._addresses(job)})

        return await self._studio.perform(call, self, work=work, spoil=spoiled, render=render)

    async def _status(self, request: Request) -> Response:
        return self._of_job("poll", request, self._render_status)

    async def _result(self, request: Request) -> Response:
        return self._of_job("collect", request, self._render_result)

    async def _cancel(self, request: Request) -> Response:
        return self._of_job("cancel", request, self._mark_canceled)

    def _of_job(self, endpoint: str, request: Request, answer: Callable[[Job], Response]) -> Response:
        call = self._studio.calls.add(Call("fal", endpoint, key=request.path_params["id"]))
        job = self._studio.jobs.get(call.key)
        root = f"{request.path_params['owner']}/{request.path_params['app']}"
        if job is None or not str(job.call.body["app"]).startswith(f"{root}"):
            return self._refuse_call(call, 404)
        return self._studio.told(call, answer(job), self.refuse)

    def _refuse_call(self, call: Call, status: int) -> Response:
        call.status = status
        return self.refuse(status)

    def _render_status(self, job: Job) -> Response:
        stage = self._studio.stage_of(job)
        shown: dict[str, Any] = {"logs": None, **self._addresses(job)}
        if stage is Stage.QUEUED:
            return JSONResponse({"status": "IN_QUEUE", "queue_position": 2, **shown}, 202)
        if stage is Stage.DRAWING:
            return JSONResponse({"status": "IN_PROGRESS", **shown}, 202)
        ends = _CANCELLED if stage is Stage.CANCELED else _bad_end(job)
        error = {"error": str(ends["detail"]), "error_type": ends.get("error_type")} if ends else {}
        return JSONResponse({"status": "COMPLETED", "metrics": {"inference_time": 2.5}, **shown, **error})

    def _render_result(self, job: Job) -> Response:
        stage = self._studio.stage_of(job)
        if stage is Stage.CANCELED:
            return JSONResponse(_CANCELLED, 499, {"x-fal-error-type": "client_cancelled"})
        if stage is not Stage.DONE:
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if job.fault:
            return canned(job.fault)
        image = {"url": self._studio.link_to(job.picture), "content_type": job.picture.media_type}
        return JSONResponse({"images": [image], "has_nsfw_concepts": [False], "prompt": "", "seed": 7})

    def _mark_canceled(self, job: Job) -> Response:
        if self._studio.stage_of(job) is Stage.DONE:
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        job.is_canceled = True
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    def _addresses(self, job: Job) -> dict[str, str]:
        root = "/".join(str(job.call.body["app"]).split("/")[:2])
        base = f"{self._studio.base_url}/fal/{root}/requests/{job.id}"
        links = {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel"}
        return {"request_id": job.id, **links}


def _bad_end(job: Job) -> dict[str, Any]:
    """Return the body of a job that failed; empty for any other job."""
    failed = job.fault is not None and job.fault.status >= 400
    return dict(job.fault.body) if failed and job.fault is not None else {}
