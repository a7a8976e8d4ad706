"""Who consumes each queue, as the workers themselves say."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from concept_worker.errors import StoreRefused
from concept_worker.routing import Queue

_SECONDS = 2.0  # patience with the answers


def consumers(app: Celery) -> dict[Queue, list[str]]:
    """The workers that consume each queue now; one whose consumer was canceled is none.

    Raises:
        StoreRefused: they cannot be asked.
    """
    try:
        answers: dict[str, Any] = app.control.inspect(timeout=_SECONDS).active_queues() or {}
    except (OperationalError, RedisError) as exc:
        raise StoreRefused(f"cannot be asked: {exc}") from exc
    consumed = {
        worker: {str(queue.get("name")) for queue in queues}
        for worker, queues in answers.items()
        if isinstance(queues, list)  # else it says what went wrong
    }
    return {queue: sorted(worker for worker, names in consumed.items() if queue.value in names) for queue in Queue}
