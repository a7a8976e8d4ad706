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
    """A store of task rows and their checkpoints: simple, atomic verbs that use the database's clock.

    Every method raises `StoreUnavailable` (worth a retry) or `StoreRefused`. Where `user_id` is given, another user's
    row counts as no row.
    """

    def create(self, row: Mapping[str, Any]) -> TaskRow:
        """Insert a row."""
        ...

    def get(self, task_id: UUID, user_id: UUID | None) -> TaskRow | None:
        """Return the row, or None."""
        ...

    def list(self, user_id: UUID, status: TaskStatus | None, limit: int) -> Sequence[TaskRow]:
        """Return at most `limit` rows of the user, newest first."""
        ...

    def get_by_result(self, result_id: UUID, user_id: UUID) -> TaskRow | None:
        """Return the row that made this result, or None."""
        ...

    def delete(self, task_id: UUID, user_id: UUID) -> bool:
        """Delete the row; return whether it existed."""
        ...

    def accept_inputs(self, task_id: UUID, user_id: UUID, inputs: Mapping[str, Any]) -> bool:
        """Write the inputs into a row that no run has claimed; return whether it existed."""
        ...

    def claim(self, task_id: UUID, user_id: UUID | None, lease_seconds: float, max_runs: int) -> TaskRow | None:
        """Claim a pending row, or one with an expired lease, by compare-and-set; return the new run's row, or None."""
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
        """Check that the run is current, extend the lease, show stage and progress, and acquire the checkpoint.

        The answer holds the checkpoint's output, if any, and the outputs of the steps in `needs`. Another execution
        keeps the step until `takeover_seconds` past its lease.

        Raises:
            StaleRun, MisplacedStep, StepHeld, PoisonStep: see their docstrings.
        """
        ...

    def extend_step(self, run: RunReference, step: str, owner: str, lease_seconds: float) -> bool:
        """Send a heartbeat; return False when the task is over or another execution owns the step."""
        ...

    def show_presence(self, process: str) -> None:
        """Show that a process that works on a step lives."""
        ...

    def end_lost_leases(self, process: str, silent_seconds: float) -> int | None:
        """End the leases of a process that was not seen for so long; return how many, or None when it lives."""
        ...

    def finish_step(
        self, run: RunReference, step: str, output: Any, progress: int, lease_seconds: float
    ) -> FinishedStep:
        """Write the checkpoint and extend the lease; the first output written wins."""
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
        """Release the step until its next try and show that in the row; return the attempts so far.

        The try counts when `is_attempt`.

        Raises:
            StaleRun: see its docstring.
        """
        ...

    def keep_receipt(self, run: RunReference, step: str, owner: str, receipt: Receipt | None) -> bool:
        """Write the receipt of a paid picture, or delete it (None); return whether that was done.

        The receipt stays until the step is done. One that another execution wrote is not replaced.
        """
        ...

    def forget_steps(self, run: RunReference, steps: Sequence[str]) -> bool:
        """Delete checkpoints and end the run: the next one repeats these steps. Return False when it is not current.

        Other steps stay with the executions that hold them.
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
        """Move the row to `status`; return None when there is no such row or run, or the move is not allowed."""
        ...

    def stalled(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        """Return runs whose lease has expired, then runs enqueued again since but not claimed, then pending rows.

        At most `limit` of each, oldest first.
        """
        ...

    def resume_dead(self, pending_seconds: float, max_runs: int, limit: int) -> Sequence[TaskRow]:
        """Take at most `limit` runs that are certainly dead, to re-enqueue them like `resume`."""
        ...

    def resume(self, task_ids: Sequence[UUID], pending_seconds: float, max_runs: int) -> Sequence[TaskRow]:
        """Take stalled rows to re-enqueue them. Each row goes to one caller; a row with no runs left fails."""
        ...

    def hold(self, task_ids: Sequence[UUID], lease_seconds: float) -> int:
        """Postpone the next stall check of rows whose message waits in a queue; return how many."""
        ...

    def expire(self, deadline_seconds: float) -> int:
        """Fail open rows older than the deadline; return how many."""
        ...

    def retry(self, task_id: UUID, user_id: UUID, steps: Sequence[str], new_id: UUID) -> TaskRow | None:
        """Create a pending row from the user's failed or canceled one, with its inputs and checkpoints of `steps`."""
        ...

    def open_among(self, task_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the tasks that are pending or processing."""
        ...


class ConceptStore(Protocol):
    """A store of concept rows. Raises as `TaskStore` does."""

    def store(
        self, run: RunReference, concept: Mapping[str, Any], variations: Sequence[Mapping[str, Any]]
    ) -> UUID | None:
        """Store the concept and complete the task, in one transaction; return None when the run is not current."""
        ...

    def get(self, concept_id: UUID, user_id: UUID) -> ConceptRow | None:
        """Return the concept with its variations in order, or None."""
        ...

    def has_image(self, path: str) -> bool:
        """Return whether a concept, of any user, has its base image at this path."""
        ...

    def expire(self, older_seconds: float, limit: int, *, dry_run: bool) -> ExpiredConcepts:
        """Delete concepts older than `older_seconds` with their variations and tasks; a dry run only counts them."""
        ...


class ObjectStore(Protocol):
    """A store of image objects in buckets. Raises as `TaskStore` does."""

    def store(self, bucket: str, path: str, content: bytes, content_type: str) -> None:
        """Create or replace the object."""
        ...

    def load(self, bucket: str, path: str) -> bytes | None:
        """Return the object's bytes, or None when there is no object."""
        ...

    def sign(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        """Return a link for each path that exists, valid for `seconds`."""
        ...

    def remove(self, bucket: str, paths: Sequence[str]) -> None:
        """Delete the objects that exist at these paths."""
        ...

    def list(self, bucket: str, folder: str) -> Sequence[str]:
        """Return the paths of the objects directly in a folder."""
        ...

    def orphans(self, buckets: Sequence[str], older_seconds: float, limit: int) -> Sequence[tuple[str, str]]:
        """Return bucket and path of objects older than `older_seconds` that no row refers to and no open run owns."""
        ...

    def url(self, bucket: str, path: str) -> str:
        """Return the object's permanent address, which takes the owner's own token to read. Sends no request."""
        ...


class Decoder(Protocol):
    """A converter of untrusted bytes to pictures that we trust."""

    def to_clean_png(self, content: bytes, *, user_id: UUID | None = None) -> CleanImage:
        """Validate and fully decode the bytes; return an upright 8-bit sRGB PNG without metadata.

        Pictures of one user (`user_id`) are decoded one after another.

        Raises:
            InvalidImage: it is no image we accept, or decoding takes too much time or memory.
            DecoderLost: the decoder failed for now; the picture is not to blame.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class Downloader(Protocol):
    """A client that fetches a foreign image."""

    def download(self, url: str) -> bytes:
        """Return the body behind the URL.

        Raises:
            DownloadRefused: scheme, host, address or size is not one we accept.
            ProviderUnavailable: the server does not answer right now.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Staging(Protocol):
    """A store for bytes that wait between two steps. Raises `StoreUnavailable` or `StoreRefused`."""

    def store(self, key: str, content: bytes, state: SealedAs = SealedAs.ARRIVED) -> None:
        """Store the bytes, sealed, for a limited time. The same key replaces them; its reservation is used up."""
        ...

    def load(self, key: str) -> bytes | None:
        """Return the bytes, sealed or not, or None when they are gone. For callers that know the hash of the bytes."""
        ...

    def find(self, key: str, *states: SealedAs) -> bytes | None:
        """Return the bytes if they carry our seal of one of these states (of any, when none is named), or None."""
        ...

    def reserve(self, key: str) -> None:
        """Reserve room for one picture under the key, for a short time. The same key again is the same reservation.

        Raises:
            StagingFull: there is no room now.
        """
        ...

    def cancel_reservation(self, key: str) -> None:
        """Release the room reserved under the key."""
        ...

    def remove(self, *keys: str) -> None:
        """Delete bytes, seals and reservations of these keys, where they exist."""
        ...

    def remove_own(self, *keys: str) -> int:
        """Delete those keys whose bytes carry our seal, and those without bytes; return how many.

        Bytes that another deployment staged on the same server stay.
        """
        ...

    def keys(self) -> Sequence[str]:
        """Return the keys of everything that is staged or reserved; some may be gone already."""
        ...

    def older_than(self, seconds: float) -> Sequence[str]:
        """Return keys whose bytes have waited for longer than `seconds`. Scans the whole database."""
        ...
