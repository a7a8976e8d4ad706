"""From an existing image and a wish to a stored concept."""

from __future__ import annotations

from typing import ClassVar

from concept_worker.models import StagedImage, StagedName, TaskType
from concept_worker.payloads import Brief, RefinementPayload
from concept_worker.pipelines.concept import CONCEPT_STAGES, ConceptTaskProcessor
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.pipeline import Pipeline
from concept_worker.pipelines.stages.concept_storage import store_refined_concept, store_refined_image
from concept_worker.pipelines.stages.refinement import download_original_image, refine_concept_image
from concept_worker.pipelines.step import step
from concept_worker.routing import TaskName


class RefinementTaskProcessor(ConceptTaskProcessor[RefinementPayload]):
    """The steps of a refinement; palettes only when they were asked for."""

    kind = "refinement"
    task_type = TaskType.REFINEMENT
    payload_model = RefinementPayload
    required = ("refinement_prompt", "original_image_url")
    missing = "Missing prompt/original URL for refinement task."
    storing_image: ClassVar = staticmethod(store_refined_image)
    storing_concept: ClassVar = staticmethod(store_refined_concept)

    @property
    def brief(self) -> Brief:
        theme = self.payload.theme_description or self.payload.refinement_prompt
        return Brief(logo_description=self.payload.logo_description, theme_description=theme)

    @step(TaskName.DOWNLOAD_ORIGINAL, 3, 10, reusable=True, leaves=StagedName.ORIGINAL)
    def download_original(self) -> StagedImage:
        """Fetch the original and stage it, checked."""
        with self._room(StagedName.ORIGINAL):
            content = download_original_image(
                self.user_id,
                self.payload,
                self._services.concept_persistence_service,
                self._services.image_persistence_service,
                self._services.downloader,
            )
        return self._staged(content, StagedName.ORIGINAL)

    @step(TaskName.REFINE_IMAGE, 12, 55, pays=True, reusable=True, leaves=StagedName.BASE)
    def refine_image(self, original: StagedImage, paid: PaidCall) -> StagedImage:
        """Buy the refined image, once."""
        return self._paid_once(
            paid,
            lambda: refine_concept_image(
                self.task_id,
                self._services.image_service.staged_image(original),
                self.payload,
                self._services.concept_service,
            ),
        )

    pipeline: ClassVar = Pipeline(download_original, refine_image, *CONCEPT_STAGES)
