"""The contracts of this floor. Adapters live beside them and have no docstring to repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from concept_worker.models import (
    BegunStep,
    ConceptRow,
    ExpiredConcepts,
    FinishedStep,
    Receipt,
    RunReference,
    StepTries,
    TaskRow,
    TaskStatus,
)
from concept_worker.services.seal import SealedAs

if TYPE_CHECKING:
    from concept_worker.imaging.codec import CleanImage


class TaskStore(Protocol):
    """Task rows and their checkpoints: dumb, atomic verbs on the database's clock.

    Every method raises `StoreUnavailable` (worth another try) or `StoreRefused`. Where `user_id` is given, another
    user's row is the same as no row.
    """

    def create(self, row: Mapping[str, Any]) -> TaskRow:
        """Insert a row."""
        ...

    def get(self, task_id: UUID, user_id: UUID | None) -> TaskRow | None:
        """The row, or None."""
        ...

    def list(self, user_id: UUID, status: TaskStatus | None, limit: int) -> Sequence[TaskRow]:
        """At most `limit` rows of the user, newest first."""
        ...

    def get_by_result(self, result_id: UUID, user_id: UUID) -> TaskRow | None:
        """The row that made this result, or None."""
        ...

    def delete(self, task_id: UUID, user_id: UUID) -> bool:
        """Whether there was a row to delete."""
        ...

    def accept_inputs(self, task_id: UUID, user_id: UUID, inputs: Mapping[str, Any]) -> bool:
        """Write the inputs into a row that nobody has claimed; whether there was one."""
        ...

    def claim(self, task_id: UUID, user_id: UUID | None, lease_seconds: float, max_runs: int) -> TaskRow | None:
        """Take a pending row, or one whose lease is over, by compare-and-set; the row of the new run, or None."""
        ...

    def begin_step(
        self,
        run: RunReference,
        step: str,
        owner: str,
        progress: int,
        lease_seconds: float,
        max_interruptions: int,
        needs: Sequence[str],
        takeover_seconds: float,
    ) -> BegunStep:
        """Fence, extend the lease, show stage and progress, take the checkpoint or get its output; with the step come
        the outputs of the steps it needs. Another execution keeps it until `takeover_seconds` past its lease.

        Raises:
            StaleRun, MisplacedStep, StepHeld, PoisonStep: as their docstrings say.
        """
        ...

    def extend_step(self, run: RunReference, step: str, owner: str, lease_seconds: float) -> bool:
        """A heartbeat; False when the task is over or the step not this owner's any more."""
        ...

    def finish_step(
        self, run: RunReference, step: str, output: Any, progress: int, lease_seconds: float
    ) -> FinishedStep:
        """Write the checkpoint (the first one written wins) and extend the lease."""
        ...

    def wait_step(
        self,
        run: RunReference,
        step: str,
        owner: str,
        reason: str,
        *,
        is_attempt: bool,
        delay_seconds: float,
        lease_seconds: float,
        is_unknown: bool,
    ) -> StepTries:
        """Release the step until its next try, visibly; counted when it is an attempt. Attempts so far.

        Raises:
            StaleRun: as its docstring says.
        """
        ...

    def keep_receipt(self, run: RunReference, step: str, owner: str, receipt: Receipt | None) -> bool:
        """Keep what stands for a paid picture until the step is done; None drops it. Whether it was written."""
        ...

    def forget_steps(self, run: RunReference, steps: Sequence[str]) -> bool:
        """Drop checkpoints and end the run, so that the next one does them again; False when not current. Steps beside
        them stay with the executions that are at them.
        """
        ...

    def transition(
        self,
        task_id: UUID,
        run: int | None,
        status: TaskStatus,
        *,
        result_id: UUID | None = None,
        error_message: str | None = None,
        lease_seconds: float,
    ) -> TaskRow | None:
        """Move the row along its states; None when the row, the run or the move is not there."""
        ...

    def stalled(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """At most `limit` runs whose lease is over, as many that were enqueued again since and not claimed, and as many
        pending rows, in this order; the oldest of each first.
        """
        ...

    def resume_dead(self, pending_seconds: float, max_runs: int, limit: int) -> Sequence[TaskRow]:
        """Take at most `limit` runs that are certainly dead in order to enqueue them; as `resume` does."""
        ...

    def resume(self, task_ids: Sequence[UUID], pending_seconds: float, max_runs: int) -> Sequence[TaskRow]:
        """Take stalled rows in order to enqueue them; each goes to one caller, rows out of runs are failed."""
        ...

    def hold(self, task_ids: Sequence[UUID], lease_seconds: float) -> int:
        """Leave rows alone for another while: their message waits in a queue."""
        ...

    def expire(self, deadline_seconds: float) -> int:
        """Fail what is older than the deadline; how many."""
        ...

    def retry(self, task_id: UUID, user_id: UUID, steps: Sequence[str], new_id: UUID) -> TaskRow | None:
        """A new pending row `new_id` with the inputs and these checkpoints of a failed or canceled one of the user."""
        ...

    def open_among(self, task_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the tasks that are pending or processing."""
        ...


class ConceptStore(Protocol):
    """Concept rows. Raises as `TaskStore` does."""

    def store(
        self, run: RunReference, concept: Mapping[str, Any], variations: Sequence[Mapping[str, Any]]
    ) -> UUID | None:
        """Concept, variations and the task's completion in one transaction; None when the run is not current."""
        ...

    def get(self, concept_id: UUID, user_id: UUID) -> ConceptRow | None:
        """The concept with its variations in order, or None."""
        ...

    def expire(self, older_seconds: float, limit: int, *, dry_run: bool) -> ExpiredConcepts:
        """Delete concepts older than that, with their variations and tasks; only count them in a dry run."""
        ...


class ObjectStore(Protocol):
    """Image objects in buckets. Raises as `TaskStore` does."""

    def store(self, bucket: str, path: str, content: bytes, content_type: str) -> None:
        """Create or replace the object."""
        ...

    def load(self, bucket: str, path: str) -> bytes | None:
        """The object's bytes, or None when there is none."""
        ...

    def sign(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        """A link for each path that exists, valid for `seconds`."""
        ...

    def remove(self, bucket: str, paths: Sequence[str]) -> None:
        """Remove what exists of these."""
        ...

    def list(self, bucket: str, folder: str) -> Sequence[str]:
        """The paths of the objects directly in a folder."""
        ...

    def orphans(self, buckets: Sequence[str], older_seconds: float, limit: int) -> Sequence[tuple[str, str]]:
        """Bucket and path of objects older than that which no row refers to and no open run owns."""
        ...

    def url(self, bucket: str, path: str) -> str:
        """The object's lasting address; reading it takes the owner's own token. Makes no request."""
        ...


class Decoder(Protocol):
    """Whoever turns bytes of unknown origin into a picture we trust."""

    def to_clean_png(self, content: bytes, *, user_id: UUID | None = None) -> CleanImage:
        """Validated and fully decoded: an upright 8-bit sRGB PNG without metadata.

        One user's pictures wait behind each other; `user_id` says whose this one is.

        Raises:
            InvalidImage: it is no image we accept, or decoding it takes too much time or memory.
            DecoderLost: it could not be decoded for now, which is not its fault.
        """
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class Downloader(Protocol):
    """Fetches a foreign image."""

    def download(self, url: str) -> bytes:
        """The body behind the URL.

        Raises:
            DownloadRefused: scheme, host, address or size is not one we accept.
            ProviderUnavailable: it does not answer right now.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Staging(Protocol):
    """Where bytes wait between two steps. Raises `StoreUnavailable` or `StoreRefused`."""

    def store(self, key: str, content: bytes, state: SealedAs = SealedAs.ARRIVED) -> None:
        """Keep the bytes, sealed, for a limited time; the same key again replaces them, and fills its reservation."""
        ...

    def load(self, key: str) -> bytes | None:
        """The bytes, whoever put them there, or None when they are gone: for those who know their hash."""
        ...

    def find(self, key: str, *states: SealedAs) -> bytes | None:
        """The bytes, if they carry our seal of one of these states (any, when none is named), or None."""
        ...

    def reserve(self, key: str) -> None:
        """Reserve room for one picture under the key, for a short time; the same key again is one reservation.

        Raises:
            StagingFull: there is no room now.
        """
        ...

    def cancel_reservation(self, key: str) -> None:
        """Release the room that waits for bytes under the key."""
        ...

    def remove(self, *keys: str) -> None:
        """Delete bytes, seals and reservations of these keys, as far as they are there."""
        ...

    def remove_own(self, *keys: str) -> int:
        """Delete of these keys those whose bytes carry our seal, and those that nothing lies under; how many.

        What another deployment staged on the same server stays.
        """
        ...

    def keys(self) -> Sequence[str]:
        """Keys of all that is staged or reserved, and of some that no longer is."""
        ...

    def older_than(self, seconds: float) -> Sequence[str]:
        """Keys whose bytes have waited for longer than that, found by looking at the whole database."""
        ...
