"""The errors. Each adapter decides whether an error is transient or permanent; no code above decides again.

    ConceptWorkerError
    ├── TransientError            may pass by itself: the step is retried
    │   ├── ProviderUnavailable   the image provider is down, slow or broken for now
    │   │   ├── MaybeCharged      the answer is lost; the call may have been charged: it is retried once at most
    │   │   └── RateLimited       the provider asked us to wait (`retry_after` seconds)
    │   │       └── ProviderPaused    we do not call the provider for now: open circuit, full rate limit
    │   │           ├── CircuitOpen   many of its calls failed in a row
    │   │           └── StillDrawing  the provider still works at the order: poll again later
    │   ├── StagingFull           staging has no room now: the run waits, and no attempt is counted
    │   ├── StagedImageLost       bytes that waited between two steps are gone
    │   ├── StoreUnavailable      Supabase or Redis is down, slow or broken for now
    │   │   ├── StoreUnreachable  the request was not sent, or was refused unread: nothing was changed
    │   │   │   └── SchemaMissing the database lacks a table or function: a migration has not run yet
    │   │   └── UnknownOutcome    the answers to a write were lost: it may be done (`task_id`)
    │   ├── MemoryExhausted       the process had no memory left for the step
    │   ├── DecoderLost           the process that decodes pictures died at this one
    │   └── StepHeld              another execution runs this step now (for `seconds` more)
    ├── StaleRun                  neither: the run has ended or was replaced; stop quietly
    │   ├── AbandonedRun          the task was canceled or deleted: its output is dropped
    │   └── MisplacedStep         the row is of another type, or lacks the step's input
    ├── UntrustedPath             another user owns or may write a file or folder
    └── PermanentError            will not pass: the run fails at once
        ├── InvalidRequest        the producer's input is wrong; names the field and the mend
        ├── InvalidImage          the bytes are no image we accept
        ├── DownloadRefused       we do not fetch this URL
        ├── ProviderRefused       the provider will not do this
        │   ├── ContentDeclined   the provider's moderation declined the description
        │   └── AccountRefused    key, organization, credit or address: the operator must act
        ├── BadProviderAnswer     the provider's answer does not fit the request
        │   └── PictureGone       the provider does not have a paid picture any more
        ├── JobEnded              an ordered job ended without a picture (`trouble` says why)
        ├── StoreRefused          the store will not do this (constraint, permission, size)
        ├── EnqueueError          the broker did not take the message
        ├── PoisonStep            every execution of the step was interrupted
        ├── UnreadableRecord      another version stored a record that this version does not understand
        ├── StageCrashed          a stage met an unexpected error
        └── TaskError             a task row could not be created, read or changed
            └── TaskNotFoundError there is no such row for this user

The docstring of an error says what happened. Every error's arguments are its constructor's positional arguments, so
that it travels as JSON between processes unchanged. `str(error)` is one sentence that may be shown to the user: no ids,
no secrets, no internals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

MAX_MESSAGE = 1000  # characters of `tasks.error_message`, as the seeds cut it


def mask_id(identifier: object) -> str:
    """Return the first four characters of an id and four stars: enough to compare log lines, not to find a person."""
    text = str(identifier)
    return f"{text[:4]}****" if text else ""


class ConceptWorkerError(Exception):
    """An error that this package raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """The sentence, the same as `str(error)`."""
        return str(self)

    def within(self, what_failed: str) -> Self:
        """Return the same error with what failed before its sentence (`"Storing base image failed"`)."""
        return type(self)(f"{what_failed}: {self}", *self.args[1:])


class TransientError(ConceptWorkerError):
    """The trouble may pass by itself; retry, after `retry_after` seconds if the neighbour named a time."""

    retry_after: float = 0.0


class ProviderUnavailable(TransientError):
    """The image provider is down, slow or broken for now."""


class MaybeCharged(ProviderUnavailable):
    """The request was sent, but its answer is lost: the provider may have done the work, and charged for it."""


class RateLimited(ProviderUnavailable):
    """The provider asked us to wait; `retry_after` is in seconds, counted from now."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.args = (message, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class ProviderPaused(RateLimited):
    """No worker calls the provider for now, by our own decision; a wait for it counts as no failed attempt."""


class CircuitOpen(ProviderPaused):
    """Many calls failed in a row, so no worker calls this provider for a while; another provider may draw instead."""


class StillDrawing(ProviderPaused):
    """The provider still works at the order; polling again costs nothing and counts as no failed attempt."""

    def within(self, what_failed: str) -> Self:
        """Return the error unchanged: nothing failed."""
        return self


class StoreUnavailable(TransientError):
    """Supabase or Redis is down, slow or broken for now; `retry_after` is in seconds, 0 when no time was named."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        if retry_after:  # otherwise one argument, which workers of the last version can rebuild
            self.args = (message, retry_after)
            self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class StoreUnreachable(StoreUnavailable):
    """The request was not sent, or was refused before it was executed: nothing was changed."""


class SchemaMissing(StoreUnreachable):
    """The database, or its API's cache, lacks a table or function: a migration has not run yet, or was forgotten."""


class UnknownOutcome(StoreUnavailable):
    """Every answer to a producer's write was lost, so the write may be done; ask again with the same `task_id`."""

    def __init__(self, message: str, task_id: str = "") -> None:
        super().__init__(message)
        self.args = (message, task_id)
        self.task_id = UUID(task_id) if task_id else None

    def __str__(self) -> str:
        return str(self.args[0])


class StagingFull(TransientError):
    """Staging has no room for another picture now; a wait for room counts as no failed attempt."""


class MemoryExhausted(TransientError):
    """The process had no memory left for the step: other steps may use it, or this step needs more than there is."""


class DecoderLost(TransientError):
    """The process that decodes pictures died at this one, or was killed: the cause may be another process."""


class StagedImageLost(TransientError):
    """Bytes that waited between two steps are gone, and the bucket does not have them either; `name` says which."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.args = (message, name)
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class StepHeld(TransientError):
    """Another execution holds this step's lease for `seconds` more; retry then."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.args = (message, seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return str(self.args[0])


class StaleRun(ConceptWorkerError):
    """The run has ended, was canceled or was replaced by a newer run: its steps stop quietly."""


class AbandonedRun(StaleRun):
    """The task was canceled, or deleted (then `user_id` is None): the run's output is dropped."""

    def __init__(self, message: str, user_id: str = "") -> None:
        super().__init__(message)
        self.args = (message, user_id)
        self.user_id = UUID(user_id) if user_id else None
        self.receipt: Mapping[str, Any] | None = None  # of the step's order; stays here, because it may be a secret

    def __str__(self) -> str:
        return str(self.args[0])


class MisplacedStep(StaleRun):
    """The message asks for a step of another type of task, or for a step without its inputs: nothing was done."""


class UntrustedPath(ConceptWorkerError):
    """Another user owns a file or folder of ours, or may write it; tells the operator its path and the mend."""


class PermanentError(ConceptWorkerError):
    """The trouble will not pass by itself; a retry would give the same answer."""


class InvalidRequest(PermanentError):
    """The producer's input is wrong; the sentence names each field and how to mend it."""


class InvalidImage(PermanentError):
    """The bytes are not a PNG, JPEG or WebP we accept: another format, too large, truncated, or a bomb."""


class DownloadRefused(PermanentError):
    """We do not fetch this URL, because of its scheme, host, address or size."""


class ProviderRefused(PermanentError):
    """The provider will not do this: a parameter is wrong, or the provider gives no reason."""


class ContentDeclined(ProviderRefused):
    """The provider's moderation declined the description; no other provider is called."""


class AccountRefused(ProviderRefused):
    """The provider refuses all our calls until the operator acts: key, organization, credit, address, model."""


class BadProviderAnswer(PermanentError):
    """The provider's answer does not fit the request."""


class PictureGone(BadProviderAnswer):
    """The provider does not have a paid picture any more: its link has expired, or its job is forgotten."""


class JobEnded(PermanentError):
    """An ordered job ended without a picture: its receipt is useless, and `trouble` is raised in its place."""

    def __init__(self, message: str, trouble: ConceptWorkerError | None = None) -> None:
        super().__init__(message)
        self._trouble = trouble  # does not travel between processes: it is raised where the receipt is dropped

    @property
    def trouble(self) -> ConceptWorkerError:
        """The error that explains why there is no picture."""
        return self._trouble or BadProviderAnswer(str(self))

    def within(self, what_failed: str) -> Self:
        """Return the same error with what failed before its sentence, and before the sentence of `trouble`."""
        trouble = self.trouble.within(what_failed)
        return type(self)(str(trouble), trouble)


class StoreRefused(PermanentError):
    """The store will not do this: a constraint, a missing permission, an object too large.

    `code` is the store's own: an SQLSTATE, a PostgREST code or an HTTP status.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.args = (message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class EnqueueError(PermanentError):
    """The broker did not take the message; the row is failed and says so."""


class PoisonStep(PermanentError):
    """Too many executions of the step were interrupted, so the run fails: the step itself may kill its workers."""


class UnreadableRecord(PermanentError):
    """A stored row, checkpoint or receipt has a shape that this version does not know; `retry` keeps paid outputs."""


class StageCrashed(PermanentError):
    """A stage met an unexpected error; the error's kind and place are in the log, not in the sentence."""


class TaskError(PermanentError):
    """A task row could not be created, read or changed."""


class TaskNotFoundError(TaskError):
    """There is no such row, or it is another user's; the error never says which of the two."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id

    def __str__(self) -> str:
        return f"Task with ID {mask_id(self.task_id)} not found"

    def within(self, what_failed: str) -> Self:
        """Return the error unchanged: its sentence already says what failed."""
        return self
