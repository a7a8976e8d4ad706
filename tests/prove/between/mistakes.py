"""The Python between the verbs with its effects in a wrong order, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from concept_worker.models import FinishedStep, RunReference, StagedImage, StagedName, StoredImage, TaskType
from concept_worker.pipelines import concept
from concept_worker.pipelines.concept import ConceptTaskProcessor, StoredBase
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.image_persistence_service import BASE_NAME, ImagePersistenceService
from concept_worker.services.image_service import ImageService
from concept_worker.services.task_service import TaskService
from tests.prove.between.course import Case

Patch = Callable[[pytest.MonkeyPatch], None]


class Mistake(NamedTuple):
    """A wrong order, and the words of the property that must find it."""

    case: Case
    make: Patch
    words: str
    events: int = 0  # that it takes


def _discarded_before_upload(patch: pytest.MonkeyPatch) -> None:
    def store(self: ConceptTaskProcessor[Any], staged: StagedImage) -> StoredBase:
        content = self._image(staged)
        self._services.image_service.discard_staged(self.task_id)
        images = self._services.image_persistence_service
        stored = images.store_image(content, user_id=self.user_id, task_id=self.task_id, name=BASE_NAME)
        return StoredBase(staged=staged, stored=stored)

    patch.setattr(ConceptTaskProcessor.store_base_image, "method", store)


def _discarded_before_the_row(patch: pytest.MonkeyPatch) -> None:
    store = ConceptTaskProcessor.store_concept.method

    def discard_first(self: ConceptTaskProcessor[Any], recolored: Any) -> UUID:
        self._services.image_service.discard_staged(self.task_id)
        return store(self, recolored)

    patch.setattr(ConceptTaskProcessor.store_concept, "method", discard_first)


def _staged_after_checkpoint(patch: pytest.MonkeyPatch) -> None:
    late: list[Callable[[], object]] = []
    stage, finish = ImageService.stage_image, TaskService.finish_step

    def promise(
        self: ImageService, content: bytes, *, task_id: UUID, name: StagedName, user_id: UUID | None = None
    ) -> StagedImage:
        clean = self._decoder.to_clean_png(content)
        late.append(lambda: stage(self, content, task_id=task_id, name=name))
        reference: StagedImage = _reference(task_id, name, clean)
        return reference

    def finish_first(self: TaskService, run: RunReference, step: str, output: Any, progress: int) -> FinishedStep:
        finished = finish(self, run, step, output, progress)
        while late:
            late.pop()()
        return finished

    patch.setattr(ImageService, "stage_image", promise)
    patch.setattr(TaskService, "finish_step", finish_first)


def _uploaded_after_the_row(patch: pytest.MonkeyPatch) -> None:
    late: list[Callable[[], object]] = []
    upload, store = ImagePersistenceService.store_image, ConceptPersistenceService.store_concept

    def promise(self: ImagePersistenceService, content: bytes, **where: Any) -> StoredImage:
        late.append(lambda: upload(self, content, **where))
        return StoredImage(name=where["name"], size=len(content))

    def store_first(self: ConceptPersistenceService, run: RunReference, **what: Any) -> UUID:
        stored = store(self, run, **what)
        while late:
            late.pop()()
        return stored

    patch.setattr(ImagePersistenceService, "store_image", promise)
    patch.setattr(ConceptPersistenceService, "store_concept", store_first)


def _receipt_after_collecting(patch: pytest.MonkeyPatch) -> None:
    def picture(self: PaidCall, buy: Callable[[], Any], collect: Callable[[Any], Any]) -> Any:
        receipt = self._receipt or buy()
        collected = collect(receipt)
        self._write(receipt)
        return collected

    patch.setattr(PaidCall, "picture", picture)


def _paid_without_a_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(concept, "find_image_data", lambda *_, **__: None)


def _never_discarded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ImageService, "discard_staged", lambda *_: None)


def _concept_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ConceptPersistenceService, "is_stored", lambda *_, **__: False)


def _death_caught(patch: pytest.MonkeyPatch) -> None:
    discard = ImageService.discard_staged

    def deaf(self: ImageService, task_id: UUID) -> None:
        with suppress(BaseException):
            discard(self, task_id)

    patch.setattr(ImageService, "discard_staged", deaf)


def _reference(task_id: UUID, name: StagedName, clean: Any) -> Any:
    from concept_worker.services import image_service

    return image_service._reference(task_id, name, clean)


_PICTURES, _RECEIPTS = Case(TaskType.GENERATION), Case(TaskType.GENERATION, gives_receipts=True)
MISTAKES = {
    "discarded before the upload": Mistake(
        _PICTURES, _discarded_before_upload, "generate_base_image names the staged base, which is not there"
    ),
    "discarded before the row is complete": Mistake(
        Case(TaskType.REFINEMENT), _discarded_before_the_row, "download_original names the staged original"
    ),
    "staged after the checkpoint": Mistake(
        _PICTURES, _staged_after_checkpoint, "finish_step generate_base_image, before the paid image is kept"
    ),
    "uploaded after the row": Mistake(_PICTURES, _uploaded_after_the_row, "names base.png, which is not there"),
    "a receipt written after collecting": Mistake(
        _RECEIPTS, _receipt_after_collecting, "collect, before the paid image is kept"
    ),
    "paid without a look into staging": Mistake(
        _PICTURES, _paid_without_a_look, "image paid 2 times, with 0 reasons to pay again", events=1
    ),
    "never discarded": Mistake(_PICTURES, _never_discarded, "left in staging"),
    "a death that is caught": Mistake(_PICTURES, _death_caught, "a death was caught", events=1),
    "pictures removed with a task whose concept stays": Mistake(
        _PICTURES, _concept_forgotten, "a row names base.png, which is not there", events=1
    ),
}
