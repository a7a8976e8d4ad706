"""The last event of a run that failed or was canceled.

Celery sends no such event: the entry task became its canvas, and the canvas ends without a result. Without the event,
Flower and other monitors would show the run as STARTED for ever.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

from concept_worker.logging import get_logger

log = get_logger(__name__)


def send_failed(task: Task[Any, Any], task_id: UUID, sentence: str) -> None:
    """Tell monitors that the run failed, with the row's error message."""
    _send(task, task_id, "task-failed", exception=sentence, traceback="")


def send_revoked(task: Task[Any, Any], task_id: UUID) -> None:
    """Tell monitors that the run was canceled."""
    _send(task, task_id, "task-revoked", terminated=False, signum=None, expired=False)


def _send(task: Task[Any, Any], task_id: UUID, event: str, **fields: Any) -> None:
    """Send one event of the entry task, once; an error of the broker is only logged, so the row still gets its end."""
    try:
        with task.app.events.default_dispatcher(hostname=task.request.hostname) as dispatcher:
            dispatcher.send(event, uuid=str(task_id), **fields)
    except (KombuError, OperationalError, OSError, RedisError) as exc:
        log.info("last event of a run not sent", error=type(exc).__name__)
