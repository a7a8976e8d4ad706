"""Gemini's `generateContent` with an image model, as Google's reference describes it."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import Fault, FaultKind
from concept_worker.devstack.fake_provider.openai import json_object
from concept_worker.devstack.fake_provider.pictures import PNG_SIGNATURE, Picture, spoiled
from concept_worker.devstack.fake_provider.replies import canned
from concept_worker.devstack.fake_provider.studio import Studio, identity

# The accepted fields; any other field is refused by name, as Google's servers do.
_FIELDS = frozenset({"contents", "generationConfig", "safetySettings", "systemInstruction"})
_CONFIG = frozenset({"responseModalities", "imageConfig", "seed", "candidateCount"})
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_STANDARD = str.maketrans("-_", "+/")  # Google's own client sends the other alphabet
_SIDE = 256  # pixels; the vendor's are 1024


class GeminiWire:
    """The one method of Gemini that this project uses."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        """Return the vendor's path."""
        return [Route("/v1beta/models/{model}:generateContent", self._generate, methods=["POST"])]

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Answer with `{"error": {"code": …, "message": …, "status": …}}`; for declined content 200 without picture."""
        if fault and fault.kind is FaultKind.CANNED:
            return canned(fault)
        if fault and fault.kind is FaultKind.TEXT_ERROR:
            return Response("upstream connect error", status, media_type="text/plain")
        if fault and fault.kind is FaultKind.CONTENT:
            return JSONResponse(_answer({"finishReason": "IMAGE_SAFETY", "content": {"role": "model"}}))
        error: dict[str, Any] = {"code": status, "message": "No.", "status": _STATUS.get(status, "UNKNOWN")}
        if fault and fault.wait_ms is not None:
            info = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": info, "retryDelay": f"{fault.wait_ms / 1000:g}s"}]
        return JSONResponse({"error": error}, status)

    def junk(self, kind: FaultKind) -> Response:
        """Answer 200 with an unusable body."""
        if kind is FaultKind.HTML:
            return Response("<html><body>Please wait</body></html>", media_type="text/html")
        if kind is FaultKind.BROKEN_JSON:
            return Response(b'{"candidates": [{"content', media_type="application/json")
        return Response(b"", media_type="application/json") if kind is FaultKind.EMPTY else JSONResponse({})

    async def _generate(self, request: Request) -> Response:
        if request.headers.get("x-goog-api-key") != self._studio.options.api_key:
            return self.refuse(403)
        raw = await request.body()
        body = json_object(raw)
        prompt, source = _prompt_and_source(body)
        config = body.get("generationConfig", {})
        shown = {"prompt": prompt, "generationConfig": config, "model": request.path_params["model"]}
        key = identity(request.url.path, raw)
        call = Call("gemini", "image" if source is None else "refine", key=key, skip_cache=True, body=shown)
        self._studio.calls.add(call)
        if not prompt or source == b"" or set(body) - _FIELDS or set(config) - _CONFIG:
            call.status = 400
            return self.refuse(400)
        artist, seed = self._studio.options.artist, int(key[:7], 16)

        def work() -> Picture:
            if source is None:
                return Picture(artist.draw(prompt, seed, _SIDE, _SIDE))
            return Picture(artist.redraw(source, prompt, seed, _SIDE, _SIDE))

        def render(value: object) -> Response:
            picture = value if isinstance(value, Picture) else Picture(b"")
            return JSONResponse(_answer(_candidate(picture, call.fault)))

        return await self._studio.perform(call, self, work=work, spoil=spoiled, render=render)


def _candidate(picture: Picture, fault: str | None) -> dict[str, Any]:
    """Return a candidate with a sketch of the model's thoughts and the picture."""
    text = base64.b64encode(picture.content).decode() + ("!" if fault == FaultKind.BAD_BASE64 else "")
    sketch = {"inlineData": {"mimeType": "image/png", "data": "c2tldGNo"}, "thought": True}
    parts = [sketch, {"inlineData": {"mimeType": picture.media_type, "data": text}}]
    return {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}


def _answer(candidate: dict[str, Any]) -> dict[str, Any]:
    usage = {"promptTokenCount": 60, "candidatesTokenCount": 1290, "totalTokenCount": 1350}
    return {"candidates": [candidate], "usageMetadata": usage, "responseId": f"fake-{time.time_ns()}"}


def _prompt_and_source(body: dict[str, Any]) -> tuple[str, bytes | None]:
    """Return the prompt and the picture to change: None for a new picture, empty for an unreadable one."""
    contents = body.get("contents")
    parts = [part for one in contents for part in one.get("parts", [])] if isinstance(contents, list) else []
    prompt = "".join(str(part.get("text", "")) for part in parts)
    blobs = [part["inlineData"] for part in parts if "inlineData" in part]
    return prompt, _png(blobs[0]) if blobs else None


def _png(blob: dict[str, Any]) -> bytes:
    try:
        content = base64.b64decode(str(blob.get("data", "")).translate(_STANDARD), validate=True)
    except binascii.Error:
        return b""
    mime_type = blob.get("mimeType", blob.get("mime_type"))  # Google's own client sends the latter
    return content if mime_type == "image/png" and content.startswith(PNG_SIGNATURE) else b""
