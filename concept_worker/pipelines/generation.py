"""From a logo brief to a stored concept."""

from __future__ import annotations

from typing import ClassVar

from pydantic import TypeAdapter

from concept_worker.models import StagedImage, StagedName, TaskType
from concept_worker.payloads import GenerationPayload
from concept_worker.pipelines.base import Step
from concept_worker.pipelines.concept import ConceptTaskProcessor, steps_after
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.stages.image_preparation import generate_base_concept

GENERATE_BASE_IMAGE = Step("generate_base_image", 5, 55, TypeAdapter(StagedImage), pays=True)


class GenerationTaskProcessor(ConceptTaskProcessor[GenerationPayload]):
    """The stages of a generation; the canvas in `tasks/generation.py` runs the same ones across processes."""

    kind = "generation"
    task_type = TaskType.GENERATION
    payload_model = GenerationPayload
    makers: ClassVar = {StagedName.BASE: GENERATE_BASE_IMAGE}
    steps: ClassVar = {GENERATE_BASE_IMAGE: (), **steps_after(GENERATE_BASE_IMAGE)}

    def generate_base_image(self, paid: PaidCall) -> StagedImage:
        """The paid call."""
        return self._paid_once(
            paid,
            lambda: generate_base_concept(self.task_id, self.payload, self._services.concept_service),
        )

    def _base_image_steps(self) -> None:
        self._checkpointed(GENERATE_BASE_IMAGE, self.generate_base_image)
