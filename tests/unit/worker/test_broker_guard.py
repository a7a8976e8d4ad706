"""The guards at the broker: what is dropped, and whether kombu still needs its two."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection
from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as RedisConnectionError

from concept_worker.producer_app import producer_app
from concept_worker.settings import Settings
from concept_worker.upstream_fixes.connection_guard import connection_parameters, original
from concept_worker.upstream_fixes.envelope_guard import deliver, original_deliver
from concept_worker.worker.broker_guard import disarm, fault_of

GOOD: dict[str, Any] = {"id": "a", "task": "concept_worker.dispatch", "timelimit": [None, None]}


class Message(SimpleNamespace):
    """As much of a kombu message as the guard looks at."""

    def decode(self) -> Any:
        """The body, or the error it was made with."""
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


def message(body: Any = ([], {}, {}), **headers: Any) -> Message:
    """A good message with these changes."""
    return Message(headers=GOOD | headers, body=body)


def test_a_good_message_has_no_fault() -> None:
    """With and without options."""
    assert fault_of(message()) is None
    assert fault_of(message(body=[[1], {"a": 2}, None])) is None


def test_a_message_brings_no_time_limit() -> None:
    """It would kill a child, or be the failure of somebody's row; the task keeps its own."""
    armed = message(timelimit=[0.01, 0.01])
    disarm(armed)
    assert armed.headers["timelimit"] == [None, None]


@pytest.mark.parametrize(
    "bad",
    [
        message(id=None),
        message(id=5),
        message(task=[]),
        message(timelimit="x"),
        message(retries="many"),
        message(retries=0.5),
        message(task="celery.starmap"),
        message(task="celery.chord_unlock"),
        message(body={}),
        message(body=[1]),
        message(body="xyz"),
        message(body=["x", {}, {}]),
        message(body=[[], [], {}]),
        message(body=ValueError("no base64")),
    ],
)
def test_what_would_end_a_worker_is_a_fault(bad: Message) -> None:
    """Each of these ends an unguarded Celery 5.7 worker, or loops."""
    assert fault_of(bad) is not None


def test_kombu_still_needs_the_guard() -> None:
    """When this fails, kombu was mended: delete `connection_guard` and this test."""
    gone: Any = SimpleNamespace(connection=SimpleNamespace(client=None))
    with pytest.raises(AttributeError):
        original(gone)


@pytest.mark.parametrize("connection", [None, SimpleNamespace(client=None)])
def test_a_connection_that_is_gone_is_a_connection_error(connection: Any) -> None:
    """Which a worker and a producer survive."""
    gone: Any = SimpleNamespace(connection=connection)
    with pytest.raises(RedisConnectionError):
        connection_parameters(gone)


def test_a_worker_has_the_guard() -> None:
    """It comes with the consumer that Celery is told to use."""
    check = (
        "import concept_worker.worker.broker_guard\n"
        "from concept_worker.upstream_fixes.connection_guard import Channel, connection_parameters\n"
        "print(Channel._connparams is connection_parameters)"
    )
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True"


def test_a_producer_has_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without importing the worker."""
    monkeypatch.setattr(Channel, "_connparams", original)
    producer_app(Settings())
    assert Channel._connparams is connection_parameters  # type: ignore[attr-defined]  # the stubs leave it out


def test_kombu_still_needs_its_envelopes_guarded() -> None:
    """When this fails, kombu was mended: delete `envelope_guard` and this test."""
    with Connection("memory://") as connection:
        transport = connection.transport
        channel: Any = connection.default_channel
        channel.basic_consume("concepts", no_ack=True, callback=print, consumer_tag="a")
        with pytest.raises(TypeError):
            original_deliver(transport, [], "concepts")  # type: ignore[arg-type]  # memory for Redis
        deliver(transport, [], "concepts")
