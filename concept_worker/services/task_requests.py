"""A producer's requests for task rows, in writes that are safe to repeat: one request makes one row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

from concept_worker.errors import MAX_MESSAGE, InvalidRequest, StoreRefused, TaskError, TaskNotFoundError, mask_id
from concept_worker.logging import get_logger
from concept_worker.models import TaskRow, TaskStatus, TaskType
from concept_worker.payloads import Identifier, to_uuid
from concept_worker.services.interfaces import TaskStore
from concept_worker.services.repeats import repeat_until_known

log = get_logger(__name__)

T = TypeVar("T")

LIST_DEFAULT = 10
LIST_MAX = 1000  # PostgREST's own limit of rows per answer
_FOREIGN_KEY = "23503"
_DUPLICATE_KEY = "23505"
_LOST = "its outcome is unknown, because the database's answer was lost."
_FIND = "Ask again with the same {name} to find the task, or look for it with get_task."


class TaskRequests:
    """A service for producers' task rows.

    Every method takes the user's id and finds only that user's rows. Besides the errors named at each method,
    `StoreUnavailable` says that the database is unavailable, and `StoreUnreachable` that nothing was changed.
    """

    def __init__(self, *, store: TaskStore, lease_seconds: float, patience_seconds: float) -> None:
        self._store = store
        self._lease = lease_seconds
        self._patience = patience_seconds  # seconds to retry a write whose answers are lost

    def create_task(
        self,
        user_id: Identifier,
        task_type: TaskType | str,
        metadata: Mapping[str, Any] | None = None,
        *,
        task_id: Identifier | None = None,
    ) -> TaskRow:
        """Create a `pending` row; `metadata` holds the inputs of the run.

        With a `task_id` of the caller's choice the call is safe to repeat: it returns the earlier try's row unchanged.

        Raises:
            InvalidRequest: `user_id` is no UUID or no user, the type is unknown, or `task_id` is another task's.
            UnknownOutcome: every answer was lost; call again with the error's `task_id`.
            TaskError: the row could not be created.
        """
        owner, kind, inputs = to_uuid("user_id", user_id), _task_type(task_type), dict(metadata or {})
        chosen = _uuid_or_new("task_id", task_id)
        row = {
            "id": str(chosen),
            "user_id": str(owner),
            "type": kind.value,
            "status": TaskStatus.PENDING.value,
            "metadata": inputs,
        }

        def create(_: bool) -> TaskRow:
            try:
                return self._store.create(row)
            except StoreRefused as exc:
                if exc.code == _FOREIGN_KEY:
                    raise InvalidRequest("Invalid request: user_id: no such user, sign the user up first") from exc
                if exc.code != _DUPLICATE_KEY:
                    raise TaskError(f"Failed to create task: {exc}") from exc
            return self._find_created(
                *("task_id", chosen, owner), lambda found: (found.type, found.inputs) == (kind.value, inputs)
            )

        created = self._repeat_until_known(create, chosen, "Failed to create task", _FIND.format(name="task_id"))
        log.info("task created", **created.log_context())
        return created

    def get_task(self, task_id: Identifier, user_id: Identifier) -> TaskRow:
        """Return the user's row.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            TaskError: the row could not be read.
        """
        wanted = to_uuid("task_id", task_id)
        with refusals_as_task_errors("Failed to retrieve task"):
            row = self._store.get(wanted, to_uuid("user_id", user_id))
        if row is None:
            raise TaskNotFoundError(str(wanted))
        return row

    def get_tasks_by_user(
        self, user_id: Identifier, status: TaskStatus | str | None = None, limit: int = LIST_DEFAULT
    ) -> Sequence[TaskRow]:
        """Return the user's rows, newest first, at most `limit` (1 to 1000).

        Raises:
            InvalidRequest: unknown status, or limit out of bounds.
            TaskError: the rows could not be read.
        """
        if not 1 <= limit <= LIST_MAX:
            raise InvalidRequest(f"Invalid request: limit: must be between 1 and {LIST_MAX}")
        with refusals_as_task_errors("Failed to retrieve tasks"):
            return self._store.list(to_uuid("user_id", user_id), None if status is None else status_of(status), limit)

    def get_task_by_result_id(self, result_id: Identifier, user_id: Identifier) -> TaskRow | None:
        """Return the user's row that made this result (a concept), or None.

        Raises:
            TaskError: the row could not be read.
        """
        with refusals_as_task_errors("Failed to retrieve task by result"):
            return self._store.get_by_result(to_uuid("result_id", result_id), to_uuid("user_id", user_id))

    def cancel_task(self, task_id: Identifier, user_id: Identifier) -> TaskRow:
        """Cancel the user's row: a pending one never starts, a running one stops at its next step.

        A row that is canceled already is returned unchanged, so the call is safe to repeat.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            UnknownOutcome: every answer was lost; call again.
            TaskError: the row has ended in another way.
        """
        row = self.get_task(task_id, user_id)
        canceled = self._repeat_until_known(
            lambda _: self._move_if_allowed(row.id, None, TaskStatus.CANCELED, None),
            *(row.id, "Failed to cancel task", "Ask again, or look at the task with get_task."),
        )
        if canceled.status is not TaskStatus.CANCELED:
            raise transition_error(canceled, TaskStatus.CANCELED)
        log.info("task status changed", **canceled.log_context())
        return canceled

    def fail_unclaimed(self, task_id: Identifier, error_message: str) -> TaskRow:
        """Fail a row that no run has claimed; return the row as it is then, even when a run has claimed it meanwhile.

        Raises:
            TaskNotFoundError: no such row.
            UnknownOutcome: every answer was lost; housekeeping enqueues a row that was not failed.
        """
        wanted = to_uuid("task_id", task_id)
        row = self._repeat_until_known(
            lambda _: self._move_if_allowed(wanted, 0, TaskStatus.FAILED, clean_message(error_message)),
            *(wanted, "Failed to update task", "Look at the task with get_task."),
        )
        log.info("task status changed", **row.log_context())
        return row

    def retry_task(
        self,
        task_id: Identifier,
        user_id: Identifier,
        steps: Sequence[str],
        *,
        new_task_id: Identifier | None = None,
    ) -> TaskRow:
        """Create a pending row from a failed or canceled one, with its inputs and the checkpoints of `steps`.

        With a `new_task_id` of the caller's choice the call is safe to repeat: it returns the earlier try's row.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            InvalidRequest: `new_task_id` is another task's.
            UnknownOutcome: every answer was lost; call again with the error's `task_id` as `new_task_id`.
            TaskError: the row is neither failed nor canceled.
        """
        chosen, row = _uuid_or_new("new_task_id", new_task_id), self.get_task(task_id, user_id)

        def retry(_: bool) -> TaskRow | None:
            try:
                return self._store.retry(row.id, row.user_id, steps, chosen)
            except StoreRefused as exc:
                if exc.code != _DUPLICATE_KEY:
                    raise TaskError(f"Failed to retry task: {exc}") from exc
            return self._find_created(*("new_task_id", chosen, row.user_id), lambda found: found.retry_of == row.id)

        fresh = self._repeat_until_known(retry, chosen, "Failed to retry task", _FIND.format(name="new_task_id"))
        if fresh is None:
            raise TaskError(
                f"Failed to retry task: it is {row.status.value}, only failed or canceled tasks are retried"
            )
        log.info("task retried", retry_of=str(row.id), **fresh.log_context())
        return fresh

    def delete_task(self, task_id: Identifier, user_id: Identifier) -> bool:
        """Delete the user's row and return True. A run of it stops at its next step and deletes what that step made.

        Raises:
            TaskNotFoundError: no such row, or not this user's.
            UnknownOutcome: every answer was lost; call again: a task that is not found then is deleted.
            TaskError: the row could not be deleted.
        """
        wanted, owner = to_uuid("task_id", task_id), to_uuid("user_id", user_id)

        def delete(is_repeat: bool) -> bool:
            with refusals_as_task_errors("Failed to delete task"):
                # On a repeat, a missing row was deleted by the try whose answer was lost.
                return self._store.delete(wanted, owner) or is_repeat

        deleted = self._repeat_until_known(
            delete, wanted, "Failed to delete task", "Ask again; a task that is not found then is deleted."
        )
        if not deleted:
            raise TaskNotFoundError(str(wanted))
        log.info("task deleted", task_id=str(wanted), user=mask_id(user_id))
        return True

    def _repeat_until_known(self, write: Callable[[bool], T], task_id: UUID, what_failed: str, advice: str) -> T:
        """Retry a producer's write while its answer is lost."""
        unknown = f"{what_failed}: {_LOST} {advice}"
        return repeat_until_known(write, task_id=task_id, seconds=self._patience, unknown=unknown)

    def _find_created(self, name: str, task_id: UUID, user_id: UUID, is_same: Callable[[TaskRow], bool]) -> TaskRow:
        """Return the row that an earlier try created under this id; refuse another user's row without describing it."""
        with refusals_as_task_errors("Failed to retrieve task"):
            found = self._store.get(task_id, user_id)
        if found is None:
            raise InvalidRequest(f"Invalid request: {name}: cannot be used, choose another")
        if not is_same(found):
            raise InvalidRequest(f"Invalid request: {name}: is a task with other inputs, choose another")
        return found

    def _move_if_allowed(
        self, task_id: UUID, run: int | None, target: TaskStatus, error_message: str | None
    ) -> TaskRow:
        """Move the row to `target` where that is allowed; return the row as it is then."""
        with refusals_as_task_errors("Failed to update task"):
            row = self._store.transition(
                task_id, run, target, error_message=error_message, lease_seconds=self._lease
            ) or self._store.get(task_id, None)
        if row is None:
            raise TaskNotFoundError(str(task_id))
        return row


def _uuid_or_new(name: str, identifier: Identifier | None) -> UUID:
    return uuid4() if identifier is None else to_uuid(name, identifier)


def transition_error(row: TaskRow, target: TaskStatus) -> TaskError:
    """Return the error for a row that cannot become `target`."""
    return TaskError(f"Failed to update task: it is {row.status.value} and cannot become {target.value}")


@contextmanager
def refusals_as_task_errors(what_failed: str) -> Iterator[None]:
    """Raise the store's `StoreRefused` as a `TaskError` that says what failed."""
    try:
        yield
    except StoreRefused as exc:
        raise TaskError(f"{what_failed}: {exc}") from exc


def clean_message(text: str) -> str:
    """Return the text for a row: non-printable characters become spaces, at most 1,000 characters stay."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable[:MAX_MESSAGE]


def status_of(value: TaskStatus | str) -> TaskStatus:
    """Return the status of this name.

    Raises:
        InvalidRequest: it is unknown.
    """
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
