"""The business of task rows: which rows a user may read, how rows change state, and which messages they may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from concept_worker.errors import InvalidRequest, TaskError, TaskNotFoundError
from concept_worker.logging import get_logger
from concept_worker.models import BegunStep, FinishedStep, Receipt, RunReference, StepTries, TaskRow, TaskStatus
from concept_worker.payloads import Identifier, to_uuid
from concept_worker.services.interfaces import TaskStore
from concept_worker.services.task_requests import (
    TaskRequests,
    clean_message,
    refusals_as_task_errors,
    status_of,
    transition_error,
)

log = get_logger(__name__)


class TaskService(TaskRequests):
    """A service for task rows: requests of producers (inherited), and the verbs of a run for steps."""

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
        """Move the row to `status`; with `run`, only if that run is still current (0: no run has claimed the row).

        Raises:
            TaskNotFoundError: no such row.
            TaskError: the row is terminal, the run is not current, or the update failed.
        """
        wanted, target = to_uuid("task_id", task_id), status_of(status)
        if target is TaskStatus.COMPLETED and result_id is None:
            raise InvalidRequest("Invalid request: result_id: required for a completed task")
        if target is TaskStatus.PENDING:
            raise InvalidRequest("Invalid request: status: a task does not go back to pending")
        with refusals_as_task_errors("Failed to update task"):
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
            raise self._explain_refused_move(wanted, target)
        log.info("task status changed", **row.log_context())
        return row

    def claim_task_if_pending(self, task_id: Identifier, user_id: Identifier | None = None) -> TaskRow | None:
        """Claim a pending row, or one whose lease has expired, for a new run; return None when another run holds it.

        Raises:
            TaskError: the claim failed.
        """
        owner = None if user_id is None else to_uuid("user_id", user_id)
        with refusals_as_task_errors("Failed to claim task"):
            row = self._store.claim(to_uuid("task_id", task_id), owner, self._lease, self._max_runs)
        if row is not None:
            log.info("task claimed", run=row.run, **row.log_context())
        return row

    # Verbs of the dispatcher and of housekeeping

    def accept_inputs(self, task_id: Identifier, user_id: Identifier, inputs: Mapping[str, Any]) -> bool:
        """Write a message's inputs into the user's row while it is pending; return whether there was such a row."""
        with refusals_as_task_errors("Failed to update task"):
            return self._store.accept_inputs(to_uuid("task_id", task_id), to_uuid("user_id", user_id), inputs)

    def stalled(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """Return rows whose run may be dead, then rows whose message may be lost: each up to `limit`, oldest first."""
        return self._store.stalled(pending_seconds, limit)

    def resume_dead(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """Take runs whose step died, or that gave up, to re-enqueue them without asking the broker for their messages.

        A row with no runs left fails instead.
        """
        return self._store.resume_dead(pending_seconds, self._max_runs, limit)

    def hold(self, rows: Sequence[TaskRow]) -> int:
        """Postpone the next stall check of rows whose message waits in a queue, by one lease; return how many."""
        return self._store.hold([row.id for row in rows], self._lease) if rows else 0

    def resume(self, rows: Sequence[TaskRow], pending_seconds: float) -> Sequence[TaskRow]:
        """Take stalled rows to re-enqueue them; a row with no runs left fails instead."""
        return self._store.resume([row.id for row in rows], pending_seconds, self._max_runs) if rows else []

    def expire(self, deadline_seconds: float) -> int:
        """Fail open rows older than the deadline; return how many."""
        return self._store.expire(deadline_seconds)

    def open_among(self, task_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the tasks that are pending or processing."""
        return self._store.open_among(task_ids) if task_ids else set()

    def find_task(self, task_id: UUID) -> TaskRow | None:
        """Return the row of any user, or None. For housekeeping; never for a user's request."""
        return self._store.get(task_id, None)

    # Verbs of a step

    def begin_step(
        self, run: RunReference, step: str, owner: str, progress: int, needs: Sequence[str] = (), pays: bool = False
    ) -> BegunStep:
        """Check the run, extend the lease, show stage and progress, and get checkpoint and inputs, in one round trip.

        `pays`: a step that pays is taken over from another execution `takeover_seconds` later than other steps.

        Raises:
            StaleRun: the run is over or replaced.
            MisplacedStep: the row has another type, or does not have the step's inputs yet.
            StepHeld: another execution holds this step.
            PoisonStep: too many executions were interrupted.
        """
        takeover = self._takeover if pays else 0.0
        return self._store.begin_step(run, step, owner, progress, self._lease, self._max_interruptions, needs, takeover)

    def extend_step(self, run: RunReference, step: str, owner: str) -> bool:
        """Send a heartbeat of a running step; return False when its work is no longer needed."""
        return self._store.extend_step(run, step, owner, self._lease)

    def show_presence(self, process: str) -> None:
        """Show that a process that works on a step lives."""
        self._store.show_presence(process)

    def end_lost_leases(self, process: str, silent_seconds: float) -> int | None:
        """End the leases of a process that was not seen for so long; return how many, or None when it lives."""
        return self._store.end_lost_leases(process, silent_seconds)

    def finish_step(self, run: RunReference, step: str, output: Any, progress: int) -> FinishedStep:
        """Write the checkpoint and return it; the first output written wins."""
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
        """Show in the row that the step waits, why and until when; return the tries so far.

        The try counts when `is_attempt`. `is_unknown`: it may have been charged without a result.

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
        """Write the receipt of a paid order for the step's next execution, or delete it (None); return the success."""
        return self._store.keep_receipt(run, step, owner, receipt)

    def forget_steps(self, run: RunReference, steps: Sequence[str]) -> bool:
        """Delete checkpoints whose bytes are gone and end the run.

        The next run repeats these steps, and waits for executions of other steps that still work.
        """
        return self._store.forget_steps(run, steps)

    def _explain_refused_move(self, task_id: UUID, target: TaskStatus) -> TaskError:
        """Return the error for a row that did not move: not found, or not allowed."""
        row = self.find_task(task_id)
        return TaskNotFoundError(str(task_id)) if row is None else transition_error(row, target)
