"""What beat asks for: rows whose message was lost or whose run died are enqueued again."""

from __future__ import annotations

import structlog
from celery import shared_task

from concept_worker.models import TaskRow, TaskType
from concept_worker.routing import QUEUE_OF, START_OF, TaskName
from concept_worker.settings import get_settings
from concept_worker.tasks.base import PipelineTask
from concept_worker.tasks.process import services

log = structlog.get_logger(__name__)

_BATCH = 100  # rows a round; the next round takes the rest


@shared_task(bind=True, base=PipelineTask, name=TaskName.RECONCILE.value)
def reconcile(self: PipelineTask) -> int:
    """Enqueue stalled rows; how many."""
    rows = services().task_service.reconcile(get_settings().pending_seconds, _BATCH)
    for row in rows:
        enqueue_start(self, row)
    return len(rows)


def enqueue_start(task: PipelineTask, row: TaskRow) -> None:
    """Send the entry message of a row: its Celery id is the row's id."""
    name = START_OF[TaskType(row.type)]
    task.app.send_task(name.value, task_id=str(row.id), queue=QUEUE_OF[name].value)
    log.info("task enqueued", **row.log_context())
