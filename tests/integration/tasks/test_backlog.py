"""What the broker says of a run: whether a message of it still waits, wherever and behind whatever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery
from redis import Redis

from concept_worker.client import producer_app
from concept_worker.devstack import Stack
from concept_worker.routing import Queue
from concept_worker.settings import Settings
from concept_worker.tasks import backlog
from concept_worker.tasks.backlog import waiting_among


@pytest.fixture
def broker(stack: Stack) -> Iterator[Redis]:
    """A database of the broker that no worker reads."""
    with Redis.from_url(stack.environment["REDIS_URL"].rpartition("/")[0] + "/2") as redis:
        redis.flushdb()
        yield redis


@pytest.fixture
def app(stack: Stack, broker: Redis) -> Celery:
    """An app on that database."""
    return producer_app(Settings(redis_url=stack.environment["REDIS_URL"].rpartition("/")[0] + "/2"))


@pytest.mark.parametrize("queue", list(Queue))
@pytest.mark.parametrize("header", ["id", "root_id"])
def test_any_message_of_a_run_counts(app: Celery, broker: Redis, queue: Queue, header: str) -> None:
    """Its entry and its steps, in any queue; runs without one are not named."""
    waiting, other = str(uuid4()), str(uuid4())
    broker.lpush(queue.value, json.dumps({"headers": {header: waiting}}))
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
        broker.lpush(Queue.IMAGES.value, message)
    assert waiting_among(app, set(waiting)) == set(waiting)
