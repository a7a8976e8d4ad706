"""One exchange over any httpx client, also one whose sockets know no deadline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from structlog.testing import capture_logs

from concept_worker.errors import AccountRefused, BadProviderAnswer, MaybeCharged, ProviderUnavailable
from concept_worker.services.http.channel import Outgoing, ProviderChannel, Reply, provider_client

ASKING = Outgoing("ask", "POST", "/ask", b"{}")


class Clock:
    """Seconds that pass when a body is read."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def channel(answer: httpx.Response | Exception, clock: Clock | None = None) -> ProviderChannel:
    """A channel whose provider always says the same."""

    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="https://provider.example")
    return ProviderChannel(client, provider="test", clock=clock or Clock())


def test_a_reply_is_complete_whatever_its_status() -> None:
    """Status, headers in any case, media type, body."""
    answer = httpx.Response(418, headers={"Content-Type": "Application/JSON; charset=utf-8"}, content=b'{"a": 1}')
    reply = channel(answer).send(ASKING, seconds=1, max_bytes=100)
    assert (reply.status, reply.content_type, reply.json()) == (418, "application/json", {"a": 1})


def test_a_slow_body_ends_at_the_deadline() -> None:
    """Chunk by chunk in time, all of them not."""
    clock = Clock()

    def crumbs() -> Iterator[bytes]:
        while True:
            clock.now += 1
            yield b"x"

    with pytest.raises(ProviderUnavailable):
        channel(httpx.Response(200, content=crumbs()), clock).send(ASKING, seconds=10, max_bytes=10_000)
    assert clock.now == 10


def test_a_large_body_ends_at_the_limit() -> None:
    """The rest is not read."""
    with pytest.raises(BadProviderAnswer):
        channel(httpx.Response(200, content=b"x" * 101)).send(ASKING, seconds=1, max_bytes=100)


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (httpx.ConnectTimeout("x"), ProviderUnavailable),
        (httpx.PoolTimeout("x"), ProviderUnavailable),
        (httpx.WriteTimeout("x"), ProviderUnavailable),
        (httpx.ConnectError("x"), ProviderUnavailable),
        (httpx.WriteError("x"), ProviderUnavailable),
        (httpx.ProxyError("x"), ProviderUnavailable),
        (httpx.ReadTimeout("x"), MaybeCharged),
        (httpx.ReadError("x"), MaybeCharged),
        (httpx.RemoteProtocolError("x"), MaybeCharged),
        (httpx.DecodingError("x"), BadProviderAnswer),
        (httpx.UnsupportedProtocol("x"), AccountRefused),
        (httpx.LocalProtocolError("x"), AccountRefused),
    ],
)
def test_every_error_of_the_client_is_named(error: Exception, trouble: type[Exception]) -> None:
    """Nothing of httpx leaves this floor, and nothing of its text; what was sent is told from what was not."""
    with pytest.raises(trouble) as caught:
        channel(error).send(ASKING, seconds=1, max_bytes=100)
    assert type(caught.value) is trouble
    assert caught.value.__suppress_context__
    assert type(error).__name__ in caught.value.__notes__[0]
    assert "x" not in str(caught.value).split()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json(body: bytes) -> None:
    """Also one so deep that the parser gives up."""
    with pytest.raises(BadProviderAnswer):
        Reply(200, {}, body).json()


def test_a_redirect_is_not_followed() -> None:
    """It would carry the key along."""
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/"})

    client = provider_client("https://provider.example", {"x-api-key": "secret"})
    cast("Any", client)._transport = httpx.MockTransport(handle)
    assert ProviderChannel(client, provider="test").send(ASKING, seconds=1, max_bytes=100).status == 307
    assert asked == ["provider.example"]


def test_no_log_line_holds_an_errors_text() -> None:
    """It may hold an address, with a user's picture behind it."""
    with capture_logs() as events, pytest.raises(ProviderUnavailable):
        channel(httpx.ReadError("https://a.example/?token=secret")).send(ASKING, seconds=1, max_bytes=100)
    assert [event["cause"] for event in events] == ["ReadError"]


def test_an_answer_that_is_left_is_closed() -> None:
    """Or its connection would be lost to everybody."""

    class Body(httpx.SyncByteStream):
        """Too large, and knows whether it was closed."""

        is_closed = False

        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"x" * 101

        def close(self) -> None:
            """Let go of the connection."""
            self.is_closed = True

    body = Body()
    with pytest.raises(BadProviderAnswer):
        channel(httpx.Response(200, stream=body)).send(ASKING, seconds=1, max_bytes=100)
    assert body.is_closed
