"""Nothing of one answer changes the next request: no cookies, no left-over bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from concept_worker.services.http.channel import Outgoing, ProviderChannel, provider_client
from concept_worker.services.supabase.client import connect, disconnect

COOKIES = b"".join(b"set-cookie: c%d=%s; Max-Age=999999; Path=/\r\n" % (at, b"v" * 1000) for at in range(10))


@contextmanager
def serving(extra: bytes, body: bytes, behind: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """A server whose every answer has these `extra` headers, this body, and bytes `behind` its end."""
    asked: list[bytes] = []
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(body)

    def answer(connection: socket.socket) -> None:
        with closing(connection):
            while heard := connection.recv(1_000_000):
                asked.append(heard)
                connection.sendall(head + extra + b"\r\n" + body + behind)

    def accept(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def ask() -> Outgoing:
    """The same thing, each time."""
    return Outgoing("ask", "GET", "/ask")


def test_a_provider_is_asked_in_the_same_bytes(ask: Outgoing) -> None:
    """However many cookies it hands out."""
    with serving(COOKIES, b"{}") as (url, asked):
        channel = ProviderChannel(provider_client(url, {}), provider="test")
        for _ in range(3):
            channel.send(ask, seconds=5, max_bytes=1000)
        channel.close()
    assert len(set(asked)) == 1


def test_what_lies_behind_an_answer_is_no_answer(ask: Outgoing) -> None:
    """Read as the next one, it would be another user's picture."""
    stray = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray"
    with serving(b"", b"right", stray) as (url, _):
        channel = ProviderChannel(provider_client(url, {}), provider="test")
        bodies = [channel.send(ask, seconds=5, max_bytes=1000).body for _ in range(3)]
        channel.close()
    assert bodies == [b"right"] * 3


def test_supabase_is_asked_without_cookies() -> None:
    """The gateways in front of it set some."""
    with serving(COOKIES, b"[]") as (url, asked):
        client = connect(url, "sb_secret_key", 5.0)
        for _ in range(2):
            client.table("tasks").select("*").execute()
        disconnect(client)
    assert len(asked) == 2
    assert not any(b"cookie" in heard.lower() for heard in asked)
