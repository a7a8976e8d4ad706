"""The OpenAI-compatible wire: images, edits, chat with a JSON schema, as its SDK (3.52) describes it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import Fault, FaultKind
from concept_worker.devstack.fake_provider.jigsawstack import FOREIGN
from concept_worker.devstack.fake_provider.model_talk import Entry, misspoken, propose
from concept_worker.devstack.fake_provider.pictures import PNG_SIGNATURE, Picture, spoiled
from concept_worker.devstack.fake_provider.replies import canned
from concept_worker.devstack.fake_provider.studio import Studio, identity

Handler = Callable[[Request], Awaitable[Response]]

# The fields that a GPT image model takes; any other field, also `response_format` and `seed`, is refused by name.
_IMAGE_FIELDS = frozenset(
    {
        *("model", "prompt", "n", "size", "quality", "background", "moderation", "output_format"),
        *("output_compression", "user", "safety_identifier", "stream", "partial_images", "input_fidelity"),
        *("image", "image[]", "mask"),
    }
)
_TYPES = {401: "invalid_request_error", 429: "requests", 500: "server_error"}


class OpenAIWire:
    """The three endpoints of OpenAI that this project uses."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        """Return the vendor's paths."""
        return [
            Route("/v1/images/generations", self._guarded(self._generate), methods=["POST"]),
            Route("/v1/images/edits", self._guarded(self._edit), methods=["POST"]),
            Route("/v1/chat/completions", self._guarded(self._chat), methods=["POST"]),
        ]

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Answer with `{"error": {"message": …, "type": …, "param": null, "code": …}}`."""
        if fault and fault.kind is FaultKind.CANNED:
            return canned(fault)
        if fault and fault.kind is FaultKind.TEXT_ERROR:
            return Response("upstream connect error", status, media_type="text/plain")
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        kind = _TYPES.get(status, "invalid_request_error")
        if fault and fault.kind is FaultKind.CONTENT:
            code, kind = "moderation_blocked", "image_generation_user_error"
        if fault and fault.kind is FaultKind.QUOTA:
            code = kind = "insufficient_quota"
        error = {"message": f"The request failed with {status}.", "type": kind, "param": None, "code": code}
        response = JSONResponse({"error": error}, status)
        if fault and fault.retry_after:
            response.headers["retry-after"] = fault.retry_after
        if fault and fault.wait_ms is not None:
            response.headers["retry-after-ms"] = str(fault.wait_ms)
        return response

    def junk(self, kind: FaultKind) -> Response:
        """Answer 200 with an unusable body."""
        if kind is FaultKind.HTML:
            return Response("<html><body>Please wait</body></html>", media_type="text/html")
        if kind is FaultKind.EMPTY:
            return Response(b"", media_type="application/json")
        if kind is FaultKind.BROKEN_JSON:
            return Response(b'{"created": 1, "data": [{"b64_json": "iVBO', media_type="application/json")
        if kind is FaultKind.UNKNOWN_TYPE:
            return Response(b"\x00\x01\x02", media_type="application/x-tar")
        return JSONResponse({"created": 1, "data": [], "choices": []})

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._studio.options.api_key}":
                response = self.refuse(401)
            elif self._studio.over_limit():
                response = self.refuse(429)
            else:
                response = await handler(request)
            response.headers["x-request-id"] = f"req_{identity(str(time.time_ns()))[:16]}"
            return response

        return guarded

    async def _generate(self, request: Request) -> Response:
        raw = await request.body()
        body = json_object(raw)
        call = self._call("image", request, raw, body)
        return await self._draw(call, body, None)

    async def _edit(self, request: Request) -> Response:
        raw = await request.body()
        async with request.form() as form:
            body = {name: value for name, value in form.items() if isinstance(value, str)}
            upload = form.get("image") or form.get("image[]")
            source = await upload.read() if isinstance(upload, UploadFile) else b""
            typed = isinstance(upload, UploadFile) and upload.content_type == "image/png"
        call = self._call("refine", request, raw, dict(body))
        return await self._draw(call, body, source if typed and source.startswith(PNG_SIGNATURE) else b"")

    async def _draw(self, call: Call, body: dict[str, Any], source: bytes | None) -> Response:
        prompt, size = body.get("prompt"), str(body.get("size", "1024x1024"))
        width, _, height = size.partition("x")
        sized = width.isdecimal() and height.isdecimal() and not (int(width) % 16 or int(height) % 16)
        if not prompt or not body.get("model") or set(body) - _IMAGE_FIELDS or not sized or source == b"":
            call.status = 400
            return self.refuse(400)
        artist, seed = self._studio.options.artist, int(call.key[:7], 16)

        def work() -> Picture:
            if source is None:
                return Picture(artist.draw(str(prompt), seed, int(width), int(height)))
            return Picture(artist.redraw(source, str(prompt), seed, int(width), int(height)))

        def render(value: object) -> Response:
            picture = value if isinstance(value, Picture) else Picture(b"")
            usage = {"input_tokens": 50, "output_tokens": 1000, "total_tokens": 1050}
            return JSONResponse({"created": int(time.time()), "data": [self._entry(call, picture)], "usage": usage})

        return await self._studio.perform(call, self, work=work, spoil=spoiled, render=render)

    def _entry(self, call: Call, picture: Picture) -> dict[str, str]:
        if call.fault == FaultKind.FOREIGN_LINK:
            return {"url": FOREIGN}
        if self._studio.options.result_links:
            return {"url": self._studio.link_to(picture)}
        text = base64.b64encode(picture.content).decode()
        return {"b64_json": text + "!" if call.fault == FaultKind.BAD_BASE64 else text}

    async def _chat(self, request: Request) -> Response:
        raw = await request.body()
        body = json_object(raw)
        call = self._call("palettes", request, raw, body)
        messages, shape = body.get("messages"), body.get("response_format", {})
        if not body.get("model") or not isinstance(messages, list) or not _is_strict(shape):
            call.status = 400
            return self.refuse(400)
        wishes = json_object(str(messages[-1].get("content", "")).encode())
        counts = [int(word) for word in str(messages[0].get("content", "")).split() if word.isdecimal()]

        def work() -> list[Entry]:
            theme, logo = str(wishes.get("theme", "calm")), str(wishes.get("logo", "a mark"))
            return propose(theme, logo, counts[0] if counts else 5, colors_by_role=True)

        def render(value: object) -> Response:
            text = value if isinstance(value, str) else json.dumps({"palettes": value})
            refused = call.fault == FaultKind.REFUSAL
            return JSONResponse(_completion(str(body["model"]), None if refused else text))

        return await self._studio.perform(call, self, work=work, spoil=misspoken, render=render)

    def _call(self, endpoint: str, request: Request, raw: bytes, body: dict[str, Any]) -> Call:
        """Log a call. Every request is paid: the vendor documents no idempotency key; some relays honour one."""
        key = request.headers.get("idempotency-key") or f"once-{time.time_ns()}"
        return self._studio.calls.add(
            Call(
                wire="openai",
                endpoint=endpoint,
                key=identity(request.url.path, key, raw),
                skip_cache=not self._studio.options.honours_keys,
                body=body,
            )
        )


def _completion(model: str, text: str | None) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": text,
        "refusal": None if text is not None else "I cannot help with that.",
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 60, "completion_tokens": 400, "total_tokens": 460}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def json_object(raw: bytes) -> dict[str, Any]:
    """Return a body's fields; none when the body is no JSON object."""
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_strict(shape: Any) -> bool:
    """Tell whether a response format, when given, is a JSON schema that strict mode takes."""
    if not shape:
        return True
    named = shape.get("json_schema", {}) if shape.get("type") == "json_schema" else {}
    return bool(named.get("name")) and named.get("strict") is True and _is_closed(named.get("schema", {}))


def _is_closed(schema: dict[str, Any]) -> bool:
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        closed = schema.get("additionalProperties") is False and schema.get("required") == list(properties)
        return closed and all(_is_closed(inner) for inner in properties.values())
    return schema.get("type") != "array" or _is_closed(schema.get("items", {}))
