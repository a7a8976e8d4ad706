"""The business of task rows: who may read them, how they move, and what they may say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import structlog

from concept_worker.errors import MAX_MESSAGE, InvalidRequest, StoreRefused, TaskError, TaskNotFoundError, mask_id
from concept_worker.models import (
    BegunStep,
    FinishedStep,
    Identifier,
    RunReference,
    TaskRow,
    TaskStatus,
    TaskType,
    to_uuid,
)
from concept_worker.services.interfaces import TaskStore

log = structlog.get_logger(__name__)

LIST_DEFAULT = 10
LIST_MAX = 1000  # PostgREST's own limit of rows an answer
_FOREIGN_KEY = "23503"


class TaskService:
    """Task rows for producers, and the verbs of a run for steps.

    Reads take the user's id and find nothing of anybody else's. Besides the errors named at each method,
    `StoreUnavailable` says that the database is away.
    """

    def __init__(self, *, store: TaskStore, lease_seconds: float, max_runs: int, max_interruptions: int) -> None:
        self._store = store
        self._lease = lease_seconds
        self._max_runs = max_runs
        self._max_interruptions = max_interruptions

    # What a producer does

    def create_task(
        self, user_id: Identifier, task_type: TaskType | str, metadata: Mapping[str, Any] | None = None
    ) -> TaskRow:
        """A new `pending` row with a fresh id; `metadata` holds the inputs of the run.

        Raises:
            InvalidRequest: `user_id` is no UUID or no user, or the type is unknown.
            TaskError: the row could not be created.
        """
        row = {
            "id": str(uuid4()),
            "user_id": str(to_uuid("user_id", user_id)),
            "type": _task_type(task_type).value,
            "status": TaskStatus.PENDING.value,
            "metadata": dict(metadata or {}),
        }
        try:
            created = self._store.create(row)
        except StoreRefused as exc:
            if exc.code == _FOREIGN_KEY:
                raise InvalidRequest("Invalid request: user_id: no such user, sign the user up first") from exc
            raise TaskError(f"Failed to create task: {exc}") from exc
        log.info("task created", **created.log_context())
        return created

    def get_task(self, task_id: Identifier, user_id: Identifier) -> TaskRow:
        """The user's row.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            TaskError: the row could not be read.
        """
        wanted = to_uuid("task_id", task_id)
        with _saying("Failed to retrieve task"):
            row = self._store.get(wanted, to_uuid("user_id", user_id))
        if row is None:
            raise TaskNotFoundError(str(wanted))
        return row

    def get_tasks_by_user(
        self, user_id: Identifier, status: TaskStatus | str | None = None, limit: int = LIST_DEFAULT
    ) -> Sequence[TaskRow]:
        """The user's rows, newest first, at most `limit` (1 to 1000).

        Raises:
            InvalidRequest: unknown status, or limit out of bounds.
            TaskError: the rows could not be read.
        """
        if not 1 <= limit <= LIST_MAX:
            raise InvalidRequest(f"Invalid request: limit: must be between 1 and {LIST_MAX}")
        with _saying("Failed to retrieve tasks"):
            return self._store.list(to_uuid("user_id", user_id), None if status is None else _status(status), limit)

    def get_task_by_result_id(self, result_id: Identifier, user_id: Identifier) -> TaskRow | None:
        """The user's row that made this result (a concept), or None.

        Raises:
            TaskError: the row could not be read.
        """
        with _saying("Failed to retrieve task by result"):
            return self._store.get_by_result(to_uuid("result_id", result_id), to_uuid("user_id", user_id))

    def cancel_task(self, task_id: Identifier, user_id: Identifier) -> TaskRow:
        """Cancel the user's row: a pending one never starts, a running one stops at its next step.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            TaskError: the row is terminal already.
        """
        row = self.get_task(task_id, user_id)
        return self.update_task_status(row.id, TaskStatus.CANCELED)

    def retry_task(self, task_id: Identifier, user_id: Identifier, steps: Sequence[str]) -> TaskRow:
        """A new pending row for a failed or canceled one of the user, with its inputs and the checkpoints of `steps`.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            TaskError: the row did not end badly.
        """
        row = self.get_task(task_id, user_id)
        with _saying("Failed to retry task"):
            fresh = self._store.retry(row.id, row.user_id, steps)
        if fresh is None:
            raise TaskError(
                f"Failed to retry task: it is {row.status.value}, only failed or canceled tasks are retried"
            )
        log.info("task retried", retry_of=str(row.id), **fresh.log_context())
        return fresh

    def delete_task(self, task_id: Identifier, user_id: Identifier) -> bool:
        """Delete the user's row; a run of it stops at its next step, and removes what that step made. True, or raises.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            TaskError: the row could not be deleted.
        """
        wanted = to_uuid("task_id", task_id)
        with _saying("Failed to delete task"):
            deleted = self._store.delete(wanted, to_uuid("user_id", user_id))
        if not deleted:
            raise TaskNotFoundError(str(wanted))
        log.info("task deleted", task_id=str(wanted), user=mask_id(user_id))
        return True

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
        wanted, target = to_uuid("task_id", task_id), _status(status)
        if target is TaskStatus.COMPLETED and result_id is None:
            raise InvalidRequest("Invalid request: result_id: required for a completed task")
        if target is TaskStatus.PENDING:
            raise InvalidRequest("Invalid request: status: a task does not go back to pending")
        with _saying("Failed to update task"):
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
        with _saying("Failed to claim task"):
            row = self._store.claim(to_uuid("task_id", task_id), owner, self._lease, self._max_runs)
        if row is not None:
            log.info("task claimed", run=row.run, **row.log_context())
        return row

    # What the dispatcher and housekeeping do

    def accept_inputs(self, task_id: Identifier, user_id: Identifier, inputs: Mapping[str, Any]) -> bool:
        """Write a message's inputs into the user's row while it is pending; whether there was such a row."""
        with _saying("Failed to update task"):
            return self._store.accept_inputs(to_uuid("task_id", task_id), to_uuid("user_id", user_id), inputs)

    def stalled(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """Rows whose message may be lost or whose run may be dead, oldest first."""
        return self._store.stalled(pending_seconds, limit)

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

    # What a step does

    def begin_step(self, run: RunReference, step: str, owner: str, progress: int) -> BegunStep:
        """Fence, lease, stage, progress and checkpoint in one round trip.

        Raises:
            StaleRun: the run is over or replaced.
            StepHeld: another execution is at this step.
            PoisonStep: too many executions never came back.
        """
        return self._store.begin_step(run, step, owner, progress, self._lease, self._max_interruptions)

    def extend_step(self, run: RunReference, step: str, owner: str) -> bool:
        """A sign of life of a running step; False when it works for nothing by now."""
        return self._store.extend_step(run, step, owner, self._lease)

    def finish_step(self, run: RunReference, step: str, output: Any, progress: int) -> FinishedStep:
        """Write the checkpoint; the first one written wins and comes back."""
        return self._store.finish_step(run, step, output, progress, self._lease)

    def wait_step(
        self, run: RunReference, step: str, owner: str, reason: str, *, is_attempt: bool, delay_seconds: float
    ) -> int:
        """Show in the row that the step waits, why and until when; the attempts so far, this one counted if it was one.

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
        )

    def forget_steps(self, run: RunReference, steps: Sequence[str]) -> bool:
        """Drop checkpoints whose bytes are gone and end the lease; the next run does these steps again."""
        return self._store.forget_steps(run, steps)

    def _why_not_moved(self, task_id: UUID, target: TaskStatus) -> TaskError:
        row = self._store.get(task_id, None)
        if row is None:
            return TaskNotFoundError(str(task_id))
        return TaskError(f"Failed to update task: it is {row.status.value} and cannot become {target.value}")


@contextmanager
def _saying(what_failed: str) -> Iterator[None]:
    """What the store refuses becomes a `TaskError` that says what failed."""
    try:
        yield
    except StoreRefused as exc:
        raise TaskError(f"{what_failed}: {exc}") from exc


def clean_message(text: str) -> str:
    """What may stand in a row: non-printable characters become spaces, at most 1,000 characters."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable[:MAX_MESSAGE]


def _status(value: TaskStatus | str) -> TaskStatus:
    try:
        return TaskStatus(value)
    except ValueError as exc:
        known = ", ".join(status.value for status in TaskStatus)
        raise InvalidRequest(f"Invalid request: status: must be one of {known}") from exc


def _task_type(value: TaskType | str) -> TaskType:
    try:
        return TaskType(value)
    except ValueError as exc:
        known = ", ".join(kind.value for kind in TaskType)
        raise InvalidRequest(f"Invalid request: task_type: must be one of {known}") from exc
