"""Bytes in the broker that no Celery producer sends: the worker drops them and works on."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from redis import Redis

from concept_worker.devstack import PREFIX
from concept_worker.models import TaskStatus
from concept_worker.routing import Queue, TaskName
from tests.conftest import StartSystem, System
from tests.waiting import until

Change = Callable[[dict[str, Any]], object]


def encoded(body: Any) -> str:
    """A body as kombu writes it."""
    return base64.b64encode(json.dumps(body).encode()).decode()


NO_MESSAGES = [b"garbage", b"\xff\xfe", b"[]", b"[1, 2, 3]", b"1", b"null", b"{}", b'"x"', b"[" * 100_000]

HOSTILE: list[Change] = [
    # The envelope
    lambda message: message.pop("properties"),
    lambda message: message.update(properties=[]),
    lambda message: message["properties"].pop("delivery_tag"),
    lambda message: message["properties"].update(delivery_tag=[]),
    lambda message: message["properties"].pop("delivery_info"),
    lambda message: message["properties"].update(delivery_info=[]),
    lambda message: message["properties"].update(delivery_info={"exchange": [], "routing_key": []}),
    lambda message: message["properties"].update(body_encoding="x"),
    lambda message: message.update(body=5),
    # What is in it
    lambda message: message.update(body=encoded({})),
    lambda message: message.update(body=encoded([1])),
    lambda message: message.update(body="!!!"),
    lambda message: message.update(body=None),
    lambda message: message.update({"content-type": None}),
    lambda message: message.update({"content-type": "application/x-python-serialize"}),
    lambda message: message.pop("headers"),
    lambda message: message.update(headers=[]),
    lambda message: message["headers"].pop("id"),
    lambda message: message["headers"].update(id=[]),
    lambda message: message["headers"].update(task=[]),
    lambda message: message["headers"].update(timelimit="x"),
    lambda message: message["headers"].update(eta="soon"),
]


def genuine(system: System, redis: Redis) -> dict[str, Any]:
    """A message as our own producer sends it, from a queue that nobody reads."""
    queue = f"sample-{uuid4().hex}"
    system.app.conf.task_create_missing_queues = True
    system.app.send_task(TaskName.DISPATCH.value, args=[{}], queue=queue)
    raw = redis.lpop(f"{PREFIX}{queue}")
    assert isinstance(raw, bytes)
    message: dict[str, Any] = json.loads(raw)
    return message


def test_a_worker_survives_what_lies_in_its_queue(start_system: StartSystem, user_id: UUID) -> None:
    """Every hostile message is gone afterwards, and the next run completes in the same process."""
    system = start_system()
    redis = Redis.from_url(system.settings.redis_url)
    pid = system.worker.container.pid
    for change in HOSTILE:
        message = genuine(system, redis)
        message["properties"]["delivery_tag"] = str(uuid4())
        change(message)
        redis.lpush(f"{PREFIX}{Queue.CONCEPTS.value}", json.dumps(message))
    redis.lpush(f"{PREFIX}{Queue.CONCEPTS.value}", *NO_MESSAGES)

    row = system.client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)
    until(lambda: system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED, "the run behind them")
    assert (system.worker.container.status, system.worker.container.pid) == ("running", pid)
    assert redis.llen(f"{PREFIX}{Queue.CONCEPTS.value}") == 0
    until(lambda: redis.hlen(f"{PREFIX}unacked") == 0, "nothing to be left in the worker's hands")
    dropped = system.worker.logs().count("hostile message dropped")
    assert dropped >= len(NO_MESSAGES) + len(HOSTILE) - 3  # Celery itself drops what names no task
    redis.close()
