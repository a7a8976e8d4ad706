"""The generation pipeline as a canvas of steps."""

from __future__ import annotations

from typing import Any

from celery import chain, chord, shared_task
from celery.canvas import Signature

from concept_worker.models import RunReference, TaskType
from concept_worker.pipelines.generation import (
    CREATE_VARIATIONS,
    GENERATE_BASE_IMAGE,
    GENERATE_PALETTES,
    STORE_BASE_IMAGE,
    STORE_CONCEPT,
    GenerationTaskProcessor,
)
from concept_worker.routing import TaskName
from concept_worker.tasks.base import StartTask, StepTask

Json = Any


class GenerationStart(StartTask):
    """Entry of the generation pipeline."""

    abstract = True
    processor = GenerationTaskProcessor
    task_type = TaskType.GENERATION


class GenerationStep(StepTask):
    """A step of the generation pipeline."""

    abstract = True
    processor = GenerationTaskProcessor


def generation_canvas(run: RunReference) -> Signature[Any]:
    """Base image, then storage and palettes side by side, then variations, then the concept."""
    at = run.model_dump(mode="json")
    return chain(
        generate_base_image.s(run=at),
        chord([store_base_image.s(run=at), generate_palettes.s(run=at)], create_variations.s(run=at)),
        store_concept.s(run=at),
    )


@shared_task(bind=True, base=GenerationStart, name=TaskName.START_GENERATION.value)
def start_generation(self: GenerationStart, /, **unexpected: Json) -> Json:
    """Claim the row whose id is this message's id, and run its pipeline."""
    return self.start(generation_canvas, unexpected)


@shared_task(bind=True, base=GenerationStep, name=TaskName.GENERATE_BASE_IMAGE.value)
def generate_base_image(self: GenerationStep, *, run: Json) -> Json:
    """The paid call."""
    return self.step(GENERATE_BASE_IMAGE, run, lambda processor: processor.generate_base_image())


@shared_task(bind=True, base=GenerationStep, name=TaskName.STORE_BASE_IMAGE.value)
def store_base_image(self: GenerationStep, staged: Json, *, run: Json) -> Json:
    """Header of the chord, beside `generate_palettes`."""
    image = GENERATE_BASE_IMAGE.load(staged)
    return self.step(STORE_BASE_IMAGE, run, lambda processor: processor.store_base_image(image))


@shared_task(bind=True, base=GenerationStep, name=TaskName.GENERATE_PALETTES.value)
def generate_palettes(self: GenerationStep, staged: Json, *, run: Json) -> Json:
    """Header of the chord, beside `store_base_image`; does not need the image."""
    return self.step(
        GENERATE_PALETTES,
        run,
        lambda processor: processor.generate_palettes(),
        otherwise=lambda processor: processor.local_palettes(),
    )


@shared_task(bind=True, base=GenerationStep, name=TaskName.CREATE_VARIATIONS.value)
def create_variations(self: GenerationStep, header: Json, *, run: Json) -> Json:
    """Body of the chord: gets what the header returned, in its order."""
    base, palettes = STORE_BASE_IMAGE.load(header[0]), GENERATE_PALETTES.load(header[1])
    return self.step(CREATE_VARIATIONS, run, lambda processor: processor.create_variations(base, palettes))


@shared_task(bind=True, base=GenerationStep, name=TaskName.STORE_CONCEPT.value)
def store_concept(self: GenerationStep, recolored: Json, *, run: Json) -> Json:
    """The last step: completes the row."""
    pictures = CREATE_VARIATIONS.load(recolored)
    return self.step(STORE_CONCEPT, run, lambda processor: processor.store_concept(pictures))
