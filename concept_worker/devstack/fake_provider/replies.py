"""Answers that go wrong on the socket: cut, dripping, hanging."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from concept_worker.devstack.fake_provider.faults import Fault, FaultKind


class Sockets:
    """A registry of open connections by the client's address, so that an answer can act below HTTP."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Return uvicorn's HTTP/1.1 protocol, which registers its transports here."""
        registry = self._open

        class RegisteringProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                registry[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                registry.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return RegisteringProtocol

    def of(self, scope: Scope) -> asyncio.Transport | None:
        """Return the connection of a request, unless it has ended."""
        return self._open.get(tuple(scope["client"]))

    def abort_all(self) -> None:
        """Abort every connection, so that none delays the server's stop."""
        for transport in list(self._open.values()):
            transport.abort()


class DisturbedResponse(Response):
    """A response that sends `inner` with a fault of the connection; `pause` is in seconds."""

    def __init__(self, inner: Response, kind: FaultKind, pause: float, sockets: Sockets) -> None:
        super().__init__(status_code=inner.status_code)
        self.raw_headers = inner.raw_headers  # the same list: a header added to one is added to both
        self._inner = inner
        self._kind = kind
        self._pause = pause
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = self._sockets.of(scope)
        if socket is None:
            return
        if self._kind is FaultKind.HANG:
            await _until_gone(receive)
        elif self._kind is FaultKind.DISCONNECT:
            socket.abort()
        elif self._kind is FaultKind.DRIP_HEADERS:
            await self._drip_headers(socket)
        elif self._kind is FaultKind.LATE:
            await asyncio.sleep(self._pause)
            await self._inner(scope, receive, send)
        else:
            await self._send_slowly(socket, send)

    async def _send_slowly(self, socket: asyncio.Transport, send: Send) -> None:
        """Send headers for the whole body, then half of the body and close, or all of it byte by byte."""
        body = bytes(self._inner.body)
        start: Message = {
            "type": "http.response.start",
            "status": self._inner.status_code,
            "headers": self._inner.raw_headers,
        }
        await send(start)
        if self._kind is FaultKind.CUT:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            socket.close()
            return
        for at in range(len(body)):
            if socket.is_closing():
                return
            await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": at + 1 < len(body)})
            await asyncio.sleep(self._pause)

    async def _drip_headers(self, socket: asyncio.Transport) -> None:
        socket.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not socket.is_closing():
            socket.write(b"z")
            await asyncio.sleep(self._pause)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def canned(fault: Fault) -> Response:
    """Return the answer that the fault carries, unchanged."""
    if isinstance(fault.body, str):
        return Response(fault.body, fault.status, fault.headers, "text/html")
    return JSONResponse(fault.body, fault.status, fault.headers)
