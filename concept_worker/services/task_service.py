"""The business of task rows: who may read them, how they move, and what they may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from concept_worker.errors import InvalidRequest, TaskError, TaskNotFoundError
from concept_worker.logging import get_logger
from concept_worker.models import BegunStep, FinishedStep, Receipt, RunReference, StepTries, TaskRow, TaskStatus
from concept_worker.payloads import Identifier, to_uuid
from concept_worker.services.interfaces import TaskStore
from concept_worker.services.task_requests import TaskRequests, clean_message, not_moved, saying, status_of

log = get_logger(__name__)


class TaskService(TaskRequests):
    """Task rows for producers (inherited), and the verbs of a run for steps."""

    def __init__(
        self,
        *,
        store: TaskStore,
        lease_seconds: float,
        max_runs: int,
        max_interruptions: int,
        patience_seconds: float = 30.0,
        takeover_seconds: float = 0.0,
    ) -> None:
        super().__init__(store=store, lease_seconds=lease_seconds, patience_seconds=patience_seconds)
        self._max_runs = max_runs
        self._max_interruptions = max_interruptions
        self._takeover = takeover_seconds

    def update_task_status(
        self,
        task_id: Identifier,
        status: TaskStatus | str,
        result_id: Identifier | None = None,
        error_message: str | None = None,
        *,
        run: int | None = None,
    ) -> TaskRow:
        """Move the row to `status`. With `run`, only if that run is still the current one (0: nobody claimed it).

        Raises:
            TaskNotFoundError: no such row.
            TaskError: the row is terminal, the run is not current, or the update failed.
        """
        wanted, target = to_uuid("task_id", task_id), status_of(status)
        if target is TaskStatus.COMPLETED and result_id is None:
            raise InvalidRequest("Invalid request: result_id: required for a completed task")
        if target is TaskStatus.PENDING:
            raise InvalidRequest("Invalid request: status: a task does not go back to pending")
        with saying("Failed to update task"):
            row = self._store.transition(
                wanted,
                run,
                target,
                result_id=None if result_id is None else to_uuid("result_id", result_id),
                error_message=clean_message(error_message or "The run failed.")
                if target is TaskStatus.FAILED
                else None,
                lease_seconds=self._lease,
            )
        if row is None:
            raise self._why_not_moved(wanted, target)
        log.info("task status changed", **row.log_context())
        return row

    def claim_task_if_pending(self, task_id: Identifier, user_id: Identifier | None = None) -> TaskRow | None:
        """Take a pending row, or one whose last claim died, for a new run; None when somebody else has it.

        Raises:
            TaskError: the claim failed.
        """
        owner = None if user_id is None else to_uuid("user_id", user_id)
        with saying("Failed to claim task"):
            row = self._store.claim(to_uuid("task_id", task_id), owner, self._lease, self._max_runs)
        if row is not None:
            log.info("task claimed", run=row.run, **row.log_context())
        return row

    # What the dispatcher and housekeeping do

    def accept_inputs(self, task_id: Identifier, user_id: Identifier, inputs: Mapping[str, Any]) -> bool:
        """Write a message's inputs into the user's row while it is pending; whether there was such a row."""
        with saying("Failed to update task"):
            return self._store.accept_inputs(to_uuid("task_id", task_id), to_uuid("user_id", user_id), inputs)

    def stalled(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """Rows whose run may be dead, then rows whose message may be lost: at most `limit` of each, oldest first."""
        return self._store.stalled(pending_seconds, limit)

    def resume_dead(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """Take runs that died in a step or gave themselves up, in order to enqueue them: no message of theirs counts.
        Those out of runs are failed instead.
        """
        return self._store.resume_dead(pending_seconds, self._max_runs, limit)

    def hold(self, rows: Sequence[TaskRow]) -> int:
        """Leave rows alone for another lease: their message waits in a queue. How many."""
        return self._store.hold([row.id for row in rows], self._lease) if rows else 0

    def resume(self, rows: Sequence[TaskRow], pending_seconds: float) -> Sequence[TaskRow]:
        """Take stalled rows in order to enqueue them; those out of runs are failed instead."""
        return self._store.resume([row.id for row in rows], pending_seconds, self._max_runs) if rows else []

    def expire(self, deadline_seconds: float) -> int:
        """Fail what is older than the deadline; how many."""
        return self._store.expire(deadline_seconds)

    def open_among(self, task_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the tasks that are pending or processing."""
        return self._store.open_among(task_ids) if task_ids else set()

    def find_task(self, task_id: UUID) -> TaskRow | None:
        """The row, whosever it is, or None: for housekeeping, never for a user."""
        return self._store.get(task_id, None)

    # What a step does

    def begin_step(
        self, run: RunReference, step: str, owner: str, progress: int, needs: Sequence[str] = (), pays: bool = False
    ) -> BegunStep:
        """Fence, lease, stage, progress, checkpoint and the outputs of the steps it needs, in one round trip. A step
        that pays is taken over from another execution `takeover_seconds` later than others.

        Raises:
            StaleRun: the run is over or replaced.
            MisplacedStep: the row has another type, or not yet what the step needs.
            StepHeld: another execution is at this step.
            PoisonStep: too many executions never came back.
        """
        takeover = self._takeover if pays else 0.0
        return self._store.begin_step(run, step, owner, progress, self._lease, self._max_interruptions, needs, takeover)

    def extend_step(self, run: RunReference, step: str, owner: str) -> bool:
        """A heartbeat of a running step; False when it works for nothing by now."""
        return self._store.extend_step(run, step, owner, self._lease)

    def finish_step(self, run: RunReference, step: str, output: Any, progress: int) -> FinishedStep:
        """Write the checkpoint; the first one written wins and comes back."""
        return self._store.finish_step(run, step, output, progress, self._lease)

    def wait_step(
        self,
        run: RunReference,
        step: str,
        owner: str,
        reason: str,
        *,
        is_attempt: bool,
        delay_seconds: float,
        is_unknown: bool = False,
    ) -> StepTries:
        """Show in the row that the step waits, why and until when; the tries so far, this one counted if it was one.
        `is_unknown`: the try may have been charged for nothing.

        Raises:
            StaleRun: the run is over or replaced.
        """
        return self._store.wait_step(
            run,
            step,
            owner,
            clean_message(reason),
            is_attempt=is_attempt,
            delay_seconds=delay_seconds,
            lease_seconds=self._lease,
            is_unknown=is_unknown,
        )

    def keep_receipt(self, run: RunReference, step: str, owner: str, receipt: Receipt | None) -> bool:
        """Keep the receipt of what the step paid for, for its next execution; None drops it. Whether it was written."""
        return self._store.keep_receipt(run, step, owner, receipt)

    def forget_steps(self, run: RunReference, steps: Sequence[str]) -> bool:
        """Drop checkpoints whose bytes are gone and end the run; the next one does these steps again, and waits for the
        executions that are at others.
        """
        return self._store.forget_steps(run, steps)

    def _why_not_moved(self, task_id: UUID, target: TaskStatus) -> TaskError:
        row = self.find_task(task_id)
        return TaskNotFoundError(str(task_id)) if row is None else not_moved(row, target)
