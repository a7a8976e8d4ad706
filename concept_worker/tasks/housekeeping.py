"""The tasks of beat: resume stalled rows, delete what no row refers to."""

from __future__ import annotations

from celery import shared_task

from concept_worker.logging import get_logger
from concept_worker.models import TaskRow, TaskType
from concept_worker.routing import QUEUE_OF, START_OF, TaskName
from concept_worker.settings import get_settings
from concept_worker.tasks.base import PipelineTask
from concept_worker.worker.backlog import waiting_among
from concept_worker.worker.process import services

log = get_logger(__name__)

_BATCH = 200  # rows of each kind a round; the next round takes the rest
_DAY = 86_400.0


@shared_task(bind=True, base=PipelineTask, name=TaskName.RECONCILE.value, ignore_result=True)
def reconcile(self: PipelineTask) -> None:
    """End what is past its deadline, enqueue what is dead; then hold what waits in a queue, enqueue what stalled.

    The dead come first: whatever lies in the queues, or keeps them from being read, does not stop them.
    """
    settings, tasks = get_settings(), services().task_service
    expired = tasks.expire(settings.deadline_seconds)
    dead = tasks.resume_dead(settings.pending_seconds, _BATCH)
    for row in dead:
        enqueue_start(self, row)
    if expired or dead:
        log.info("reconciled", expired=expired, dead=len(dead))
    try:
        _resume_stalled(self)
    finally:  # whatever keeps the queues from being read
        services().housekeeping_service.release_ended()


def _resume_stalled(task: PipelineTask) -> None:
    """Enqueue the rows that may have lost their message and have none in the broker."""
    tasks, pending_seconds = services().task_service, get_settings().pending_seconds
    stalled = tasks.stalled(pending_seconds, _BATCH)
    if not stalled:
        return
    waiting = waiting_among(task.app, {str(row.id) for row in stalled})
    held = tasks.hold([row for row in stalled if str(row.id) in waiting])
    resumed = tasks.resume([row for row in stalled if str(row.id) not in waiting], pending_seconds)
    for row in resumed:
        enqueue_start(task, row)
    log.info("stalled rows looked up", stalled=len(stalled), held=held, resumed=len(resumed))


@shared_task(base=PipelineTask, name=TaskName.SWEEP.value, ignore_result=True)
def sweep() -> None:
    """Remove what no row refers to, then what is older than the retention."""
    settings = get_settings()
    services().housekeeping_service.sweep(settings.sweep_after_seconds)
    if settings.retention_days:
        services().housekeeping_service.retain(settings.retention_days * _DAY)


def enqueue_start(task: PipelineTask, row: TaskRow) -> None:
    """Send the entry message of a row: its Celery id is the row's id.

    A type of a newer version is left to its workers.
    """
    if row.type not in START_OF:
        log.warning("row of an unknown type left alone", **row.log_context())
        return
    name = START_OF[TaskType(row.type)]
    task.app.send_task(name.value, task_id=str(row.id), queue=QUEUE_OF[name].value)
    log.info("task enqueued", **row.log_context())
