"""The guards between a worker and its broker: those of `upstream_fixes`, the release of steps when a threads pool has
to stop (`handover`), and a guard against messages that would kill the worker.

A message with valid headers and a broken body, or without an id, ends a Celery 5.7 worker. The message then returns to
the queue and ends the worker again after each restart. Here each message is checked first; a bad one is dropped with a
line in the log. Messages for Celery's own tasks are dropped, too: they would run any of our tasks many times, and our
canvas needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.concurrency.thread import TaskPool as Threads
from celery.worker import state
from celery.worker.consumer import Consumer

from concept_worker.logging import get_logger
from concept_worker.upstream_fixes import connection_guard, envelope_guard, odd_key_guard, odd_result_guard
from concept_worker.worker import handover

log = get_logger(__name__)

_BUILT_IN = "celery."

connection_guard.install()
envelope_guard.install()
odd_key_guard.install()
odd_result_guard.install()


class GuardedConsumer(Consumer):
    """Celery's consumer that drops messages it could not survive, and stops in time (setting `worker_consumer`)."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return Celery's handler of received messages, with the check before it."""
        handle: Callable[[Any], Any] = super().create_task_handler(*args, **kwargs)

        def guarded(message: Any) -> Any:
            fault = fault_of(message)
            if fault is None:
                disarm(message)
                return handle(message)
            log.critical("hostile message dropped", fault=fault)
            return message.reject_log_error(log, (ConnectionError, OSError))

        return guarded

    def cancel_active_requests(self) -> None:
        """Stop what still runs when the time of the soft shutdown is over; a threads pool ends the process."""
        handover.announce()
        if state.active_requests and isinstance(self.pool, Threads):
            handover.leave(self.connection)
        super().cancel_active_requests()


def fault_of(message: Any) -> str | None:
    """Say why a worker would not survive this message of Celery's protocol 2; return None for a good message."""
    headers = message.headers
    if not isinstance(headers, dict) or "task" not in headers:
        return None  # Celery itself drops a message without a task name
    for name in ("id", "task"):
        if not isinstance(headers.get(name), str):
            return f"{name} is no text"
    if headers["task"].startswith(_BUILT_IN):
        return "it is for a task of Celery's own"
    if not _is_pair(headers.get("timelimit")):
        return "timelimit is no pair"
    if not isinstance(headers.get("retries") or 0, int):
        return "retries is no whole number"
    try:
        body = message.decode()
    except Exception as exc:  # hostile bytes may make a codec raise any error; each means: drop the message
        return f"body cannot be decoded: {type(exc).__name__}"
    match body:
        case [list() | tuple(), dict(), dict() | None]:
            return None
        case _:
            return "body is not arguments, keywords and options"


def disarm(message: Any) -> None:
    """Remove the message's own time limits, which would kill a child or fail a row; the task's own limit stays."""
    if isinstance(message.headers, dict) and "timelimit" in message.headers:
        message.headers["timelimit"] = [None, None]


def _is_pair(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and len(value) == 2)
