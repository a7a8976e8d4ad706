"""The steps of all pipelines as Celery tasks: a message each, one call each.

A message also carries the result of the step before, by position: workers of the last version need it during a deploy.
"""

from __future__ import annotations

from celery import shared_task

from concept_worker.pipelines.concept import ConceptTaskProcessor
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.refinement import RefinementTaskProcessor
from concept_worker.routing import TaskName
from concept_worker.tasks.base import Json, StepTask


@shared_task(bind=True, base=StepTask, name=TaskName.GENERATE_BASE_IMAGE.value)
def generate_base_image(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Buy the base image of a generation."""
    return self.step(GenerationTaskProcessor.generate_base_image, run)


@shared_task(bind=True, base=StepTask, name=TaskName.DOWNLOAD_ORIGINAL.value)
def download_original(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Fetch the original of a refinement: apart, so that a retry of the paid call does not download again."""
    return self.step(RefinementTaskProcessor.download_original, run)


@shared_task(bind=True, base=StepTask, name=TaskName.REFINE_IMAGE.value)
def refine_image(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Buy the refined image."""
    return self.step(RefinementTaskProcessor.refine_image, run)


@shared_task(bind=True, base=StepTask, name=TaskName.STORE_BASE_IMAGE.value)
def store_base_image(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Store the base image, beside `generate_palettes`."""
    return self.step(ConceptTaskProcessor.store_base_image, run)


@shared_task(bind=True, base=StepTask, name=TaskName.GENERATE_PALETTES.value)
def generate_palettes(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Ask for palettes, beside `store_base_image`."""
    return self.step(ConceptTaskProcessor.generate_palettes, run)


@shared_task(bind=True, base=StepTask, name=TaskName.CREATE_VARIATIONS.value)
def create_variations(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Recolor and store the pictures."""
    return self.step(ConceptTaskProcessor.create_variations, run)


@shared_task(bind=True, base=StepTask, name=TaskName.STORE_CONCEPT.value)
def store_concept(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Store the rows and complete the task."""
    return self.step(ConceptTaskProcessor.store_concept, run)
