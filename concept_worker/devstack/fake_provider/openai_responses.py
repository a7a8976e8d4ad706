"""OpenAI's responses in background mode with its image tool, as its SDK (3.52) describes them."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import FaultKind
from concept_worker.devstack.fake_provider.jobs import Job, Stage
from concept_worker.devstack.fake_provider.openai import OpenAIWire, json_object
from concept_worker.devstack.fake_provider.pictures import PNG_SIGNATURE, Picture, spoiled

# The accepted fields; any other field is refused, though the vendor has many more.
_FIELDS = frozenset(
    {
        *("model", "input", "instructions", "tools", "tool_choice", "max_tool_calls", "background", "store"),
        *("metadata", "safety_identifier", "parallel_tool_calls", "reasoning", "service_tier"),
    }
)
_TOOL_FIELDS = frozenset(
    {
        *("type", "action", "model", "size", "quality", "background", "output_format", "output_compression"),
        *("moderation", "input_fidelity", "input_image_mask", "partial_images", "complexity"),
    }
)
_STATUS = {
    Stage.QUEUED: "queued",
    Stage.DRAWING: "in_progress",
    Stage.DONE: "completed",
    Stage.CANCELED: "cancelled",
}


class ResponsesWire(OpenAIWire):
    """The endpoints of a response: create, retrieve, cancel."""

    def routes(self) -> list[Route]:
        """Return the vendor's paths."""
        return [
            Route("/v1/responses", self._guarded(self._create), methods=["POST"]),
            Route("/v1/responses/{id}", self._guarded(self._retrieve), methods=["GET"]),
            Route("/v1/responses/{id}/cancel", self._guarded(self._cancel), methods=["POST"]),
        ]

    async def _create(self, request: Request) -> Response:
        raw = await request.body()
        body = json_object(raw)
        prompt, source = _prompt_and_source(body.get("input"))
        shown = {name: value for name, value in body.items() if name != "input"} | {"prompt": prompt}
        call = self._call("image" if source is None else "refine", request, raw, shown)
        if not prompt or not body.get("model") or set(body) - _FIELDS or not _is_in_background(body) or source == b"":
            call.status = 400
            return self.refuse(400)
        width, _, height = str(body["tools"][0].get("size", "1024x1024")).partition("x")
        artist, seed = self._studio.options.artist, int(call.key[:7], 16)

        def work() -> Picture:
            if source is None:
                return Picture(artist.draw(prompt, seed, int(width), int(height)))
            return Picture(artist.redraw(source, prompt, seed, int(width), int(height)))

        def render(value: object) -> Response:
            job = self._studio.order(call, value if isinstance(value, Picture) else Picture(b""))
            return JSONResponse(self._response_of(job))

        return await self._studio.perform(call, self, work=work, spoil=spoiled, render=render)

    async def _retrieve(self, request: Request) -> Response:
        return self._of_job("poll", request)

    async def _cancel(self, request: Request) -> Response:
        job = self._job(request)
        if job is not None and self._studio.stage_of(job) is not Stage.DONE:
            job.is_canceled = True
        return self._of_job("cancel", request)

    def _job(self, request: Request) -> Job | None:
        return self._studio.jobs.get(str(request.path_params["id"]).removeprefix("resp_"))

    def _of_job(self, endpoint: str, request: Request) -> Response:
        call = self._studio.calls.add(Call("openai", endpoint, key=request.path_params["id"]))
        job = self._job(request)
        if job is None:
            call.status = 404
            return self.refuse(404)
        return self._studio.told(call, JSONResponse(self._response_of(job)), self.refuse)

    def _response_of(self, job: Job) -> dict[str, Any]:
        stage, asked = self._studio.stage_of(job), job.call.body
        shown: dict[str, Any] = {
            "id": f"resp_{job.id}",
            "object": "response",
            "created_at": time.time(),
            "status": _STATUS[stage],
            "error": None,
            "incomplete_details": None,
            "metadata": {},
            "output": _output(job) if stage is Stage.DONE else [],
            "parallel_tool_calls": True,
            "usage": {"input_tokens": 90, "output_tokens": 20, "total_tokens": 110} if stage is Stage.DONE else None,
            **{name: asked.get(name) for name in ("model", "instructions", "tools", "tool_choice", "max_tool_calls")},
            **{name: asked.get(name) for name in ("background", "store")},
        }
        ends = job.fault.body if stage is Stage.DONE and job.fault else {}
        return {**shown, **ends}


def _output(job: Job) -> list[dict[str, Any]]:
    """Return the output: one call of the image tool."""
    text = base64.b64encode(job.picture.content).decode()
    result = text + "!" if job.call.fault == FaultKind.BAD_BASE64 else text
    return [{"id": f"ig_{job.id}", "type": "image_generation_call", "status": "completed", "result": result}]


def _is_in_background(body: dict[str, Any]) -> bool:
    """Tell whether the body asks for a stored background response with the image tool and only known fields."""
    tools = body.get("tools")
    tool = tools[0] if isinstance(tools, list) and len(tools) == 1 and isinstance(tools[0], dict) else {}
    sides = str(tool.get("size", "1024x1024")).split("x")
    sized = len(sides) == 2 and all(side.isdecimal() and not int(side) % 16 for side in sides)
    known = tool.get("type") == "image_generation" and not set(tool) - _TOOL_FIELDS
    return known and sized and body.get("background") is True and body.get("store", True) is True


def _prompt_and_source(given: object) -> tuple[str, bytes | None]:
    """Return the prompt and the picture to change: None for a new picture, empty for an unreadable one."""
    if isinstance(given, str):
        return given, None
    messages = given if isinstance(given, list) else []
    parts = [part for one in messages for part in one.get("content", []) if isinstance(part, dict)]
    prompt = "".join(str(part.get("text", "")) for part in parts if part.get("type") == "input_text")
    pictures = [str(part.get("image_url", "")) for part in parts if part.get("type") == "input_image"]
    return prompt, _png(pictures[0]) if pictures else None


def _png(address: str) -> bytes:
    head, _, text = address.partition(",")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
    return content if head == "data:image/png;base64" and content.startswith(PNG_SIGNATURE) else b""
