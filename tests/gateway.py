"""A gateway before Supabase: forwards to the embedded layer, or answers itself as Kong, Cloudflare and others do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "date", "server"}
)
_FOR_EVER = 1_000_000


@dataclass(frozen=True)
class Reply:
    """An answer in the server's place."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0  # bytes that are announced and never come
    hold: float = 0.0  # seconds until it answers, or until the client leaves

    @classmethod
    def of(cls, status: int, body: Any, **headers: str) -> Reply:
        """A JSON answer."""
        return cls(status, json.dumps(body).encode(), headers=headers)


@dataclass
class Order:
    """What to answer to the next so many requests whose method and path hold a text."""

    reply: Reply
    path: str = ""
    times: int = _FOR_EVER
    answered: int = 0


class Gateway:
    """Listens on a free loopback port; a context manager."""

    def __init__(self, target: str = "http://127.0.0.1:9") -> None:
        self._target = httpx.Client(base_url=target, timeout=60.0, trust_env=False)
        self._lock = Lock()
        self.orders: list[Order] = []
        self.requests: list[str] = []  # method and path of each

        class Bound(_Handler):
            gateway = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """What a client takes for its SUPABASE_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._target.close()

    def order(self, reply: Reply, path: str = "", times: int = _FOR_EVER) -> Order:
        """Answer so to the next `times` requests whose "METHOD /path" holds `path`."""
        made = Order(reply, path, times)
        with self._lock:
            self.orders.append(made)
        return made

    def clear(self) -> None:
        """Forward everything again."""
        with self._lock:
            self.orders.clear()
            self.requests.clear()

    def reply_to(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        """The ordered answer, or the server's own."""
        what = f"{method} {path}"
        with self._lock:
            self.requests.append(what)
            for order in self.orders:
                if order.path in what and order.answered < order.times:
                    order.answered += 1
                    return order.reply
        return self._forward(method, path, headers, content)

    def _forward(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP | {"host"}}
        answer = self._target.request(method, path, headers=kept, content=content)
        back = {name: value for name, value in answer.headers.items() if name not in _HOP | {"content-type"}}
        return Reply(answer.status_code, answer.content, answer.headers.get("content-type", ""), back)


class _Handler(BaseHTTPRequestHandler):
    gateway: ClassVar[Gateway]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart; the client would wait for the second

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        reply = self.gateway.reply_to(self.command, self.path, dict(self.headers.items()), content)
        with suppress(OSError):
            self._hold(reply.hold)
            self._send(reply)

    def _hold(self, seconds: float) -> None:
        if seconds:
            self.connection.settimeout(seconds)
            with suppress(TimeoutError):
                self.rfile.read(1)  # ends when the client leaves

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.kind:
            self.send_header("content-type", reply.kind)
        if reply.status != 204:
            self.send_header("content-length", str(len(reply.body) + reply.missing))
        self.close_connection = bool(reply.missing)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names the base class calls

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the test's screen."""
