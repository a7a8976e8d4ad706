"""The entries of the pipelines: claim a row, become the canvas of its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from celery import shared_task

from concept_worker.errors import InvalidRequest, StaleRun, TransientError
from concept_worker.logging import get_logger
from concept_worker.models import RunReference, TaskRow, TaskStatus
from concept_worker.pipelines.failure import fail_run
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.redaction import kind_of
from concept_worker.routing import START_OF
from concept_worker.tasks.base import NO_ROW, Json, PipelineTask, log_context, quiet_when_stale, task_id_of
from concept_worker.tasks.canvas import canvas_of
from concept_worker.validation import payload_from, stored_payload
from concept_worker.worker.last_event import send_failed, send_revoked
from concept_worker.worker.process import services

log = get_logger(__name__)

# What a message may ask to be done after it; ours ask for nothing, and the canvas would take a stranger's wishes along.
_APPENDED = ("callbacks", "errbacks", "chain", "chord", "group")


class StartTask(PipelineTask):
    """The entry of a pipeline: its Celery id is the task id, and nothing else of its message counts."""

    abstract = True

    def start(self, args: Sequence[Json], kwargs: Mapping[str, Json]) -> Any:
        """Claim the row named by this message's id and become the canvas of its type; quiet when there is nothing to
        claim.
        """
        task_id = task_id_of(self.request.id)
        with log_context(task_id, step="start"), quiet_when_stale():
            self._strip(args, kwargs)
            try:
                task = claimed(self._claim(task_id))
            except TransientError as exc:
                if self.tries_are_used_up:
                    raise
                self.try_again(exc)
            log.info("run started", run=task.run)
            return self.replace(canvas_of(RunReference.of(task)))

    def _claim(self, task_id: UUID) -> TaskRow | None:
        tasks = services().task_service
        task = tasks.claim_task_if_pending(task_id)
        if task is None:
            self._tell_why(tasks.find_task(task_id))
        return task

    def _tell_why(self, found: TaskRow | None) -> None:
        """Log a row that is not here, and tell monitors of one that ended before its message was read."""
        if found is None:
            log.warning(NO_ROW)
        elif found.status is TaskStatus.CANCELED:
            send_revoked(self, found.id)
        elif found.status is TaskStatus.FAILED:
            send_failed(self, found.id, str(found.error_message))

    def _strip(self, args: Sequence[Json], kwargs: Mapping[str, Json]) -> None:
        """Ignore what a foreign message carries besides its id."""
        appended = [name for name in _APPENDED if self.request.get(name)]
        if args or kwargs or appended:
            log.warning("message carries more than its id", arguments=len(args) + len(kwargs), appended=appended)
        self.request.update(dict.fromkeys(_APPENDED))

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Leave the row to its lease and housekeeping, which sends another message."""
        log.error("start failed", error=kind_of(exc), celery_id=task_id)


def claimed(task: TaskRow | None) -> TaskRow:
    """Return the row of the new run, its inputs checked; fail a row whose inputs no run can work on, once.

    Raises:
        StaleRun: there was nothing to claim, or it was failed.
    """
    if task is None:
        raise StaleRun("the task could not be claimed")
    if task.type not in PROCESSORS:
        raise StaleRun("the task is of a type that this version does not know")
    run = RunReference.of(task)
    try:
        # A later run may be another version's; what an earlier one paid for does not fail for a field of that version.
        check = payload_from if task.run == 1 else stored_payload
        check(PROCESSORS[run.type].payload_model, task.inputs)
    except InvalidRequest as exc:
        log.warning("run refused", reason=str(exc))
        fail_run(services().task_service, run, str(exc), services().image_service)
        raise StaleRun("the run was refused") from exc
    return task


def _entry(self: StartTask, /, *args: Json, **kwargs: Json) -> Json:
    """Claim the row whose id is this message's id, and run its pipeline."""
    return self.start(args, kwargs)


START_TASKS = {kind: shared_task(bind=True, base=StartTask, name=name.value)(_entry) for kind, name in START_OF.items()}
