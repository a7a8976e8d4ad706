"""A deadline bounds every wait inside it."""

from __future__ import annotations

import ssl
from typing import Any

import httpcore
import pytest

from concept_worker.services.http.deadline import Deadline, current_deadline, within
from concept_worker.services.http.transport import DeadlineBackend, bounded_timeout


def test_waits_are_cut_at_the_deadline() -> None:
    """A timeout is never longer than what is left, and none at all means what is left."""
    now = [100.0]
    with within(Deadline.after(10.0, lambda: now[0])) as deadline:
        assert bounded_timeout(3.0, httpcore.ReadTimeout) == 3.0
        assert bounded_timeout(60.0, httpcore.ReadTimeout) == 10.0
        now[0] += 9.0
        assert bounded_timeout(None, httpcore.ReadTimeout) == pytest.approx(1.0)
        assert deadline.remaining == pytest.approx(1.0)


def test_past_the_deadline_nothing_waits() -> None:
    """The error is the one that the wait would have ended with."""
    with within(Deadline.after(0.0, lambda: 1.0)), pytest.raises(httpcore.WriteTimeout):
        bounded_timeout(5.0, httpcore.WriteTimeout)


def test_outside_there_is_no_deadline() -> None:
    """Leaving the block leaves the deadline, also by an error."""
    with pytest.raises(KeyError), within(Deadline.after(1.0, lambda: 0.0)):
        raise KeyError
    assert current_deadline() is None
    assert bounded_timeout(None, httpcore.ReadTimeout) is None


class Network(httpcore.NetworkBackend, httpcore.NetworkStream):
    """Notes how long each call would wait."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any) -> Network:
        """Connect."""
        self.waits.append(timeout)
        return self

    def start_tls(self, context: ssl.SSLContext, name: str | None = None, timeout: float | None = None) -> Network:
        """Shake hands."""
        self.waits.append(timeout)
        return self

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        self.waits.append(timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive."""
        self.waits.append(timeout)
        return b"x"


def test_every_call_of_a_connection_is_bounded() -> None:
    """Also the ones that others' timeouts leave long."""
    network = Network()
    with within(Deadline.after(5.0, lambda: 100.0)):
        stream = DeadlineBackend(network).connect_tcp("a.example", 443, timeout=60.0)
        secure = stream.start_tls(ssl.create_default_context(), "a.example", timeout=60.0)
        secure.write(b"x", timeout=60.0)
        secure.read(1, timeout=60.0)
    assert network.waits == [5.0] * 4
