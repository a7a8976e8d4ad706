"""The client for producers. It is light: Supabase's client is imported at first use, numpy and Pillow never."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from celery import Celery
from kombu.exceptions import OperationalError

from concept_worker.errors import (
    ConceptWorkerError,
    EnqueueError,
    InvalidRequest,
    TaskError,
    TaskNotFoundError,
    UnknownOutcome,
)
from concept_worker.logging import get_logger
from concept_worker.models import ConceptRow, TaskRow, TaskStatus, TaskType
from concept_worker.payloads import PALETTES_DEFAULT, GenerationPayload, RefinementPayload, to_uuid
from concept_worker.pipelines.registry import reusable_steps
from concept_worker.producer_app import PUBLISHING, producer_app
from concept_worker.routing import QUEUE_OF, START_OF
from concept_worker.settings import Settings, get_settings
from concept_worker.validation import payload_from, unknown_fields_refused

if TYPE_CHECKING:
    from concept_worker.bootstrap import Records

log = get_logger(__name__)

_NOT_SENT = "Failed to queue task: the message broker does not answer."
_MAY_RUN = (
    "Failed to queue task: neither the message broker nor the database answers. The task starts when they are back, "
    "unless it was failed. Ask again with the same task_id, or look at it with get_task."
)


class ConceptClient:
    """A client that asks for concepts and reads them back.

    Every method takes the user's id and finds only that user's rows. The methods raise `InvalidRequest` for input that
    the caller can mend, `TaskNotFoundError`, `TaskError`, and `StoreUnavailable` when Supabase does not answer: then
    nothing was done, unless the error is an `UnknownOutcome`.
    """

    def __init__(self, *, app: Celery, records: Callable[[], Records], settings: Settings) -> None:
        self._app = app
        self._make_records = records
        self._records_of: dict[int, Records] = {}  # by process
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Self:
        """Make a client for these settings, or for the environment's.

        Raises:
            ValueError: a setting is missing or wrong; names it and the mend.
        """
        chosen = settings or get_settings()
        chosen.require_supabase()

        def records() -> Records:
            from concept_worker.bootstrap import build_records

            return build_records(chosen)

        return cls(app=producer_app(chosen), records=records, settings=chosen)

    @unknown_fields_refused(GenerationPayload)
    def generate(
        self,
        *,
        user_id: UUID | str,
        logo_description: str,
        theme_description: str,
        num_palettes: int = PALETTES_DEFAULT,
        is_anonymous: bool = True,
        task_id: UUID | str | None = None,
    ) -> TaskRow:
        """Ask for a new concept; return the pending row. Nothing is created when the input is wrong.

        With a `task_id` that you chose (any new UUID), calling again is safe: a second call returns the row of the
        first, in its present state.

        Raises:
            InvalidRequest: names each wrong field and its mend.
            UnknownOutcome: the row may exist and run; ask again with the error's `task_id`.
            EnqueueError: the broker did not take the message; the row is failed and says so.
        """
        payload: GenerationPayload = payload_from(
            GenerationPayload,
            {
                "logo_description": logo_description,
                "theme_description": theme_description,
                "num_palettes": num_palettes,
                "is_anonymous": is_anonymous,
            },
        )
        return self._enqueue(user_id, TaskType.GENERATION, payload.model_dump(mode="json"), task_id)

    @unknown_fields_refused(RefinementPayload)
    def refine(
        self,
        *,
        user_id: UUID | str,
        refinement_prompt: str,
        original_concept_id: UUID | str | None = None,
        original_image_path: str | None = None,
        original_image_url: str | None = None,
        logo_description: str = "",
        theme_description: str = "",
        preserve_aspects: Sequence[str] = (),
        num_palettes: int = 0,
        is_anonymous: bool = True,
        task_id: UUID | str | None = None,
    ) -> TaskRow:
        """Ask for an existing image, changed as the prompt says; return the pending row.

        The original is a concept of the user (best, because no download is needed), an image path of one of the user's
        concepts, or an https address on an allowed host. Omitted descriptions are taken from the original concept.
        `preserve_aspects`: any of colors, layout, style, shapes. `task_id`: as in `generate`.

        Raises:
            InvalidRequest: names each wrong field and its mend; also when the concept is not this user's.
            UnknownOutcome: the row may exist and run; ask again with the error's `task_id`.
            EnqueueError: the broker did not take the message; the row is failed and says so.
        """
        payload: RefinementPayload = payload_from(
            RefinementPayload,
            {
                "refinement_prompt": refinement_prompt,
                "original_concept_id": original_concept_id,
                "original_image_path": original_image_path,
                "original_image_url": original_image_url,
                "logo_description": logo_description,
                "theme_description": theme_description,
                "preserve_aspects": tuple(preserve_aspects),
                "num_palettes": num_palettes,
                "is_anonymous": is_anonymous,
            },
        )
        if payload.original_image_path is not None:
            self._check_path(payload.original_image_path, user_id, "original_image_path")
        if payload.original_concept_id is not None:
            payload = self._with_descriptions(payload, payload.original_concept_id, user_id)
        inputs = payload.model_dump(mode="json", exclude_none=True)
        return self._enqueue(user_id, TaskType.REFINEMENT, inputs, task_id)

    def _check_path(self, path: str, user_id: UUID | str, field: str) -> None:
        from concept_worker.services.image_persistence_service import own_path

        try:
            own_path(path, to_uuid("user_id", user_id), field)
        except InvalidRequest as exc:
            raise exc.within("Invalid request") from exc

    def _with_descriptions(
        self, payload: RefinementPayload, concept_id: UUID, user_id: UUID | str
    ) -> RefinementPayload:
        """Return the payload with its missing descriptions taken from the original concept."""
        concept = self._records.concept_persistence_service.get_concept(concept_id, to_uuid("user_id", user_id))
        if concept is None:
            raise InvalidRequest("Invalid request: original_concept_id: no such concept")
        return payload.model_copy(
            update={
                "logo_description": payload.logo_description or concept.logo_description,
                "theme_description": payload.theme_description or concept.theme_description,
            }
        )

    def cancel(self, task_id: UUID | str, user_id: UUID | str) -> TaskRow:
        """Cancel the user's task and delete its uploaded pictures; return the canceled row.

        A pending run never starts. A running one stops at its next step, and deletes the pictures that its last step
        stored. Canceling a canceled task is no error.

        Raises:
            UnknownOutcome: the task may be canceled; ask again.
            TaskError: the task has completed or failed before.
        """
        row = self._records.task_service.cancel_task(task_id, user_id)
        try:
            self._records.image_persistence_service.discard(user_id=row.user_id, task_id=row.id)
        except ConceptWorkerError as exc:  # the task is canceled all the same; the sweep deletes its pictures
            log.warning("pictures left to the sweep", reason=str(exc), **row.log_context())
        self._revoke(row)
        return row

    def _revoke(self, row: TaskRow) -> None:
        """Tell workers to drop the message. The row decides even without this, so errors of the broker are ignored."""
        if self._settings.remote_control:
            with suppress(OperationalError):
                self._app.control.revoke(str(row.id))

    def delete(self, task_id: UUID | str, user_id: UUID | str) -> None:
        """Delete the user's task row; cancel a running task first. The task's concept stays.

        Raises:
            UnknownOutcome: the row may be deleted; ask again: `TaskNotFoundError` means that it is.
        """
        row = self._records.task_service.get_task(task_id, user_id)
        if not row.status.is_terminal:
            with suppress(TaskError):  # the task may have ended since the read above
                self.cancel(task_id, user_id)
        with suppress(TaskNotFoundError):  # deleted since the read above, by a second request of a gateway or the user
            self._records.task_service.delete_task(task_id, user_id)

    def retry(self, task_id: UUID | str, user_id: UUID | str, *, new_task_id: UUID | str | None = None) -> TaskRow:
        """Retry a failed or canceled task; return a new pending row that goes on from the old row's checkpoints.

        Canceling deletes a task's pictures: a canceled task is drawn anew, and only its palettes are kept.
        With a `new_task_id` that you chose, calling again is safe, as with the `task_id` of `generate`.

        Raises:
            UnknownOutcome: the new row may exist and run; ask again with the error's `task_id` as `new_task_id`.
            TaskError: the task is neither failed nor canceled.
            EnqueueError: the broker did not take the message; the new row is failed and says so.
        """
        tasks = self._records.task_service
        row = tasks.get_task(task_id, user_id)
        steps = reusable_steps(TaskType(row.type), TaskStatus(row.status))
        return self._send(tasks.retry_task(row.id, row.user_id, steps, new_task_id=new_task_id))

    def get_task(self, task_id: UUID | str, user_id: UUID | str) -> TaskRow:
        """Return the user's task row.

        Raises:
            TaskNotFoundError: there is no such row for this user.
        """
        return self._records.task_service.get_task(task_id, user_id)

    def get_tasks(
        self, user_id: UUID | str, status: TaskStatus | str | None = None, limit: int = 10
    ) -> Sequence[TaskRow]:
        """Return the user's task rows, newest first."""
        return self._records.task_service.get_tasks_by_user(user_id, status, limit)

    def get_concept(self, task_id: UUID | str, user_id: UUID | str) -> ConceptRow | None:
        """Return the concept that the user's task made, with its variations in order; None while there is none."""
        row = self.get_task(task_id, user_id)
        if row.result_id is None:
            return None
        return self._records.concept_persistence_service.get_concept(row.result_id, row.user_id)

    def get_links(self, concept: ConceptRow, user_id: UUID | str) -> dict[str, str]:
        """Return a short-lived link for each image path of the user's concept. Links are secrets: never log them.

        Raises:
            InvalidRequest: a picture of the concept is not this user's.
        """
        paths = [concept.image_path, *(variation.image_path for variation in concept.variations)]
        for path in paths:
            self._check_path(path, user_id, "concept")
        return self._records.image_persistence_service.sign(paths, self._settings.signed_url_seconds)

    def load_image(self, path: str, user_id: UUID | str) -> bytes | None:
        """Return the PNG bytes at an image path of one of the user's concepts, or None.

        Raises:
            InvalidRequest: the path is not this user's.
        """
        self._check_path(path, user_id, "path")
        return self._records.image_persistence_service.load_path(path)

    def close(self) -> None:
        """Close the connections of this process, if there are any."""
        if os.getpid() in self._records_of:
            self._records_of.pop(os.getpid()).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _records(self) -> Records:
        """The records of this process. A fork gets its own: on a shared socket, processes would mix up answers."""
        made = self._records_of.get(os.getpid())
        return made or self._records_of.setdefault(os.getpid(), self._make_records())

    def _enqueue(
        self, user_id: UUID | str, task_type: TaskType, inputs: dict[str, Any], task_id: UUID | str | None
    ) -> TaskRow:
        """Create the row, then send the message with the row's id: a message that is sent twice still runs once."""
        return self._send(self._records.task_service.create_task(user_id, task_type, inputs, task_id=task_id))

    def _send(self, row: TaskRow) -> TaskRow:
        if row.status is not TaskStatus.PENDING:
            return row  # of an earlier call: it runs, or has ended
        name = START_OF[TaskType(row.type)]
        try:
            self._app.send_task(
                name.value,
                task_id=str(row.id),
                queue=QUEUE_OF[name].value,
                retry=True,
                retry_policy=PUBLISHING,
            )
        except Exception as exc:  # any error: the row exists, and the caller must learn whether it will run
            return self._not_enqueued(row, exc)
        log.info("task enqueued", **row.log_context())
        return row

    def _not_enqueued(self, row: TaskRow, trouble: Exception) -> TaskRow:
        """Fail the row and raise; return the row when a worker or the user changed it meanwhile: nothing failed then.

        Raises:
            EnqueueError: the row is failed, or the user has deleted it.
            UnknownOutcome: the row could not be failed; it may still run.
        """
        try:
            now = self._records.task_service.fail_unclaimed(row.id, _NOT_SENT)
        except TaskNotFoundError:
            raise EnqueueError(_NOT_SENT) from trouble  # the user deleted the row: nothing will run
        except ConceptWorkerError as exc:
            # The row may still be pending, and housekeeping enqueues it when the broker is back.
            log.warning("row not failed", reason=str(exc), **row.log_context())
            raise UnknownOutcome(_MAY_RUN, str(row.id)) from exc
        if now.error_message == _NOT_SENT:
            raise EnqueueError(_NOT_SENT) from trouble
        return now
