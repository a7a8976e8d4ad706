"""Front door for producers. Light: the Supabase client is imported at its first use, numpy and Pillow never."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from concept_worker.errors import ConceptWorkerError, EnqueueError, InvalidRequest, TaskError
from concept_worker.models import (
    PALETTES_DEFAULT,
    ConceptRow,
    GenerationPayload,
    RefinementPayload,
    TaskRow,
    TaskStatus,
    TaskType,
    payload_from,
    to_uuid,
)
from concept_worker.routing import QUEUE_OF, REUSABLE_STEPS, START_OF
from concept_worker.settings import Settings, get_settings

if TYPE_CHECKING:
    from concept_worker.bootstrap import Records

log = structlog.get_logger(__name__)

# A producer is a web request: three quick tries, then a clear error.
_PUBLISHING = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}


def producer_app(settings: Settings) -> Celery:
    """A Celery app that only sends, for any broker, without becoming the process's current app.

    The outcome is in the task row, so it has no result backend: with one, each send would subscribe to its result,
    and a broker that is away would hold the caller for twenty seconds.
    """
    from concept_worker.tasks import connection_guard  # imports Redis's client, which a producer may never need

    connection_guard.install()
    app = Celery("concept_worker", set_as_current=False)
    app.config_from_object("celeryconfig")
    transport = {**app.conf.broker_transport_options, **_PUBLISHING}  # also for what is no task, such as a revoke
    app.conf.update(broker_url=settings.redis_url, result_backend="disabled://", broker_transport_options=transport)
    return app


class ConceptClient:
    """Ask for concepts and read them back.

    Every method takes the user's id and finds nothing of anybody else's. Raises `InvalidRequest` for what the caller
    can mend, `TaskNotFoundError`, `TaskError`, and `StoreUnavailable` when Supabase is away.
    """

    def __init__(self, *, app: Celery, records: Callable[[], Records], settings: Settings) -> None:
        self._app = app
        self._make_records = records
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Self:
        """The client for these settings (the environment's unless given)."""
        chosen = settings or get_settings()
        chosen.require_supabase()

        def records() -> Records:
            from concept_worker.bootstrap import build_records

            return build_records(chosen)

        return cls(app=producer_app(chosen), records=records, settings=chosen)

    def generate(
        self,
        *,
        user_id: UUID | str,
        logo_description: str,
        theme_description: str,
        num_palettes: int = PALETTES_DEFAULT,
        is_anonymous: bool = True,
        **unknown: Any,
    ) -> TaskRow:
        """Ask for a new concept; the pending row. Nothing is created when the input is wrong.

        Raises:
            InvalidRequest: names each wrong field and its mend.
            EnqueueError: the broker did not take the message; the row is failed and says so.
        """
        payload: GenerationPayload = payload_from(
            GenerationPayload,
            {
                "logo_description": logo_description,
                "theme_description": theme_description,
                "num_palettes": num_palettes,
                "is_anonymous": is_anonymous,
                **unknown,
            },
        )
        return self._enqueue(user_id, TaskType.GENERATION, payload.model_dump(mode="json"))

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
        **unknown: Any,
    ) -> TaskRow:
        """Ask for an existing image, changed as the prompt says; the pending row.

        The original is a concept of the user (best: no address is involved), an image path of one of their concepts,
        or an https address on an allowed host. Descriptions left out are taken from the original concept.
        `preserve_aspects`: any of colors, layout, style, shapes.

        Raises:
            InvalidRequest: names each wrong field and its mend; also when the concept is not this user's.
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
                **unknown,
            },
        )
        if payload.original_image_path is not None:
            self._check_path(payload.original_image_path, user_id)
        if payload.original_concept_id is not None:
            payload = self._described(payload, payload.original_concept_id, user_id)
        inputs = payload.model_dump(mode="json", exclude_none=True)
        return self._enqueue(user_id, TaskType.REFINEMENT, inputs)

    def _check_path(self, path: str, user_id: UUID | str) -> None:
        from concept_worker.services.image_persistence_service import own_path

        try:
            own_path(path, to_uuid("user_id", user_id))
        except InvalidRequest as exc:
            raise exc.within("Invalid request") from exc

    def _described(self, payload: RefinementPayload, concept_id: UUID, user_id: UUID | str) -> RefinementPayload:
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
        """Cancel the user's task; the canceled row. Its uploaded pictures are removed.

        A pending run never starts; a running one stops at its next step, and removes what that step still stored.

        Raises:
            TaskError: the task is over already.
        """
        row = self._records.task_service.cancel_task(task_id, user_id)
        self._records.image_persistence_service.discard(user_id=row.user_id, task_id=row.id)
        with suppress(OperationalError):
            self._app.control.revoke(str(row.id))  # spares a worker the look at the row; the row is what counts
        return row

    def delete(self, task_id: UUID | str, user_id: UUID | str) -> None:
        """Delete the user's task row; a running task is canceled first. A concept that it made stays."""
        row = self._records.task_service.get_task(task_id, user_id)
        if not row.status.is_terminal:
            with suppress(TaskError):  # it may end by itself in between
                self.cancel(task_id, user_id)
        self._records.task_service.delete_task(task_id, user_id)

    def retry(self, task_id: UUID | str, user_id: UUID | str) -> TaskRow:
        """Try a failed or canceled task again; a new pending row that goes on from the checkpoints of the old one.

        Raises:
            TaskError: the task did not end badly.
            EnqueueError: the broker did not take the message; the new row is failed and says so.
        """
        row = self._records.task_service.get_task(task_id, user_id)
        return self._send(
            self._records.task_service.retry_task(row.id, row.user_id, REUSABLE_STEPS[TaskType(row.type)])
        )

    def get_task(self, task_id: UUID | str, user_id: UUID | str) -> TaskRow:
        """The user's task row."""
        return self._records.task_service.get_task(task_id, user_id)

    def get_tasks(
        self, user_id: UUID | str, status: TaskStatus | str | None = None, limit: int = 10
    ) -> Sequence[TaskRow]:
        """The user's task rows, newest first."""
        return self._records.task_service.get_tasks_by_user(user_id, status, limit)

    def get_concept(self, task_id: UUID | str, user_id: UUID | str) -> ConceptRow | None:
        """The concept that the user's task made, with its variations in order; None while there is none."""
        row = self.get_task(task_id, user_id)
        if row.result_id is None:
            return None
        return self._records.concept_persistence_service.get_concept(row.result_id, row.user_id)

    def get_links(self, concept: ConceptRow) -> dict[str, str]:
        """A short-lived link for each image path of the concept; a secret, so never log it."""
        paths = [concept.image_path, *(variation.image_path for variation in concept.variations)]
        return self._records.image_persistence_service.sign(paths, self._settings.signed_url_seconds)

    def load_image(self, path: str) -> bytes | None:
        """The PNG bytes at an image path of a concept row, or None."""
        return self._records.image_persistence_service.load_path(path)

    def close(self) -> None:
        """Close the connections, if any were made."""
        if "_records" in self.__dict__:
            self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _records(self) -> Records:
        return self._make_records()

    def _enqueue(self, user_id: UUID | str, task_type: TaskType, inputs: dict[str, Any]) -> TaskRow:
        """Row first, message second, and the message's id is the row's: sent twice, it still runs once."""
        return self._send(self._records.task_service.create_task(user_id, task_type, inputs))

    def _send(self, row: TaskRow) -> TaskRow:
        name = START_OF[TaskType(row.type)]
        try:
            self._app.send_task(
                name.value,
                task_id=str(row.id),
                queue=QUEUE_OF[name].value,
                retry=True,
                retry_policy=_PUBLISHING,
            )
        except OperationalError as exc:
            raise self._not_enqueued(row) from exc
        log.info("task enqueued", **row.log_context())
        return row

    def _not_enqueued(self, row: TaskRow) -> EnqueueError:
        sentence = "Failed to queue task: the message broker does not answer."
        try:
            self._records.task_service.update_task_status(row.id, TaskStatus.FAILED, error_message=sentence, run=0)
        except ConceptWorkerError as exc:
            # The row stays pending, and housekeeping enqueues it when the broker is back.
            log.warning("row not failed", reason=str(exc), **row.log_context())
        return EnqueueError(sentence)
