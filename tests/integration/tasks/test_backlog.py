"""What the broker says of a run: whether a message of it still waits, wherever and behind whatever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery
from redis import Redis
from structlog.testing import capture_logs

from concept_worker.devstack import PREFIX, Stack
from concept_worker.devstack.acl import NAMESPACE
from concept_worker.producer_app import producer_app
from concept_worker.routing import Queue
from concept_worker.settings import Settings
from concept_worker.worker import backlog
from concept_worker.worker.backlog import waiting_among


@pytest.fixture
def broker(stack: Stack) -> Iterator[Redis]:
    """A database of the broker that no worker reads."""
    with Redis.from_url(stack.environment["REDIS_URL"].rpartition("/")[0] + "/2") as redis:
        redis.flushdb()
        yield redis


@pytest.fixture
def app(stack: Stack, broker: Redis) -> Celery:
    """An app on that database."""
    return producer_app(
        Settings(namespace=NAMESPACE, redis_url=stack.environment["REDIS_URL"].rpartition("/")[0] + "/2")
    )


@pytest.mark.parametrize("queue", list(Queue))
@pytest.mark.parametrize("header", ["id", "root_id"])
def test_any_message_of_a_run_counts(app: Celery, broker: Redis, queue: Queue, header: str) -> None:
    """Its entry and its steps, in any queue; runs without one are not named."""
    waiting, other = str(uuid4()), str(uuid4())
    broker.lpush(f"{PREFIX}{queue.value}", json.dumps({"headers": {header: waiting}}))
    assert waiting_among(app, {waiting, other}) == {waiting}


def test_what_is_not_ours_is_passed_over(app: Celery, broker: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue with nonsense in it, longer than what is read at once, hides nothing."""
    monkeypatch.setattr(backlog, "_PAGE", 3)
    waiting = [str(uuid4()) for _ in range(2)]
    nonsense = ["no json", "[]", "{}", '{"headers": 5}', "null", '{"headers": null}']
    for message in (
        json.dumps({"headers": {"id": waiting[0]}}),
        *nonsense,
        json.dumps({"headers": {"id": waiting[1]}}),
    ):
        broker.lpush(f"{PREFIX}{Queue.IMAGES.value}", message)
    assert waiting_among(app, set(waiting)) == set(waiting)


DEEP = b"[" * 100_000
ODD = [
    DEEP,
    b'{"headers": ' * 5_000,
    b"\xff\xfe",
    b'{"headers": {"id": "\xff"}}',
    b'{"headers": {"id": []}}',
    b'{"headers": {"root_id": ' + b"[" * 400 + b"]" * 400 + b"}}",
    b'{"headers": "' + b"x" * 10_000_000 + b'"}',
    b"9" * 50_000,
]


def test_odd_messages_hide_nobody(app: Celery, broker: Redis) -> None:
    """Deep, large, or no text: one alarm a queue, and the messages around them count."""
    waiting = [str(uuid4()) for _ in range(2)]
    broker.lpush(f"{PREFIX}{Queue.IMAGES.value}", json.dumps({"headers": {"id": waiting[0]}}), *ODD)
    broker.lpush(f"{PREFIX}{Queue.IMAGES.value}", json.dumps({"headers": {"id": waiting[1]}}))
    with capture_logs() as logs:
        assert waiting_among(app, {*waiting, str(uuid4())}) == set(waiting)
    assert [(line["event"], line["count"]) for line in logs] == [("odd messages in a queue passed over", len(ODD))]


def test_a_large_message_stays_on_the_server(app: Celery, broker: Redis) -> None:
    """Whoever looks for others does not carry it away."""
    waiting = str(uuid4())
    broker.lpush(f"{PREFIX}{Queue.IMAGES.value}", json.dumps({"headers": {"id": waiting}}), *[b"x" * 2_000_000] * 20)
    before = broker.info("stats")["total_net_output_bytes"]
    assert waiting_among(app, {waiting, str(uuid4())}) == {waiting}
    assert broker.info("stats")["total_net_output_bytes"] - before < 1_000_000


@pytest.mark.parametrize("kind", ["string", "hash", "stream"])
def test_a_queue_that_is_none(app: Celery, broker: Redis, kind: str) -> None:
    """It is deleted, with an alarm, and the other queues are read."""
    odd, waiting = f"{PREFIX}{Queue.CONCEPTS.value}", str(uuid4())
    match kind:
        case "string":
            broker.set(odd, "odd")
        case "hash":
            broker.hset(odd, "a", "b")
        case "stream":
            broker.xadd(odd, {"a": "b"})
    broker.lpush(f"{PREFIX}{Queue.HOUSEKEEPING.value}", json.dumps({"headers": {"root_id": waiting}}))
    with capture_logs() as logs:
        assert waiting_among(app, {waiting}) == {waiting}
    assert [line["event"] for line in logs] == ["odd key in Redis deleted"]
    assert not broker.exists(odd)
