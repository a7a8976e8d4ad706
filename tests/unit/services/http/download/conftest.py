"""Scripted servers for the guarded download: no socket is opened, and every connection is remembered."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import pytest

from concept_worker.services.http.download import GuardedDownloader

HOST = "files.example.com"
PUBLIC = "93.184.215.14"
NO_TLS = ssl.create_default_context()  # scripted streams speak none; made once because loading roots is slow
PIXELS = b"\x89PNG\r\n\x1a\nand so on"


class FakeClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class ScriptedStream(httpcore.NetworkStream):
    """Gives chunks, each after `pause` seconds of the clock."""

    def __init__(self, chunks: Iterable[bytes], clock: FakeClock, pause: float) -> None:
        self._chunks = iter(chunks)
        self._clock = clock
        self._pause = pause
        self.written = b""
        self.tls_names: list[str | None] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        assert timeout is not None
        if self._pause > timeout:
            raise httpcore.ReadTimeout("scripted")
        self._clock.now += self._pause
        return next(self._chunks, b"")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer

    def close(self) -> None:
        pass

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        self.tls_names.append(server_hostname)
        return self


class ScriptedNet(httpcore.NetworkBackend):
    """Hands out one script a connection, and remembers where each went."""

    def __init__(self, *scripts: Iterable[bytes], clock: FakeClock | None = None, pause: float = 0.0) -> None:
        self._scripts = list(scripts)
        self._clock = clock or FakeClock()
        self._pause = pause
        self.connected: list[tuple[str, int]] = []
        self.streams: list[ScriptedStream] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        self.streams.append(ScriptedStream(self._scripts[len(self.streams)], self._clock, self._pause))
        return self.streams[-1]


def _answer(body: bytes = PIXELS, status: str = "200 OK", *headers: str) -> list[bytes]:
    """One HTTP answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def _redirect(location: str) -> list[bytes]:
    """An answer that leads elsewhere."""
    return _answer(b"", "302 Found", f"location: {location}")


def system_numbers(host: str, port: int) -> list[str]:
    """What the system's resolver makes of a number in any notation, and of localhost; no name leaves the machine."""
    if host in ("localhost", "localhost.localdomain"):
        return ["::1", "127.0.0.1"]
    if host == HOST:
        return [PUBLIC]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(entry[4][0]) for entry in found]


def _downloader(net: ScriptedNet, *hosts: str, **changes: Any) -> GuardedDownloader:
    """A downloader of `hosts` over `net`, with the real gate."""
    defaults: dict[str, Any] = {"resolver": system_numbers, "clock": FakeClock(), "backend": net, "ssl_context": NO_TLS}
    return GuardedDownloader(allowed_hosts=hosts or (HOST,), **(defaults | changes))


@pytest.fixture
def scripted() -> type[ScriptedNet]:
    """`scripted(script, …)` is a network that hands out one script a connection."""
    return ScriptedNet


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still until a scripted stream lets it pass."""
    return FakeClock()


@pytest.fixture
def answer() -> Callable[..., list[bytes]]:
    """`answer(body, "200 OK", "name: value")` is the script of one HTTP answer."""
    return _answer


@pytest.fixture
def redirect() -> Callable[[str], list[bytes]]:
    """`redirect(location)` is the script of an answer that leads elsewhere."""
    return _redirect


@pytest.fixture
def downloader() -> Callable[..., GuardedDownloader]:
    """`downloader(net, *hosts)` is a downloader with the real gate over a scripted network."""
    return _downloader
