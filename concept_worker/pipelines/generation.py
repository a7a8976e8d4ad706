"""From a logo brief to a stored concept."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from pydantic import TypeAdapter

from concept_worker.errors import ProviderUnavailable
from concept_worker.models import GenerationPayload, Model, Palette, StagedImage, StoredImage, StoredVariation
from concept_worker.pipelines.base import BaseTaskProcessor, Step
from concept_worker.pipelines.stages.concept_storage import store_base_image, store_concept
from concept_worker.pipelines.stages.image_preparation import generate_base_concept, prepare_image_data
from concept_worker.pipelines.stages.palette_generation import (
    compose_palettes_locally,
    create_palette_variations,
    generate_palettes_for_concept,
)


class StoredBase(Model):
    """The base image where it lies now, and where its bytes still wait close by."""

    staged: StagedImage
    stored: StoredImage


class RecoloredConcept(Model):
    """All pictures of a concept, stored; what is left is to write its rows."""

    base: StoredBase
    variations: tuple[StoredVariation, ...]


# Percent by share of the wait: image 8 to 28 s, palettes 6 s beside the upload, recoloring under a second.
GENERATE_BASE_IMAGE = Step("generate_base_image", 5, 55, TypeAdapter(StagedImage))
STORE_BASE_IMAGE = Step("store_base_image", 58, 65, TypeAdapter(StoredBase))
GENERATE_PALETTES = Step("generate_palettes", 60, 75, TypeAdapter(tuple[Palette, ...]))
CREATE_VARIATIONS = Step("create_variations", 80, 95, TypeAdapter(RecoloredConcept))
STORE_CONCEPT = Step("store_concept", 97, 100, TypeAdapter(UUID))


class GenerationTaskProcessor(BaseTaskProcessor[GenerationPayload]):
    """The stages of a generation; the canvas in `tasks/generation.py` runs the same ones across processes."""

    kind = "generation"
    payload_model = GenerationPayload

    def process(self) -> UUID | None:
        if not self._claim_task():
            return None
        with self._mirrored():
            staged = self._checkpointed(GENERATE_BASE_IMAGE, self.generate_base_image)
            with ThreadPoolExecutor(2, thread_name_prefix="header") as header:
                stored = header.submit(
                    contextvars.copy_context().run,
                    lambda: self._checkpointed(STORE_BASE_IMAGE, lambda: self.store_base_image(staged)),
                )
                palettes = header.submit(
                    contextvars.copy_context().run,
                    lambda: self._checkpointed(GENERATE_PALETTES, self._palettes_of_either),
                )
            base, colors = stored.result(), palettes.result()
            recolored = self._checkpointed(CREATE_VARIATIONS, lambda: self.create_variations(base, colors))
            return self._checkpointed(STORE_CONCEPT, lambda: self.store_concept(recolored))

    def generate_base_image(self) -> StagedImage:
        """The paid call; its bytes go to staging before anything else is done with them."""
        content = generate_base_concept(
            self.task_id,
            self.payload.logo_description,
            self.payload.theme_description,
            self._services.concept_service,
        )
        return prepare_image_data(self.task_id, content, self._services.image_service)

    def store_base_image(self, staged: StagedImage) -> StoredBase:
        """Beside `generate_palettes`."""
        stored = store_base_image(
            self.task_id, self.user_id, self._image(staged), self._services.image_persistence_service
        )
        return StoredBase(staged=staged, stored=stored)

    def generate_palettes(self) -> tuple[Palette, ...]:
        """Beside `store_base_image`."""
        return generate_palettes_for_concept(
            self.payload.theme_description,
            self.payload.logo_description,
            self.payload.num_palettes,
            self._services.concept_service,
        )

    def local_palettes(self) -> tuple[Palette, ...]:
        """Instead of `generate_palettes`, when its retries are used up."""
        return compose_palettes_locally(
            self.payload.theme_description,
            self.payload.logo_description,
            self.payload.num_palettes,
            self._services.concept_service,
        )

    def create_variations(self, base: StoredBase, palettes: tuple[Palette, ...]) -> RecoloredConcept:
        """A picture a palette."""
        variations = create_palette_variations(
            self.task_id, self.user_id, self._image(base.staged), palettes, self._services.image_service
        )
        return RecoloredConcept(base=base, variations=variations)

    def store_concept(self, recolored: RecoloredConcept) -> UUID:
        """The rows; with them the task is completed, and staging is empty again."""
        concept_id = store_concept(
            self.run,
            self.user_id,
            self.payload,
            recolored.base.stored,
            recolored.variations,
            self._services.concept_persistence_service,
        )
        self._services.image_service.discard_staged(recolored.base.staged)
        return concept_id

    def _palettes_of_either(self) -> tuple[Palette, ...]:
        try:
            return self.generate_palettes()
        except ProviderUnavailable:
            return self.local_palettes()

    def _image(self, staged: StagedImage) -> bytes:
        return self._services.image_service.base_image(staged, user_id=self.user_id, task_id=self.task_id)
