"""The door for producers that still send the original's one message for everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from celery import shared_task

from concept_worker.errors import InvalidRequest, StaleRun, TaskNotFoundError, TransientError
from concept_worker.logging import get_logger
from concept_worker.models import TaskRow, TaskType, payload_from
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.routing import TaskName
from concept_worker.tasks.base import PipelineTask, log_context, quiet_when_stale, reject, task_id_of
from concept_worker.tasks.housekeeping import enqueue_start
from concept_worker.tasks.process import services

log = get_logger(__name__)

_ENVELOPE = ("task_id", "user_id", "task_type")
# What each type cannot do without, and the original's sentence for it.
_REQUIRED = {
    TaskType.GENERATION: (
        ("logo_description", "theme_description"),
        "Missing logo/theme description for generation task.",
    ),
    TaskType.REFINEMENT: (
        ("refinement_prompt", "original_image_url"),
        "Missing prompt/original URL for refinement task.",
    ),
}


@shared_task(bind=True, base=PipelineTask, name=TaskName.DISPATCH.value)
def dispatch(self: PipelineTask, message: Any) -> None:
    """Check a message of the original's shape, write its fields into its pending row, and start its pipeline."""
    with quiet_when_stale():
        try:
            enqueue_start(self, _accepted(message))
        except TransientError as exc:
            if self.tries_are_used_up:
                raise
            self.try_again(exc)


def _accepted(message: Any) -> TaskRow:
    """The row that the message speaks of, its inputs written into it.

    Raises:
        StaleRun: the message was rejected, or speaks of no pending row of this user.
    """
    fields = dict(message) if isinstance(message, Mapping) else {}
    task_id = task_id_of(fields.get("task_id"))
    with log_context(task_id, step="dispatch"):
        user_id = _user_of(task_id, fields)
        try:
            row = services().task_service.get_task(task_id, user_id)
        except TaskNotFoundError as exc:
            raise StaleRun("the message names no task of this user") from exc
        inputs = _checked_inputs(row, fields)
        if not services().task_service.accept_inputs(task_id, user_id, inputs):
            raise StaleRun("the task is not pending any more")
        return row


def _user_of(task_id: UUID, fields: Mapping[str, Any]) -> UUID:
    if not fields.get("user_id"):
        reject(task_id, "Core task information missing in message payload (task_id or user_id)")
    try:
        return UUID(str(fields["user_id"]))
    except ValueError:
        reject(task_id, "Invalid request: user_id: must be a UUID")


def _checked_inputs(row: TaskRow, fields: Mapping[str, Any]) -> dict[str, Any]:
    kind = fields.get("task_type")
    if kind not in [known.value for known in PROCESSORS]:
        reject(row.id, f"Unknown task type: {str(kind)[:60]}")
    if kind != row.type:
        reject(row.id, "Invalid request: task_type: is not the type of this task")
    required, sentence = _REQUIRED[TaskType(row.type)]
    if not all(fields.get(name) for name in required):
        reject(row.id, sentence)
    try:
        model = PROCESSORS[TaskType(row.type)].payload_model
        payload = payload_from(model, {name: value for name, value in fields.items() if name not in _ENVELOPE})
    except InvalidRequest as exc:
        reject(row.id, str(exc))
    inputs: dict[str, Any] = payload.model_dump(mode="json")
    return inputs
