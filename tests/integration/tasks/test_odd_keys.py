"""Keys of the broker that hold something else: a real worker lives on, and the next run completes."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from concept_worker.devstack import PREFIX
from concept_worker.errors import EnqueueError
from concept_worker.models import TaskRow, TaskStatus, TaskType
from concept_worker.routing import Queue, TaskName
from tests.conftest import StartSystem, System
from tests.waiting import until

KEYS = {
    "concepts": "string",
    "images": "hash",
    "housekeeping": "set",
    "_kombu.binding.concepts": "string",
    "_kombu.binding.celery.pidbox": "list",
    "_kombu.binding_deadlines": "string",
    "unacked": "string",
    "unacked_index": "hash",
    "unacked_mutex": "list",
}


def plant(redis: Redis, key: str, kind: str) -> None:
    """Another type in the key's place."""
    redis.delete(key)
    match kind:
        case "string":
            redis.set(key, "odd")
        case "list":
            redis.lpush(key, "odd")
        case "set":
            redis.sadd(key, "odd")
        case "hash":
            redis.hset(key, "a", "b")


def asked(system: System, user_id: UUID) -> TaskRow:
    """A task, from a producer that meets the same keys: it may not delete them, and asks until a worker has."""

    def accepted() -> TaskRow | None:
        brief: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
        try:
            return system.client.generate(user_id=user_id, **brief)
        except EnqueueError:
            return None

    row = until(accepted, "the producer's message to be taken")
    assert row is not None
    return row


@pytest.fixture(scope="module")
def watched(start_system: StartSystem) -> System:
    """One worker for all of it, whose housekeeping starts lost messages again soon."""
    return start_system(CONCEPT_LEASE_SECONDS="2", CONCEPT_PENDING_SECONDS="1")


@pytest.mark.parametrize("key", KEYS)
def test_a_running_worker_lives_on(watched: System, user_id: UUID, key: str) -> None:
    """In the same process, and nothing else has to be done."""
    pid = watched.worker.container.pid
    with Redis.from_url(watched.settings.redis_url) as redis:
        plant(redis, f"{PREFIX}{key}", KEYS[key])
        row = asked(watched, user_id)

        def is_completed() -> bool:
            if redis.type(f"{PREFIX}{Queue.HOUSEKEEPING.value}") != b"list":  # it is empty, or what was planted
                watched.app.send_task(TaskName.RECONCILE.value, queue=Queue.HOUSEKEEPING.value, expires=10)
            return watched.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED

        until(is_completed, "the run")
    assert (watched.worker.container.status, watched.worker.container.pid) == ("running", pid)


def test_a_worker_starts_among_them(start_system: StartSystem, user_id: UUID) -> None:
    """All at once."""
    system = start_system()
    system.worker.container.stop(10)
    with Redis.from_url(system.settings.redis_url) as redis:
        for key, kind in KEYS.items():
            plant(redis, f"{PREFIX}{key}", kind)
        system.worker.container.start()
        system.worker.ready()
        row = asked(system, user_id)
        until(lambda: system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED, "the run")
        assert system.worker.logs().count("odd key in Redis deleted") >= len(KEYS) - 1


def test_unacknowledged_nonsense_keeps_no_message_back(start_system: StartSystem, user_id: UUID) -> None:
    """What cannot be given back is dropped; what is behind it is given back."""
    system = start_system(CONCEPT_VISIBILITY_SECONDS="2")
    with Redis.from_url(system.settings.redis_url) as redis:
        for number, nonsense in enumerate([b"garbage", b"\xff", b"[]", b"[1, 2, 3]", b"{}", b"[" * 100_000]):
            redis.hset(f"{PREFIX}unacked", f"odd {number}", nonsense)
            redis.zadd(f"{PREFIX}unacked_index", {f"odd {number}": time.time() - 3600})
        until(lambda: not redis.exists(f"{PREFIX}unacked_index"), "the nonsense to be gone")
        row = asked(system, user_id)
        until(lambda: system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED, "a run")
    assert system.worker.container.status == "running"


@pytest.mark.parametrize("content", [None, b"garbage", b"[" * 100_000, b"\xff", b"[]", b"{}"])
def test_a_result_that_is_none(watched: System, user_id: UUID, content: bytes | None) -> None:
    """Of the task itself, whose id a neighbour sees in the queue: it runs, and nobody waits for it."""
    tasks = watched.client._records.task_service
    inputs = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
    row = tasks.create_task(user_id, TaskType.GENERATION, inputs)
    with Redis.from_url(watched.settings.result_url) as redis:
        key = f"{PREFIX}celery-task-meta-{row.id}"
        redis.lpush(key, "odd") if content is None else redis.set(key, content)
        watched.app.send_task(TaskName.START_GENERATION.value, task_id=str(row.id), queue=Queue.CONCEPTS.value)
        until(lambda: watched.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED, "the run")
        assert redis.type(key) == b"string"
