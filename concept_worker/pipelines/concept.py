"""What every pipeline does once it has its base image: store it, make palettes beside that, recolor, write the rows."""

from __future__ import annotations

import contextvars
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from concept_worker.errors import ProviderUnavailable
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt, StagedImage, StagedName, StoredImage, StoredVariation
from concept_worker.payloads import Brief, Payload
from concept_worker.pipelines.base import BaseTaskProcessor, Step
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.stages.concept_storage import store_base_image, store_concept
from concept_worker.pipelines.stages.image_preparation import collect_image_data, find_image_data, prepare_image_data
from concept_worker.pipelines.stages.palette_generation import (
    compose_palettes_locally,
    create_palette_variations,
    generate_palettes_for_concept,
)
from concept_worker.services.concept_generator import Picture
from concept_worker.validation import Traveling

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


# Percent by share of the wait: image 8 to 28 s, palettes 6 s beside the upload, recoloring under a second.
STORE_BASE_IMAGE = Step("store_base_image", 58, 65, TypeAdapter(StoredBase))
GENERATE_PALETTES = Step("generate_palettes", 60, 75, TypeAdapter(tuple[Palette, ...]), pays=True)
CREATE_VARIATIONS = Step("create_variations", 80, 95, TypeAdapter(RecoloredConcept))
STORE_CONCEPT = Step("store_concept", 97, 100, TypeAdapter(UUID))


def steps_after(base: Step[StagedImage]) -> Mapping[Step[Any], Sequence[Step[Any]]]:
    """The shared steps behind the one that gives the base image, each with the steps whose outputs it gets."""
    return {
        STORE_BASE_IMAGE: (base,),
        GENERATE_PALETTES: (base,),  # only for the order: no palettes are paid for before there is an image
        CREATE_VARIATIONS: (STORE_BASE_IMAGE, GENERATE_PALETTES),
        STORE_CONCEPT: (CREATE_VARIATIONS,),
    }


class ConceptTaskProcessor(BaseTaskProcessor[PayloadT]):
    """The shared stages. A subclass says where the base image comes from, and may name its trouble its own way."""

    storing_image: ClassVar[Callable[..., StoredImage]] = staticmethod(store_base_image)
    storing_concept: ClassVar[Callable[..., UUID]] = staticmethod(store_concept)

    def process(self) -> UUID | None:
        if not self._claim_task():
            return None
        with self._mirrored():
            self._base_image_steps()
            _side_by_side(
                lambda: self._checkpointed(STORE_BASE_IMAGE, self.store_base_image),
                lambda: self._checkpointed(GENERATE_PALETTES, lambda *_: self._palettes_of_either()),
            )
            self._checkpointed(CREATE_VARIATIONS, self.create_variations)
            return self._checkpointed(STORE_CONCEPT, self.store_concept)

    @abstractmethod
    def _base_image_steps(self) -> None:
        """Do the steps before the shared ones."""

    @property
    def brief(self) -> Brief:
        """What palettes are made for."""
        return self.payload

    def store_base_image(self, staged: StagedImage) -> StoredBase:
        """Beside `generate_palettes`."""
        stored = self.storing_image(
            self.task_id, self.user_id, self._image(staged), self._services.image_persistence_service
        )
        return StoredBase(staged=staged, stored=stored)

    def generate_palettes(self) -> tuple[Palette, ...]:
        """Beside `store_base_image`."""
        return generate_palettes_for_concept(
            self.task_id, self.brief, self.payload.num_palettes, self._services.concept_service
        )

    def local_palettes(self) -> tuple[Palette, ...]:
        """Instead of `generate_palettes`, when its retries are used up."""
        return compose_palettes_locally(self.brief, self.payload.num_palettes, self._services.concept_service)

    def create_variations(self, base: StoredBase, palettes: tuple[Palette, ...]) -> RecoloredConcept:
        """A picture a palette."""
        variations = create_palette_variations(
            self.task_id, self.user_id, self._image(base.staged), palettes, self._services.image_service
        )
        return RecoloredConcept(base=base, variations=variations)

    def store_concept(self, recolored: RecoloredConcept) -> UUID:
        """The rows; with them the task is completed."""
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

    def _palettes_of_either(self) -> tuple[Palette, ...]:
        try:
            return self.generate_palettes()
        except ProviderUnavailable:
            return self.local_palettes()

    def _image(self, staged: StagedImage) -> bytes:
        return self._services.image_service.base_image(staged, user_id=self.user_id)


def _side_by_side(*header: Callable[[], object]) -> None:
    """Do both, the log context going along. The first error rises when both have ended."""
    with ThreadPoolExecutor(len(header), thread_name_prefix="header") as pool:
        futures = [pool.submit(contextvars.copy_context().run, work) for work in header]
    for future in futures:
        future.result()
