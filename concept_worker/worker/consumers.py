"""The consumers of each queue, as the workers themselves report them."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from concept_worker.errors import StoreRefused
from concept_worker.routing import Queue

_SECONDS = 2.0  # to wait for the workers' answers


def consumers(app: Celery) -> dict[Queue, list[str]]:
    """Return the workers that consume each queue now; a worker whose consumer was canceled does not count.

    Raises:
        StoreRefused: the workers cannot be asked.
    """
    try:
        answers: dict[str, Any] = app.control.inspect(timeout=_SECONDS).active_queues() or {}
    except (OperationalError, RedisError) as exc:
        raise StoreRefused(f"cannot be asked: {exc}") from exc
    consumed = {
        worker: {str(queue.get("name")) for queue in queues}
        for worker, queues in answers.items()
        if isinstance(queues, list)  # otherwise the answer is an error
    }
    return {queue: sorted(worker for worker, names in consumed.items() if queue.value in names) for queue in Queue}
