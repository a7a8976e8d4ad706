"""JigsawStack's wire, as its documentation and its SDK (0.4.6) describe it."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import Fault, FaultKind
from concept_worker.devstack.fake_provider.model_talk import Entry, misspoken, propose
from concept_worker.devstack.fake_provider.pictures import Picture, spoiled
from concept_worker.devstack.fake_provider.studio import Studio, identity

Handler = Callable[[Request], Awaitable[Response]]

RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
_USAGE = {"input_tokens": 21, "output_tokens": 80, "inference_time_tokens": 2100, "total_tokens": 2201}
_WORDS = {400: "validation_error", 401: "missing_api_key", 403: "invalid_api_key", 422: "validation_error"}
FOREIGN = "http://169.254.169.254/latest/meta-data/"


class JigsawStackWire:
    """The endpoints of JigsawStack that this project uses, and the file store beside them."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        """Return the vendor's paths."""
        return [
            Route("/v1/ai/image_generation", self._guarded(self._image), methods=["POST"]),
            Route("/v1/prompt_engine/run", self._guarded(self._prompt), methods=["POST"]),
            Route("/v1/store/file", self._guarded(self._upload), methods=["POST"]),
            Route("/v1/store/file/read/{key:path}", self._guarded(self._read), methods=["GET"]),
            Route("/v1/store/file/read/{key:path}", self._guarded(self._delete), methods=["DELETE"]),
        ]

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Answer with `{"success": false, "message": …, "error": …}`, as the SDK reads it."""
        if fault and fault.kind is FaultKind.TEXT_ERROR:
            return Response("upstream connect error", status, media_type="text/plain")
        word = "prompt_guard" if fault and fault.kind is FaultKind.CONTENT else _WORDS.get(status, "application_error")
        body = {"success": False, "message": f"The request failed with {status}.", "error": word}
        response = JSONResponse(body, status)
        if fault and fault.retry_after:
            response.headers["retry-after"] = fault.retry_after
        if fault and fault.kind is FaultKind.RATE_LIMITED:
            response.headers["x-jigsaw-rate-limit-remaining"] = "0"
            # An empty value marks "no reset in the answer": `_guarded` fills in only missing headers.
            reset = "" if fault.wait_ms is None else str(_now_ms() + fault.wait_ms)
            response.headers["x-jigsaw-rate-limit-reset"] = reset
        return response

    def junk(self, kind: FaultKind) -> Response:
        """Answer 200 with an unusable body."""
        if kind is FaultKind.HTML:
            return Response("<html><body>Please wait</body></html>", media_type="text/html")
        if kind is FaultKind.EMPTY:
            return Response(b"", media_type="image/png")
        if kind is FaultKind.BROKEN_JSON:
            return Response(b'{"success": true, "url": "https:', media_type="application/json")
        if kind is FaultKind.UNKNOWN_TYPE:
            return Response(b"\x00\x01\x02", media_type="application/x-tar")
        return JSONResponse({"success": False, "message": "The model gave up.", "error": "application_error"})

    def _guarded(self, handler: Handler) -> Handler:
        """Check the key first, then the limit; put the rate headers on every answer."""

        async def guarded(request: Request) -> Response:
            studio = self._studio
            over_limit = studio.over_limit()
            if not request.headers.get("x-api-key"):
                response = self.refuse(401)
            elif request.headers["x-api-key"] != studio.options.api_key:
                response = self.refuse(403)
            elif over_limit:
                response = self.refuse(429)
            else:
                response = await handler(request)
            next_second = (_now_ms() // 1000 + 1) * 1000
            response.headers.setdefault("x-jigsaw-rate-limit-limit", str(studio.options.requests_per_second or 50))
            response.headers.setdefault("x-jigsaw-rate-limit-remaining", str(studio.remaining()))
            response.headers.setdefault("x-jigsaw-rate-limit-reset", str(next_second))
            if not response.headers["x-jigsaw-rate-limit-reset"]:
                del response.headers["x-jigsaw-rate-limit-reset"]
            return response

        return guarded

    async def _image(self, request: Request) -> Response:
        raw = await request.body()
        body = _json_object(raw)
        source = self._source(body)
        call = self._call("image" if source is None else "refine", request, raw, body)
        if not _is_drawable(body) or source == b"":
            call.status = 400
            return self.refuse(400)
        prompt, seed = str(body["prompt"]), call.seed or secrets.randbelow(2**31)
        width, height = _side(body, "width"), _side(body, "height")
        artist = self._studio.options.artist

        def work() -> Picture:
            if source is None:
                return Picture(artist.draw(prompt, seed, width, height))
            return Picture(artist.redraw(source, prompt, seed, width, height))

        render = partial(self._render_image, body.get("return_type", "binary"), call)
        return await self._studio.perform(call, self, work=work, spoil=spoiled, render=render)

    def _source(self, body: dict[str, Any]) -> bytes | None:
        """Return the image to change; None when none is given, empty when it cannot be found."""
        key, url = body.get("file_store_key"), body.get("url")
        if key is None and url is None:
            return None
        name = str(url).rpartition("/")[2].partition(".png")[0]  # only our own links: the fake opens no connection
        found = self._studio.files.get(str(key)) if key is not None else self._studio.results.get(name)
        return found.content if found else b""

    def _render_image(self, return_type: str, call: Call, value: object) -> Response:
        picture = value if isinstance(value, Picture) else Picture(b"")
        envelope = {"success": True, "_usage": _USAGE, "log_id": f"log-{call.number}"}
        if call.fault == FaultKind.FOREIGN_LINK:
            return JSONResponse({**envelope, "url": FOREIGN})
        if return_type == "url":
            return JSONResponse({**envelope, "url": self._studio.link_to(picture)})
        if return_type == "base64":
            text = base64.b64encode(picture.content).decode()
            return JSONResponse({**envelope, "url": text + "!" if call.fault == FaultKind.BAD_BASE64 else text})
        return Response(picture.content, media_type=picture.media_type)

    async def _prompt(self, request: Request) -> Response:
        raw = await request.body()
        body = _json_object(raw)
        call = self._call("palettes", request, raw, body)
        values = body.get("input_values", {})
        declared = {str(entry.get("key")) for entry in body.get("inputs", []) if isinstance(entry, dict)}
        variables = set(re.findall(r"{(\w+)}", str(body.get("prompt", ""))))
        if not body.get("prompt") or "return_prompt" not in body or not variables <= declared & set(values):
            call.status = 400
            return self.refuse(400)

        def work() -> list[Entry]:
            count = int(values["count"]) if str(values.get("count", "")).isdecimal() else 5
            theme, logo = str(values.get("theme", body["prompt"])), str(values.get("logo", "a mark"))
            return propose(theme, logo, count, colors_by_role=_by_role(body["return_prompt"]))

        def render(value: object) -> Response:
            return JSONResponse({"success": True, "result": value, "message": "", "_usage": _USAGE})

        return await self._studio.perform(call, self, work=work, spoil=misspoken, render=render)

    async def _upload(self, request: Request) -> Response:
        content = await request.body()
        wanted = dict(request.query_params)
        key = wanted.get("key") or f"{secrets.token_hex(8)}.bin"
        call = self._call("store", request, content, wanted)
        media_type = wanted.get("content_type") or request.headers.get("content-type", "application/octet-stream")

        def work() -> dict[str, Any]:
            self._studio.files[key] = Picture(content, media_type)
            return {"key": key, "url": f"{self._studio.base_url}/v1/store/file/read/{key}", "size": len(content)}

        if not content or (key in self._studio.files and wanted.get("overwrite") != "true"):
            call.status = 400
            return self.refuse(400)
        call.key = ""  # an upload is never answered from the cache
        response = await self._studio.perform(
            call, self, work=work, spoil=lambda value, _: value, render=lambda value: JSONResponse(value)
        )
        call.paid = False
        return response

    async def _read(self, request: Request) -> Response:
        found = self._studio.files.get(request.path_params["key"])
        return Response(found.content, media_type=found.media_type) if found else self.refuse(404)

    async def _delete(self, request: Request) -> Response:
        found = self._studio.files.pop(request.path_params["key"], None)
        return JSONResponse({"success": True}) if found else self.refuse(404)

    def _call(self, endpoint: str, request: Request, raw: bytes, body: dict[str, Any]) -> Call:
        config = body.get("advance_config")
        seed = config.get("seed") if isinstance(config, dict) else None
        return self._studio.calls.add(
            Call(
                wire="jigsawstack",
                endpoint=endpoint,
                skip_cache=request.headers.get("x-jigsaw-skip-cache") == "true",
                seed=seed if isinstance(seed, int) else None,
                key=identity(request.url.path, request.headers.get("x-api-key", ""), raw),
                body=body,
            )
        )


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_drawable(body: dict[str, Any]) -> bool:
    """Tell whether the request keeps the documented bounds."""
    prompt, config = body.get("prompt"), body.get("advance_config", {})
    return (
        isinstance(prompt, str)
        and 1 <= len(prompt) <= 5000
        and all(256 <= _side(body, side) <= 1920 for side in ("width", "height"))
        and body.get("aspect_ratio", "1:1") in RATIOS
        and 1 <= body.get("steps", 4) <= 90
        and 1 <= config.get("guidance", 7) <= 28
        and body.get("return_type", "binary") in ("binary", "url", "base64")
    )


def _side(body: dict[str, Any], name: str) -> int:
    value = body.get(name, 512)
    return int(value) if isinstance(value, (int, float)) else 0


def _by_role(shape: Any) -> bool:
    """Tell whether the asked shape has the colours as an object."""
    example = shape[0] if isinstance(shape, list) and shape else shape
    return isinstance(example, dict) and isinstance(example.get("colors"), dict)


def _now_ms() -> int:
    return int(time.time() * 1000)
