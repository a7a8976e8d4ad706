"""The broker's part, in the hands of a test: messages that are delivered again, or twice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery.result import AsyncResult
from redis import Redis

from concept_worker.devstack import PREFIX
from concept_worker.models import TaskRow
from concept_worker.routing import Queue
from tests.conftest import System
from tests.waiting import until


@dataclass(frozen=True)
class InHand:
    """A message that a worker took and has not acknowledged."""

    message: dict[str, Any]
    queue: str

    @property
    def celery_id(self) -> str:
        """Of its task."""
        return str(self.message["headers"]["id"])

    @property
    def task_id(self) -> str:
        """Of its run's row."""
        return str(self.message["headers"]["root_id"])

    @property
    def step(self) -> str:
        """As checkpoints call it."""
        return str(self.message["headers"]["task"]).rpartition(".")[2]

    def named(self, celery_id: str) -> InHand:
        """Another delivery of it, under that id."""
        headers = self.message["headers"] | {"id": celery_id}
        properties = self.message["properties"] | {"correlation_id": celery_id, "delivery_tag": str(uuid4())}
        return InHand(self.message | {"headers": headers, "properties": properties}, self.queue)


class Deliveries:
    """Messages of one worker's broker."""

    def __init__(self, system: System) -> None:
        self._app = system.app
        self._url = system.settings.redis_url

    def in_hand(self) -> dict[str, InHand]:
        """By delivery tag; those of a worker that died, too."""
        with Redis.from_url(self._url) as broker:
            found = {tag.decode(): json.loads(raw) for tag, raw in broker.hgetall(f"{PREFIX}unacked").items()}
        return {tag: InHand(message, queue) for tag, (message, _, queue) in found.items()}

    def until_all_are_done(self) -> None:
        """Wait until no message waits in a queue, for its time, or in anybody's hands."""

        def are_done() -> bool:
            with Redis.from_url(self._url) as broker:
                return not broker.hlen(f"{PREFIX}unacked") and not any(
                    broker.llen(f"{PREFIX}{queue.value}") for queue in Queue
                )

        until(are_done, "every message to be done")

    def again(self, tags: Iterable[str]) -> None:
        """Give messages back to their queues, as the broker does when the visibility timeout is over."""
        with self._app.connection_for_write() as connection:
            for tag in tags:
                connection.default_channel.qos.restore_by_tag(tag)  # type: ignore[attr-defined]  # kombu's, of Redis

    def twice(self, row: TaskRow, step: str, *, celery_id: str | None = None) -> str:
        """Deliver the step's message once more while somebody has it in hand; its Celery id."""
        first = next(one for one in self.in_hand().values() if (one.task_id, one.step) == (str(row.id), step))
        second = first.named(celery_id or first.celery_id)
        with Redis.from_url(self._url) as broker:
            broker.lpush(f"{PREFIX}{second.queue}", json.dumps(second.message))
        return second.celery_id

    def until_state(self, celery_id: str, state: str) -> None:
        """Wait for a state of a Celery task."""
        result: AsyncResult[Any] = AsyncResult(celery_id, app=self._app)
        until(lambda: result.state == state, f"{celery_id} to be {state}")
