"""A network that can be broken: a TCP proxy that forwards, stalls, drops, swallows answers, or answers itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar


def answer(status: str, kind: str, body: str, *, missing: int = 0) -> bytes:
    """Return a whole HTTP answer; `missing` bytes of its body are announced and never come."""
    text = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text) + missing}\r\nConnection: close"
    return f"{head}\r\n\r\n".encode() + text


_JSON, _PAGE = "application/json; charset=utf-8", "text/html; charset=UTF-8"
UNAVAILABLE = answer("503 Service Unavailable", "text/plain", "unavailable")
# What stands before a hosted or self-hosted Supabase says in bad moments: docs/reliability.md has the table.
GATEWAYS = {
    "kong": answer("502 Bad Gateway", _JSON, '{"message":"An invalid response was received from the upstream server"}'),
    "kong 503": answer("503 Service Temporarily Unavailable", _JSON, '{"message":"name resolution failed"}'),
    "cloudflare 522": answer("522 <none>", _PAGE, "<html><title>522: Connection timed out</title></html>"),
    "cloudflare 520": answer("520 <none>", _JSON, '{"error_code":520,"error_name":"unknown_error","retryable":true}'),
    "hosted 544": answer("544 <none>", _JSON, '{"statusCode":"544","error":"DatabaseTimeout","message":"timed out"}'),
    "paused project": answer("540 <none>", _PAGE, "<html><title>Project paused</title></html>"),
    "schema cache": answer("404 Not Found", _JSON, '{"code":"PGRST202","message":"Could not find the function"}'),
    "disk full": answer(
        "503 Service Unavailable", _JSON, '{"code":"53100","message":"could not extend file: No space left on device"}'
    ),
    "page with 200": answer("200 OK", _PAGE, "<html><body>please wait</body></html>"),
    "cut answer": answer("200 OK", _JSON, '[{"id":', missing=300),
}
_SIZE = 65_536
T = TypeVar("T")


class Proxy:
    """Listens on a free loopback port for a server on another; a context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {target}", daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._instead: bytes | None = None  # answered in the server's place
        self._is_swallowing = False  # requests get through, their answers do not
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._flowing = self._call(self._event())
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stall(self, *, on: bool) -> None:
        """Connections stay, nothing gets through."""
        self._loop.call_soon_threadsafe(self._flowing.clear if on else self._flowing.set)

    def replace(self, instead: bytes | None) -> None:
        """Answer every request so, and break connections that are open; None: forward again."""
        self._instead = instead
        if instead is not None:
            self._loop.call_soon_threadsafe(self._break)

    def retarget(self, target: int) -> None:
        """Lead to another port from now on, and break connections that are open."""
        self._target = target
        self._loop.call_soon_threadsafe(self._break)

    def swallow(self, *, on: bool) -> None:
        """Let requests through and break the connection when the answer comes."""
        self._is_swallowing = on

    async def _event(self) -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _break(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._instead is not None:
                await self._refuse(reader, writer, self._instead)
            else:
                await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):  # asyncio logs a task of a connection that was canceled
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, instead: bytes) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(instead)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        answers = asyncio.create_task(self._pump(there, writer, is_answer=True))
        pumps = {asyncio.create_task(self._pump(reader, back)), answers}
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            back.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        while data := await reader.read(_SIZE):
            await self._flowing.wait()
            if is_answer and self._is_swallowing:
                return
            writer.write(data)
            await writer.drain()

    async def _close(self) -> None:
        self._server.close()
        self._break()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
