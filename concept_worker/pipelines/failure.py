"""The failure of a run: its row, and what the run leaves in staging."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from concept_worker.errors import ConceptWorkerError, StoreUnavailable, TransientError
from concept_worker.logging import get_logger
from concept_worker.models import RunReference, TaskRow, TaskStatus
from concept_worker.pipelines.patience import patiently

if TYPE_CHECKING:
    from concept_worker.services.image_service import ImageService
    from concept_worker.services.task_service import TaskService

log = get_logger(__name__)


def fail_run(tasks: TaskService, run: RunReference, sentence: str, images: ImageService | None = None) -> bool:
    """Write a run's failure into its row, release its staging in `images`, and say whether the failure is written.

    A row that is terminal or of a newer run stays as it is, and so does its staging.
    """
    try:
        failed = patiently(
            lambda: tasks.update_task_status(run.task_id, TaskStatus.FAILED, error_message=sentence, run=run.number)
        )
    except TransientError as exc:
        # The run's own error must not be masked; the lease ends and housekeeping repairs the row.
        log.warning("failure not written to the row yet", reason=str(exc))
        return False
    except ConceptWorkerError as exc:
        log.info("failure not written: the row has moved on", reason=str(exc))
        return False
    if images is not None:
        release_failed(images, failed)
    return True


def release_failed(images: ImageService, task: TaskRow) -> None:
    """Release what a failed task has in staging; housekeeping repeats it where staging is away."""
    with suppress(StoreUnavailable):
        images.release_failed(user_id=task.user_id, task_id=task.id)
