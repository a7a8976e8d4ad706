"""Which runs only wait in a queue: the broker's word against the suspicion that they stalled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from celery import Celery

from concept_worker.routing import Queue

_PAGE = 500  # messages read at once; each is at most 16 kB


def waiting_among(app: Celery, task_ids: set[str]) -> set[str]:
    """Those of the task ids that some message still lying in a queue belongs to.

    A message's `root_id` is the task id of its run; an entry message's own `id` is. Messages that a worker holds do
    not count: a live worker extends their lease, and a dead one must not hide them.
    """
    missing, found = set(task_ids), set()
    with app.connection_for_read() as connection:
        redis = connection.default_channel.client  # type: ignore[attr-defined]  # of kombu's Redis channel
        for queue in Queue:
            for headers in _headers(redis, queue.value):
                mentioned = {str(headers.get("root_id")), str(headers.get("id"))} & missing
                found |= mentioned
                missing -= mentioned
            if not missing:
                break
    return found


def _headers(redis: Any, queue: str) -> Iterator[dict[str, Any]]:
    """Oldest messages last in the list, so read from its end."""
    length = redis.llen(queue)
    for end in range(length, 0, -_PAGE):
        for raw in redis.lrange(queue, max(0, end - _PAGE), end - 1):
            try:
                headers = json.loads(raw)["headers"]
            except (ValueError, TypeError, KeyError):
                continue  # not one of ours
            if isinstance(headers, dict):
                yield headers
