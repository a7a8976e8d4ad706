"""The steps of every pipeline once it has its base image: store it, make palettes, recolor, write the rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar, TypeVar
from uuid import UUID

from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt, StagedImage, StagedName, StoredImage, StoredVariation
from concept_worker.payloads import Brief, Payload
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.processor import BaseTaskProcessor
from concept_worker.pipelines.stages.concept_storage import store_base_image, store_concept
from concept_worker.pipelines.stages.image_preparation import collect_image_data, find_image_data, prepare_image_data
from concept_worker.pipelines.stages.palette_generation import (
    compose_palettes_locally,
    create_palette_variations,
    generate_palettes_for_concept,
)
from concept_worker.pipelines.step import step
from concept_worker.routing import Queue, TaskName
from concept_worker.validation import Traveling

if TYPE_CHECKING:
    from concept_worker.services.concept_generator import Picture

log = get_logger(__name__)

PayloadT = TypeVar("PayloadT", bound=Payload)


class StoredBase(Traveling):
    """The base image where it lies now, and where its bytes still wait close by."""

    staged: StagedImage
    stored: StoredImage


class RecoloredConcept(Traveling):
    """All pictures of a concept, stored; what is left is to write its rows."""

    base: StoredBase
    variations: tuple[StoredVariation, ...]


class ConceptTaskProcessor(BaseTaskProcessor[PayloadT]):
    """The shared steps. A subclass says where the base image comes from, and may name its errors its own way.

    Percents are shares of the wait: an image takes 8 to 28 s, palettes 6 s beside the upload, recoloring under 1 s.
    """

    storing_image: ClassVar[Callable[..., StoredImage]] = staticmethod(store_base_image)
    storing_concept: ClassVar[Callable[..., UUID]] = staticmethod(store_concept)

    @property
    def brief(self) -> Brief:
        """The words that palettes are made for."""
        return self.payload

    @step(TaskName.STORE_BASE_IMAGE, 58, 65)
    def store_base_image(self, staged: StagedImage) -> StoredBase:
        """Store the base image."""
        stored = self.storing_image(
            self.task_id, self.user_id, self._image(staged), self._services.image_persistence_service
        )
        return StoredBase(staged=staged, stored=stored)

    @step(TaskName.GENERATE_PALETTES, 60, 75, pays=True, reusable=True, outlives_cancel=True)
    def generate_palettes(self) -> tuple[Palette, ...]:
        """Ask for palettes, as many as the payload wants: not before there is an image, for they are paid."""
        if not self.payload.num_palettes:
            return ()
        return generate_palettes_for_concept(
            self.task_id, self.brief, self.payload.num_palettes, self._services.concept_service
        )

    @generate_palettes.when_unavailable
    def local_palettes(self) -> tuple[Palette, ...]:
        """Make the palettes by colour harmony."""
        return compose_palettes_locally(self.brief, self.payload.num_palettes, self._services.concept_service)

    @step(TaskName.CREATE_VARIATIONS, 80, 95, queue=Queue.IMAGES)
    def create_variations(self, base: StoredBase, palettes: tuple[Palette, ...]) -> RecoloredConcept:
        """Recolor the base image with each palette and store the pictures."""
        if not palettes:
            return RecoloredConcept(base=base, variations=())
        variations = create_palette_variations(
            self.task_id, self.user_id, self._image(base.staged), palettes, self._services.image_service
        )
        return RecoloredConcept(base=base, variations=variations)

    @step(TaskName.STORE_CONCEPT, 97, 100)
    def store_concept(self, recolored: RecoloredConcept) -> UUID:
        """Store the rows; with them the task is completed."""
        return self.storing_concept(
            self.run,
            self.user_id,
            self.payload,
            recolored.base.stored,
            recolored.variations,
            recolored.base.staged.origin,
            self._services.concept_persistence_service,
        )

    def _paid_once(self, paid: PaidCall, buy: Callable[[], Picture | Receipt]) -> StagedImage:
        """Stage the picture that `buy` pays for; a later execution finds it there, or collects it."""
        concepts = self._services.concept_service
        waiting = find_image_data(self.task_id, self._services.image_service, user_id=self.user_id)
        if waiting is not None:
            return waiting.model_copy(update={"origin": paid.origin})
        with self._room(StagedName.BASE):
            picture = paid.picture(buy, lambda receipt: collect_image_data(receipt, concepts))
        log.info("picture drawn", **picture.origin.model_dump(exclude_defaults=True))
        staged = self._staged(picture.content, StagedName.BASE)
        return staged.model_copy(update={"origin": picture.origin})

    def _room(self, name: StagedName) -> AbstractContextManager[None]:
        """Reserve room in staging before anything is paid."""
        return self._services.image_service.room(self.task_id, name)

    def _staged(self, content: bytes, name: StagedName) -> StagedImage:
        """Check the bytes and let them wait in staging."""
        images = self._services.image_service
        return prepare_image_data(self.task_id, content, images, name, user_id=self.user_id)

    def _image(self, staged: StagedImage) -> bytes:
        return self._services.image_service.base_image(staged, user_id=self.user_id)


CONCEPT_STAGES = (
    (ConceptTaskProcessor.store_base_image, ConceptTaskProcessor.generate_palettes),
    ConceptTaskProcessor.create_variations,
    ConceptTaskProcessor.store_concept,
)
"""The steps of every pipeline once it has its base image."""
