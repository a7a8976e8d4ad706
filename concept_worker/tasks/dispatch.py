"""The entry for producers that still send the original's one message for everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from celery import shared_task

from concept_worker.errors import ConceptWorkerError, InvalidRequest, StaleRun, TaskNotFoundError, TransientError
from concept_worker.logging import get_logger
from concept_worker.models import TaskRow, TaskStatus, TaskType
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.routing import TaskName
from concept_worker.tasks.base import PipelineTask, log_context, quiet_when_stale, task_id_of
from concept_worker.tasks.housekeeping import enqueue_start
from concept_worker.validation import payload_from
from concept_worker.worker.process import services

log = get_logger(__name__)

_ENVELOPE = ("task_id", "user_id", "task_type")


@shared_task(bind=True, base=PipelineTask, name=TaskName.DISPATCH.value)
def dispatch(self: PipelineTask, message: Any = None, *_: Any, **__: Any) -> None:
    """Check a message of the original's shape, write its fields into its pending row, and start its pipeline."""
    with quiet_when_stale():
        try:
            enqueue_start(self, _accepted(message))
        except TransientError as exc:
            if self.tries_are_used_up:
                raise
            self.try_again(exc)


def _accepted(message: Any) -> TaskRow:
    """Write the message's inputs into the row that it names, and return the row.

    A wrong message that names the row's user fails the row; a message of another user is dropped.

    Raises:
        StaleRun: the message was rejected or dropped.
    """
    fields = dict(message) if isinstance(message, Mapping) else {}
    task_id = task_id_of(fields.get("task_id"))
    with log_context(task_id, step="dispatch"):
        user_id = _user_of(fields)
        try:
            row = services().task_service.get_task(task_id, user_id)
        except TaskNotFoundError:
            _drop("it names no task of its user")
        inputs = _checked_inputs(row, fields)
        if not services().task_service.accept_inputs(task_id, user_id, inputs):
            raise StaleRun("the task is not pending any more")
        return row


def _user_of(fields: Mapping[str, Any]) -> UUID:
    try:
        return UUID(str(fields.get("user_id")))
    except ValueError:
        _drop("core task information missing in message payload (task_id or user_id)")


def _checked_inputs(row: TaskRow, fields: Mapping[str, Any]) -> dict[str, Any]:
    kind = fields.get("task_type")
    if kind not in [known.value for known in PROCESSORS]:
        _reject(row.id, f"Unknown task type: {str(kind)[:60]}")
    if kind != row.type:
        _reject(row.id, "Invalid request: task_type: is not the type of this task")
    processor = PROCESSORS[TaskType(row.type)]
    if not all(fields.get(name) for name in processor.required):
        _reject(row.id, processor.missing)
    try:
        payload = payload_from(
            processor.payload_model, {name: value for name, value in fields.items() if name not in _ENVELOPE}
        )
    except InvalidRequest as exc:
        _reject(row.id, str(exc))
    inputs: dict[str, Any] = payload.model_dump(mode="json")
    return inputs


def _drop(reason: str) -> NoReturn:
    """Leave the row alone: the message does not speak for it.

    Raises:
        StaleRun: always; there is nothing left to do.
    """
    log.warning("message dropped", reason=reason)
    raise StaleRun("the message was dropped")


def _reject(task_id: UUID, sentence: str) -> NoReturn:
    """Fail a row that is not claimed yet, because its message is malformed; leave a claimed row alone.

    Raises:
        StaleRun: always; there is nothing left to do.
    """
    log.warning("message rejected", reason=sentence)
    try:
        services().task_service.update_task_status(task_id, TaskStatus.FAILED, error_message=sentence, run=0)
    except TransientError:
        raise
    except ConceptWorkerError as exc:
        log.info("rejected message left its row alone", reason=str(exc))
    raise StaleRun("the message was rejected")
