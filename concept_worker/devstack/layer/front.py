"""The checks of every request: the size of its head, and the host names that the layer answers to."""

from __future__ import annotations

import json
import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from concept_worker.devstack.layer.errors import RestError

HEAD_BYTES = 64 * 2**10  # of the request line and all headers
# Loopback names and addresses. A web page whose own name was made to point here (DNS rebinding) sends that name. Any
# port is accepted, because a forwarded port differs from ours.
_OUR_HOST = re.compile(
    r"(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)
_ONCE = ("apikey", "authorization", "content-type")
_TOO_LARGE = RestError(431, "EMB431", f"The request line and headers are larger than {HEAD_BYTES} bytes")
_NOT_OURS = RestError(421, "EMB421", "The embedded layer answers to loopback names and addresses only")


class BoundedHead(HttpToolsProtocol):
    """A reader of HTTP that closes a connection when the request line and headers get too large."""

    _in_head, _head_bytes = True, 0

    def data_received(self, data: bytes) -> None:
        """Count the bytes that arrive before the headers are complete."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            body = json.dumps(_TOO_LARGE.body).encode()
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n"
                b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
            )
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Stop counting."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Start counting again for the next head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()


class Front:
    """A filter that refuses requests before the application sees them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = refusal_of(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse(refusal.body, refusal.status)(scope, receive, send)


def refusal_of(scope: Scope) -> RestError | None:
    """Return the refusal of a request by its head alone; None when the head is acceptable."""
    size = len(scope["path"]) + len(scope["query_string"])
    if size + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
        return _TOO_LARGE
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _OUR_HOST.fullmatch(hosts[0]):
        return _NOT_OURS
    for name in _ONCE:
        if len(headers.getlist(name)) > 1:
            return RestError(400, "EMB400", f"The header {name} is given more than once")
    return None
