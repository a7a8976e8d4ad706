"""The recorder of requests' shapes, without any value. The contract suite's case table is made from its file.

A shape is method, path with its names replaced, query with operators instead of values, the headers that change an
answer, and the keys of the body. One JSON object a line, each shape once per process.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SETTING = "CONCEPT_DEVSTACK_SHAPES"  # a file to append to
UNRECORDED = "x-contract-suite"  # a request with this header is a test of the layer, not the project's own
_OVERHEARD = 2**20  # bytes of a body that are read for the names in it
_VERBATIM = ("select", "order", "on_conflict")
_HEADERS = ("prefer", "accept", "x-upsert", "range")
_DEFAULTS = ("*/*", "application/json", "")


class Recorder:
    """A filter before the application that appends new shapes to a file."""

    def __init__(self, app: ASGIApp, file: str) -> None:
        self._app, self._file = app, file
        self._known: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "OPTIONS" or UNRECORDED in Request(scope).headers:
            await self._app(scope, receive, send)
            return
        body, seen = bytearray(), 0

        async def overhear() -> Message:
            nonlocal seen
            message = await receive()
            chunk = message.get("body", b"")
            body.extend(chunk[: _OVERHEARD - len(body)])
            seen += len(chunk)
            return message

        path = scope.get("path", "")
        await self._app(scope, overhear, send)
        if seen >= int(Request(scope).headers.get("content-length", 0)):  # else the sender died in the middle
            self._note(Request(scope), path, bytes(body))

    def _note(self, request: Request, path: str, body: bytes) -> None:
        line = json.dumps(shape_of(request, path, body), sort_keys=True)
        if line not in self._known:
            self._known.add(line)
            with open(self._file, "a") as file:
                file.write(line + "\n")


def shape_of(request: Request, path: str, body: bytes) -> dict[str, Any]:
    """Return the shape of a request that the application has routed."""
    for name in ("name", "bucket", "user_id"):
        value = request.scope.get("path_params", {}).get(name)
        if value and not path.startswith("/rest/"):
            path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    headers = {name: request.headers[name] for name in _HEADERS if request.headers.get(name, "") not in _DEFAULTS}
    query = [[name, _without_value(name, value)] for name, value in request.query_params.multi_items()]
    kind = request.headers.get("content-type", "")
    return {"method": request.method, "path": path, "query": query, "headers": headers, "body": _keys(kind, body)}


def _without_value(name: str, value: str) -> str:
    if name in _VERBATIM:
        return value
    if name == "columns":
        return ",".join(sorted(value.split(",")))  # supabase-py sends them in the order of a set
    if name.removeprefix("not.") in ("or", "and"):
        return re.sub(r"(\.[a-z]+)\.[^,()]+", r"\1", value)
    found = re.match(r"(not\.)?[a-z]+(?=\.)", value)
    return found[0] if found else "?"


def _keys(kind: str, body: bytes) -> Any:
    if kind.startswith("multipart/form-data"):
        return {"form": re.findall(r'form-data; name="(\w+)"', body.decode("latin-1"))}
    if not body or not kind.startswith("application/json"):
        return {"bytes": bool(body)}
    try:
        parsed = json.loads(body)
    except ValueError:
        return {"json": "malformed"}
    if isinstance(parsed, dict):
        return {"object": sorted(parsed)}
    if isinstance(parsed, list):
        return {"array": sorted({key for row in parsed if isinstance(row, dict) for key in row})}
    return {"json": type(parsed).__name__}
