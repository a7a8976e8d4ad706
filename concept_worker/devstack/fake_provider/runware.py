"""Runware's wire: tasks in lists, pictures as jobs whose ids the caller chooses, as runware-sdk 1.8 speaks it.

Faults: those of `image` and `refine` meet the order, those of `job` the job's end, those of `poll` a poll.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import REFUSING, Fault, FaultKind, Latency
from concept_worker.devstack.fake_provider.jigsawstack import FOREIGN
from concept_worker.devstack.fake_provider.pictures import PNG_SIGNATURE, Picture, spoiled
from concept_worker.devstack.fake_provider.replies import canned
from concept_worker.devstack.fake_provider.studio import Studio

# The fields that FLUX.2 [pro] takes; any other field is refused by name.
_FIELDS = frozenset(
    {
        *("taskType", "taskUUID", "model", "positivePrompt", "width", "height", "seed", "numberResults", "inputs"),
        *("outputType", "outputFormat", "outputQuality", "deliveryMethod", "includeCost", "ttl", "safety"),
        *("webhookURL", "uploadEndpoint", "providerSettings", "advancedFeatures", "routing"),
    }
)
_CODES = {401: "invalidApiKey", 402: "insufficientCredits", 404: "modelNotFound", 429: "rateLimitExceeded"}
_ENDS = {FaultKind.CONTENT: "invalidProviderContent", FaultKind.QUOTA: "insufficientCredits"}


@dataclass(frozen=True)
class Job:
    """An ordered picture: done at `started` plus its latency, unless it ends with a fault."""

    task: dict[str, Any]
    picture: Picture
    fault: Fault | None
    started: float  # on the monotonic clock


class RunwareWire:
    """The one endpoint of Runware, for every task."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._jobs: dict[str, Job] = {}
        studio.on_reset(self._jobs.clear)

    def routes(self) -> list[Route]:
        """Return the vendor's path."""
        return [Route("/v1", self._tasks, methods=["POST"])]

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Answer with `{"errors": [{"code": …, "message": …}]}`."""
        if fault and fault.kind is FaultKind.CANNED:
            return canned(fault)
        if fault and fault.kind is FaultKind.TEXT_ERROR:
            return Response("upstream connect error", status, media_type="text/plain")
        code = _ENDS.get(fault.kind) if fault else None
        response = _errors(code or _CODES.get(status, "internalServerError" if status >= 500 else "badRequest"), status)
        if fault and fault.retry_after:
            response.headers["retry-after"] = fault.retry_after
        return response

    def junk(self, kind: FaultKind) -> Response:
        """Answer 200 with an unusable body."""
        if kind is FaultKind.HTML:
            return Response("<html><body>Please wait</body></html>", media_type="text/html")
        if kind is FaultKind.BROKEN_JSON:
            return Response(b'{"data": [{"taskType": "imageInf', media_type="application/json")
        return Response(b"", media_type="application/json") if kind is FaultKind.EMPTY else JSONResponse({"data": []})

    async def _tasks(self, request: Request) -> Response:
        """Answer the first task; no client of ours sends more than one in a request."""
        task = _first(await request.body())
        if request.headers.get("authorization") != f"Bearer {self._studio.options.api_key}":
            return self.refuse(401)
        job = str(task.get("taskUUID"))
        if not _is_uuid4(job):
            return _errors("invalidTaskUUID", 400, parameter="taskUUID")
        if task.get("taskType") == "imageInference":
            return await self._order(task, job)
        return self._look_up(task, job)

    async def _order(self, task: dict[str, Any], job: str) -> Response:
        source = _source(task)
        body = {name: value for name, value in task.items() if name != "inputs"}
        endpoint = "image" if source is None else "refine"
        call = self._studio.calls.add(Call(wire="runware", endpoint=endpoint, seed=task.get("seed"), body=body))
        if job in self._jobs:
            call.status, call.cache_hit = 400, True
            return _errors("conflictTaskUUID", 400, job)
        if set(task) - _FIELDS or not task.get("positivePrompt") or not task.get("model") or source == b"":
            call.status = 400
            return _errors("unsupportedParameter", 400, job, parameter=next(iter(set(task) - _FIELDS), "inputs"))

        def work() -> Job:
            end = self._studio.faults.next_for("job")
            call.job_failed = end is not None and end.kind in REFUSING
            picture = spoiled(self._drawn(task, source), end.kind if end else None)
            self._jobs[job] = Job(task, picture, end, time.monotonic())
            return self._jobs[job]

        acknowledged = {"data": [{"taskType": "imageInference", "taskUUID": job}]}
        return await self._studio.perform(
            call, self, work=work, spoil=lambda made, _: made, render=lambda _: JSONResponse(acknowledged)
        )

    def _drawn(self, task: dict[str, Any], source: bytes | None) -> Picture:
        artist, prompt, seed = self._studio.options.artist, str(task["positivePrompt"]), int(task.get("seed", 0))
        width, height = int(task.get("width", 1024)), int(task.get("height", 1024))
        if source is None:
            return Picture(artist.draw(prompt, seed, width, height))
        return Picture(artist.redraw(source, prompt, seed, width, height))

    def _look_up(self, task: dict[str, Any], job: str) -> Response:
        """Answer `getResponse` and `getTaskDetails`; for an unknown job the first answers without data."""
        endpoint = "details" if task.get("taskType") == "getTaskDetails" else "poll"
        call = self._studio.calls.add(Call(wire="runware", endpoint=endpoint, body=task))
        fault = self._studio.faults.next_for(endpoint)
        call.fault = fault.kind if fault else None
        if fault:
            status = 429 if fault.kind is FaultKind.RATE_LIMITED else fault.status
            response = self.refuse(status, fault) if fault.kind in REFUSING else self.junk(fault.kind)
        elif endpoint == "details":
            response = self._details(job)
        else:
            known = self._jobs.get(job)
            response = self._state(job, known) if known else JSONResponse({"data": []})
        call.status = response.status_code
        return response

    def _details(self, job: str) -> Response:
        known = self._jobs.get(job)
        if known is None or self._is_drawing(known):
            return _errors("taskNotFound", 404, job)
        answer = json.loads(bytes(self._state(job, known).body))
        item = {"taskType": "getTaskDetails", "taskUUID": job, "request": [known.task], "response": answer}
        return JSONResponse({"data": [item]})

    def _state(self, job: str, known: Job) -> JSONResponse:
        item: dict[str, Any] = {"taskType": "imageInference", "taskUUID": job}
        if self._is_drawing(known):
            return JSONResponse({"data": [{**item, "status": "processing", "progress": 40}]})
        if known.fault and known.fault.kind in REFUSING:
            return _errors(_ENDS.get(known.fault.kind, "timeoutProvider"), 200, job)
        done = {**item, "status": "success", "imageUUID": job, "seed": known.task.get("seed"), "cost": 0.03}
        if known.fault and known.fault.kind is FaultKind.FAILURE:
            return JSONResponse({"data": [done]})
        leads_away = known.fault is not None and known.fault.kind is FaultKind.FOREIGN_LINK
        link = FOREIGN if leads_away else self._studio.link_to(known.picture)
        return JSONResponse({"data": [{**done, "imageURL": link}]})

    def _is_drawing(self, job: Job) -> bool:
        """Tell whether the job still draws; its latency may change meanwhile."""
        needed = self._studio.options.latency.get("job", Latency()).low / self._studio.options.speed
        return time.monotonic() - job.started < needed


def _errors(code: str, status: int, job: str | None = None, *, parameter: str | None = None) -> JSONResponse:
    error = {"code": code, "message": f"The task failed with {code}.", "taskType": "imageInference"}
    error |= {"taskUUID": job} if job else {}
    error |= {"parameter": parameter} if parameter else {}
    return JSONResponse({"data": [], "errors": [error]}, status)


def _first(raw: bytes) -> dict[str, Any]:
    try:
        tasks = json.loads(raw)
    except ValueError:
        return {}
    return tasks[0] if isinstance(tasks, list) and tasks and isinstance(tasks[0], dict) else {}


def _is_uuid4(text: str) -> bool:
    try:
        return UUID(text).version == 4
    except ValueError:
        return False


def _source(task: dict[str, Any]) -> bytes | None:
    """Return the picture to change; None when none is given, empty when it is no PNG."""
    inputs = task.get("inputs")
    if inputs is None:
        return None
    given = inputs.get("seedImage") or next(iter(inputs.get("referenceImages") or ()), "")
    head, _, text = str(given).partition(",")
    content = base64.b64decode(text) if head == "data:image/png;base64" else b""
    return content if content.startswith(PNG_SIGNATURE) else b""
