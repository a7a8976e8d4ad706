"""A gateway before the Supabase layer that has requests executed, and loses their answers."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

_ANSWER_HEADERS = ("content-type", "content-range", "location")
_PAGE = b"<html>Bad gateway</html>"


class Loss(StrEnum):
    """How an answer is lost."""

    RESET = "the connection breaks"
    HALF = "the connection breaks in the middle of the answer"
    HANG = "the answer does not come before the caller's timeout"
    BAD_GATEWAY = "the gateway answers 502"
    TIMEOUT = "the gateway answers 504"
    PAGE = "the gateway answers 200 with a page of its own"
    TWICE = "the gateway sends the request twice and passes the second answer on"


@dataclass
class _Order:
    request: str  # method and end of the path
    how: Loss
    left: int


class LossyGateway:
    """Forwards to a port; a context manager's value, see `lossy_gateway`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.closing = Event()
        self.lost: list[str] = []  # the requests whose answer was lost
        self._orders: list[_Order] = []

    def lose(self, request: str, how: Loss, times: int = 1) -> None:
        """Lose the next answers to a request, such as `POST /rest/v1/tasks`."""
        self._orders.append(_Order(request, how, times))

    def heal(self) -> None:
        """Lose nothing any more."""
        self._orders.clear()

    def loss_of(self, request: str) -> Loss | None:
        """The loss that was ordered for this request."""
        for order in self._orders:
            if order.request == request and order.left > 0:
                order.left -= 1
                self.lost.append(request)
                return order.how
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: LossyGateway

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer, content = self._execute(body)
        how = self.gateway.loss_of(f"{self.command} {self.path.partition('?')[0]}")
        if how is Loss.TWICE:
            answer, content = self._execute(body)
        match how:
            case Loss.RESET:
                self._reset()
            case Loss.HALF:
                self._answer(answer.status, answer, content, sent=len(content) // 2)
                self._reset()
            case Loss.HANG:
                self.gateway.closing.wait()
                self._reset()
            case Loss.BAD_GATEWAY | Loss.TIMEOUT | Loss.PAGE:
                status = {Loss.BAD_GATEWAY: 502, Loss.TIMEOUT: 504, Loss.PAGE: 200}[how]
                self._answer(status, None, _PAGE)
            case _:
                self._answer(answer.status, answer, content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = forward  # noqa: N815 - the library's names

    def _execute(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.target, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def _answer(
        self, status: int, like: http.client.HTTPResponse | None, content: bytes, sent: int | None = None
    ) -> None:
        self.send_response(status)
        for name in _ANSWER_HEADERS if like is not None else ():
            if like is not None and (value := like.getheader(name)) is not None:
                self.send_header(name, value)
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])
        self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def lossy_gateway(target: int) -> Iterator[tuple[LossyGateway, str]]:
    """The gateway and its address."""
    gateway = LossyGateway(target)
    handler = type("Handler", (_Handler,), {"gateway": gateway})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield gateway, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        gateway.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
