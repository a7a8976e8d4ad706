"""The words for trouble. Whether it may pass by itself is decided where the neighbour speaks, and nowhere above.

    ConceptWorkerError
    ├── TransientError            may pass by itself: the step is retried
    │   ├── ProviderUnavailable   the image provider is away, slow or broken for now
    │   │   ├── MaybeCharged    it may have done, and charged, what was asked: asked again once at most
    │   │   └── RateLimited       it asked us to wait (`retry_after` seconds)
    │   │       └── ProviderPaused  we keep away from it for now: closed circuit, full rate limit
    │   │           ├── CircuitOpen   so many of its calls failed in a row that nobody calls for a while
    │   │           └── StillDrawing  it works at what was ordered: ask again later
    │   ├── StagingFull           staging has no room now: the run waits, and no attempt is counted
    │   ├── StagedImageLost       bytes that waited between two steps are gone
    │   ├── StoreUnavailable      Supabase or Redis is away, slow or broken for now
    │   │   ├── StoreUnreachable  the request never left, or was turned away: nothing was changed
    │   │   │   └── SchemaMissing the database lacks a table or function: a migration is on its way, or was forgotten
    │   │   └── UnknownOutcome    the answers to a write were lost: it may be done (`task_id`)
    │   ├── MemoryExhausted       the process had no memory left for the step
    │   ├── DecoderLost           the process that decodes pictures ended at this one
    │   └── StepHeld              another execution is at this step right now (`seconds` yet)
    ├── StaleRun                  neither: the run is over or replaced, stop quietly
    │   ├── AbandonedRun          its task was canceled or deleted: what it made is not wanted
    │   └── MisplacedStep         its row is of another type, or has not what the step works on
    ├── UntrustedPath             a file or folder that another user owns or may write
    └── PermanentError            will not pass: the run fails at once
        ├── InvalidRequest        the producer's input is wrong; names the field and the mend
        ├── InvalidImage          the bytes are no image we accept
        ├── DownloadRefused       the URL is not one we fetch
        ├── ProviderRefused       the provider will not do this
        │   ├── ContentDeclined   what was described is not drawn there
        │   └── AccountRefused    key, organization, credit or address: the operator must act
        ├── BadProviderAnswer     the provider answered, but not with what was asked
        │   └── PictureGone       what was paid for is no longer where the provider put it
        ├── JobEnded              a job that was ordered ended without a picture (`trouble` says why)
        ├── StoreRefused          the store will not do this (constraint, permission, size)
        ├── EnqueueError          the broker did not take the message
        ├── PoisonStep            every execution of the step was interrupted
        ├── UnreadableRecord      another version stored something that this one does not understand
        ├── StageCrashed          a stage met an error nobody planned for
        └── TaskError             a task row could not be created, read or changed
            └── TaskNotFoundError no such row for this user

Every error's arguments are its constructor's positional arguments, so that it survives the trip as JSON between
processes unchanged. `str(error)` is one sentence that may be shown to the user: no ids, no secrets, no internals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

MAX_MESSAGE = 1000  # characters of `tasks.error_message`, as the seeds cut it


def mask_id(identifier: object) -> str:
    """The first four characters of an id and four stars: enough to compare two log lines, not to name a person."""
    text = str(identifier)
    return f"{text[:4]}****" if text else ""


class ConceptWorkerError(Exception):
    """Anything this package raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """The sentence, as `str()` gives it."""
        return str(self)

    def within(self, what_failed: str) -> Self:
        """The same kind of trouble, its sentence led by what failed (`"Storing base image failed"`)."""
        return type(self)(f"{what_failed}: {self}", *self.args[1:])


class TransientError(ConceptWorkerError):
    """May pass by itself; worth another try, after `retry_after` seconds where the neighbour said so."""

    retry_after: float = 0.0


class ProviderUnavailable(TransientError):
    """The image provider is away, slow or broken for now."""


class MaybeCharged(ProviderUnavailable):
    """The request was sent and its answer is lost: the provider may have done the work, and charged for it."""


class RateLimited(ProviderUnavailable):
    """The provider asked us to wait; `retry_after` is in seconds, counted from now."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.args = (message, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class ProviderPaused(RateLimited):
    """We keep away from the provider ourselves, all workers together; waiting for it is no failed attempt."""


class CircuitOpen(ProviderPaused):
    """So many calls failed in a row that nobody calls for a while; another provider may draw meanwhile."""


class StillDrawing(ProviderPaused):
    """The provider still works at what was ordered; asking again later costs nothing and is no failed attempt."""

    def within(self, what_failed: str) -> Self:
        """Nothing failed: the sentence stays."""
        return self


class StoreUnavailable(TransientError):
    """Supabase or Redis is away, slow or broken for now; `retry_after` is in seconds, 0 for "not said"."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        if retry_after:  # one argument otherwise, which workers of the last version rebuild
            self.args = (message, retry_after)
            self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class StoreUnreachable(StoreUnavailable):
    """The request never left, or was turned away before it was executed: nothing was changed."""


class SchemaMissing(StoreUnreachable):
    """The database, or its API's cache, lacks a table or function: a migration is on its way, or was forgotten."""


class UnknownOutcome(StoreUnavailable):
    """Every answer to a producer's write was lost, so it may be done; ask again with the same `task_id`."""

    def __init__(self, message: str, task_id: str = "") -> None:
        super().__init__(message)
        self.args = (message, task_id)
        self.task_id = UUID(task_id) if task_id else None

    def __str__(self) -> str:
        return str(self.args[0])


class StagingFull(TransientError):
    """Staging has no room for another picture now; waiting for it is no failed attempt."""


class MemoryExhausted(TransientError):
    """The process had no memory left for the step: others may have taken it, or the step needs more than there is."""


class DecoderLost(TransientError):
    """The process that decodes pictures ended at this one, or was killed: it may have been somebody else's doing."""


class StagedImageLost(TransientError):
    """Bytes that waited between two steps are gone, and the bucket does not have them; `name` says which."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.args = (message, name)
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class StepHeld(TransientError):
    """Another execution holds this step for `seconds` yet; come back then."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.args = (message, seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return str(self.args[0])


class StaleRun(ConceptWorkerError):
    """The run is over, canceled, or another one took its place: whoever still works for it stops quietly."""


class AbandonedRun(StaleRun):
    """The task was canceled, or deleted (then `user_id` is None): nobody wants what the run made."""

    def __init__(self, message: str, user_id: str = "") -> None:
        super().__init__(message)
        self.args = (message, user_id)
        self.user_id = UUID(user_id) if user_id else None
        self.receipt: Mapping[str, Any] | None = None  # of what the step ordered; does not travel, it may be a secret

    def __str__(self) -> str:
        return str(self.args[0])


class MisplacedStep(StaleRun):
    """The message asks for a step of another type of task, or one whose inputs are not there: nothing was done."""


class UntrustedPath(ConceptWorkerError):
    """Another user owns a file or folder of ours, or may write it; names it and the mend, for the operator."""


class PermanentError(ConceptWorkerError):
    """Will not pass by itself; trying again would give the same answer."""


class InvalidRequest(PermanentError):
    """The producer's input is wrong; the sentence names each field and how to mend it."""


class InvalidImage(PermanentError):
    """The bytes are not a PNG, JPEG or WebP we accept: another format, too large, truncated, or a bomb."""


class DownloadRefused(PermanentError):
    """The URL is not one we fetch: scheme, host, address or size."""


class ProviderRefused(PermanentError):
    """The provider will not do this: a parameter, or a reason that it does not give."""


class ContentDeclined(ProviderRefused):
    """The provider's moderation declined what was described; another provider is not asked."""


class AccountRefused(ProviderRefused):
    """The provider refuses every call of ours until the operator acts: key, organization, credit, address, model."""


class BadProviderAnswer(PermanentError):
    """The provider answered, but not with what was asked for."""


class PictureGone(BadProviderAnswer):
    """A paid picture is no longer where the provider put it: its link has expired, its job is forgotten."""


class JobEnded(PermanentError):
    """A job that was ordered ended without a picture: its receipt is of no more use, and `trouble` takes its place."""

    def __init__(self, message: str, trouble: ConceptWorkerError | None = None) -> None:
        super().__init__(message)
        self._trouble = trouble  # does not travel: it is raised where the receipt is dropped

    @property
    def trouble(self) -> ConceptWorkerError:
        """Why there is no picture."""
        return self._trouble or BadProviderAnswer(str(self))

    def within(self, what_failed: str) -> Self:
        """The same for the trouble inside."""
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
    """So many executions of the step never came back that it is given up: it may be what kills them."""


class UnreadableRecord(PermanentError):
    """A stored row, checkpoint or receipt has a shape that this version does not know; `retry` keeps what was paid."""


class StageCrashed(PermanentError):
    """A stage met an error nobody planned for; its kind and place are in the log, not in the sentence."""


class TaskError(PermanentError):
    """A task row could not be created, read or changed."""


class TaskNotFoundError(TaskError):
    """No such row, or not this user's: the two are told apart for nobody."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id

    def __str__(self) -> str:
        return f"Task with ID {mask_id(self.task_id)} not found"

    def within(self, what_failed: str) -> Self:
        """Already says what failed: an id does not take a prefix."""
        return self
