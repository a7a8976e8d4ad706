"""From a logo brief to a stored concept."""

from __future__ import annotations

from typing import ClassVar

from concept_worker.models import StagedImage, StagedName, TaskType
from concept_worker.payloads import GenerationPayload
from concept_worker.pipelines.concept import CONCEPT_STAGES, ConceptTaskProcessor
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.pipeline import Pipeline
from concept_worker.pipelines.stages.image_preparation import generate_base_concept
from concept_worker.pipelines.step import step
from concept_worker.routing import TaskName


class GenerationTaskProcessor(ConceptTaskProcessor[GenerationPayload]):
    """The steps of a generation."""

    kind = "generation"
    task_type = TaskType.GENERATION
    payload_model = GenerationPayload
    required = ("logo_description", "theme_description")
    missing = "Missing logo/theme description for generation task."

    @step(TaskName.GENERATE_BASE_IMAGE, 5, 55, pays=True, reusable=True, leaves=StagedName.BASE)
    def generate_base_image(self, paid: PaidCall) -> StagedImage:
        """Buy the base image, once."""
        return self._paid_once(
            paid, lambda: generate_base_concept(self.task_id, self.payload, self._services.concept_service)
        )

    pipeline: ClassVar = Pipeline(generate_base_image, *CONCEPT_STAGES)
