"""The business of tidying: delete bytes that no row refers to, and old concepts with everything that is theirs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID

from concept_worker.logging import get_logger
from concept_worker.models import StagedName, TaskStatus
from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.image_persistence_service import ImagePersistenceService
from concept_worker.services.image_service import ImageService
from concept_worker.services.interfaces import Staging
from concept_worker.services.staging import staging_key
from concept_worker.services.task_service import TaskService
from concept_worker.validation import Traveling

log = get_logger(__name__)

_BATCH = 100  # objects or concepts per request
_OPEN_BATCH = 500  # tasks per query of which are open
_BATCHES = 100  # per round; the next round takes the rest


class SweepReport(Traveling):
    """A count of what a sweep deleted, or would delete (dry run)."""

    objects: int
    staged: int


class RetentionReport(Traveling):
    """A count of what retention deleted, or would delete (dry run)."""

    concepts: int
    objects: int


class HousekeepingService:
    """A service for sweep and retention. It never touches what an open run owns.

    Raises `StoreUnavailable` or `StoreRefused`.
    """

    def __init__(
        self,
        *,
        tasks: TaskService,
        images: ImagePersistenceService,
        concepts: ConceptPersistenceService,
        image_service: ImageService,
        staging: Staging,
    ) -> None:
        self._tasks = tasks
        self._images = images
        self._concepts = concepts
        self._image_service = image_service
        self._staging = staging

    def release_ended(self) -> int:
        """Delete from staging what ended runs left there, however they ended; return the number of tasks.

        A failed run's paid picture, which a retry needs, moves to the bucket first (`ImageService.release_failed`).
        """
        keys = self._staging.keys()
        odd = [key for key in keys if not _is_ours(key)]
        self._staging.remove(*odd)
        staged = {UUID(key.partition(":")[0]) for key in keys if _is_ours(key)}
        ended = sorted(staged - self._open_among(sorted(staged)))
        # At random: bytes of another deployment stay, and would otherwise fill the batch in every round.
        chosen = random.sample(ended, min(len(ended), _BATCH))
        released = sum(self._release(task_id) for task_id in chosen)
        if odd or released:
            log.info("staging released", tasks=released, odd=len(odd))
        return released

    def sweep(self, older_seconds: float, *, dry_run: bool = False) -> SweepReport:
        """Delete objects and staged bytes that are older than `older_seconds` and that no row refers to."""
        report = SweepReport(
            objects=self._sweep_objects(older_seconds, dry_run), staged=self._sweep_staging(older_seconds, dry_run)
        )
        log.info("orphans swept", dry_run=dry_run, **report.model_dump())
        return report

    def retain(self, older_seconds: float, *, dry_run: bool = False) -> RetentionReport:
        """Delete concepts older than `older_seconds`. Rows go first: a crash leaves only orphans for the sweep."""
        concepts = objects = 0
        for _ in range(_BATCHES):
            expired = self._concepts.expire_concepts(older_seconds, _BATCH, dry_run=dry_run)
            concepts += expired.concepts
            objects += len(expired.paths)
            if not dry_run:
                self._images.remove([self._images.locate(path) for path in expired.paths])
            if dry_run or expired.concepts < _BATCH:
                break
        report = RetentionReport(concepts=concepts, objects=objects)
        log.info("retention applied", dry_run=dry_run, **report.model_dump())
        return report

    def _sweep_objects(self, older_seconds: float, dry_run: bool) -> int:
        swept = 0
        for _ in range(_BATCHES):
            orphans = self._images.orphans(older_seconds, _BATCH)
            swept += len(orphans)
            if not dry_run:
                self._images.remove(orphans)
            if dry_run or len(orphans) < _BATCH:
                break
        return swept

    def _sweep_staging(self, older_seconds: float, dry_run: bool) -> int:
        keys = self._staging.older_than(older_seconds)
        still_open = self._open_among(_task_ids(keys))
        orphans = [key for key in keys if not _task_ids([key]) or _task_ids([key])[0] not in still_open]
        if orphans and not dry_run:
            self._staging.remove(*orphans)
        return len(orphans)

    def _release(self, task_id: UUID) -> bool:
        """Delete what the task left in staging; return False when it belongs to another deployment."""
        task = self._tasks.find_task(task_id)
        if task is None:
            return self._image_service.discard_unknown(task_id)
        if task.status is TaskStatus.FAILED:
            self._image_service.release_failed(user_id=task.user_id, task_id=task_id)
        else:
            self._image_service.discard_staged(task_id)
        return True

    def _open_among(self, task_ids: Sequence[UUID]) -> set[UUID]:
        parts = [task_ids[start : start + _OPEN_BATCH] for start in range(0, len(task_ids), _OPEN_BATCH)]
        return set().union(*(self._tasks.open_among(part) for part in parts))


def _is_ours(key: str) -> bool:
    """Return whether `staging_key` makes this key."""
    return any(staging_key(task_id, name) == key for task_id in _task_ids([key]) for name in StagedName)


def _task_ids(keys: Sequence[str]) -> list[UUID]:
    """Return the task ids of staging keys `{task id}:{name}`; skip keys of another form."""
    found = []
    for key in keys:
        try:
            found.append(UUID(key.partition(":")[0]))
        except ValueError:
            continue
    return found
