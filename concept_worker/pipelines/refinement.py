"""From an existing image and a wish to a stored concept."""

from __future__ import annotations

from typing import ClassVar

from pydantic import TypeAdapter

from concept_worker.models import Palette, StagedImage, StagedName, TaskType
from concept_worker.payloads import Brief, RefinementPayload
from concept_worker.pipelines.base import Step
from concept_worker.pipelines.concept import ConceptTaskProcessor, RecoloredConcept, StoredBase, steps_after
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.stages.concept_storage import store_refined_concept, store_refined_image
from concept_worker.pipelines.stages.refinement import (
    download_original_image,
    refine_concept_image,
)

DOWNLOAD_ORIGINAL = Step("download_original", 3, 10, TypeAdapter(StagedImage))
REFINE_IMAGE = Step("refine_image", 12, 55, TypeAdapter(StagedImage), pays=True)


class RefinementTaskProcessor(ConceptTaskProcessor[RefinementPayload]):
    """The stages of a refinement; palettes only when they were asked for."""

    kind = "refinement"
    task_type = TaskType.REFINEMENT
    payload_model = RefinementPayload
    storing_image: ClassVar = staticmethod(store_refined_image)
    storing_concept: ClassVar = staticmethod(store_refined_concept)
    makers: ClassVar = {StagedName.ORIGINAL: DOWNLOAD_ORIGINAL, StagedName.BASE: REFINE_IMAGE}
    steps: ClassVar = {
        DOWNLOAD_ORIGINAL: (),
        REFINE_IMAGE: (DOWNLOAD_ORIGINAL,),
        **steps_after(REFINE_IMAGE),
    }

    @property
    def brief(self) -> Brief:
        theme = self.payload.theme_description or self.payload.refinement_prompt
        return Brief(logo_description=self.payload.logo_description, theme_description=theme)

    def download_original(self) -> StagedImage:
        """The original, checked, in staging."""
        with self._room(StagedName.ORIGINAL):
            content = download_original_image(
                self.user_id,
                self.payload,
                self._services.concept_persistence_service,
                self._services.image_persistence_service,
                self._services.downloader,
            )
        return self._staged(content, StagedName.ORIGINAL)

    def refine_image(self, original: StagedImage, paid: PaidCall) -> StagedImage:
        """The paid call."""
        return self._paid_once(
            paid,
            lambda: refine_concept_image(
                self.task_id,
                self._services.image_service.staged_image(original),
                self.payload,
                self._services.concept_service,
            ),
        )

    def generate_palettes(self) -> tuple[Palette, ...]:
        return super().generate_palettes() if self.payload.num_palettes else ()

    def create_variations(self, base: StoredBase, palettes: tuple[Palette, ...]) -> RecoloredConcept:
        return super().create_variations(base, palettes) if palettes else RecoloredConcept(base=base, variations=())

    def _base_image_steps(self) -> None:
        self._checkpointed(DOWNLOAD_ORIGINAL, self.download_original)
        self._checkpointed(REFINE_IMAGE, self.refine_image)
