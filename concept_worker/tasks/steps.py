"""The steps that every pipeline ends with, and the end of its canvas."""

from __future__ import annotations

from typing import Any

from celery import chain, chord, shared_task
from celery.canvas import Signature

from concept_worker.models import RunReference
from concept_worker.pipelines.concept import CREATE_VARIATIONS, GENERATE_PALETTES, STORE_BASE_IMAGE, STORE_CONCEPT
from concept_worker.pipelines.generation import GENERATE_BASE_IMAGE
from concept_worker.routing import TaskName
from concept_worker.tasks.base import Json, StepTask


def concept_canvas(run: RunReference) -> Signature[Any]:
    """From a staged base image: storage and palettes side by side, then variations, then the concept."""
    at = run.model_dump(mode="json")
    return chain(
        chord([store_base_image.s(run=at), generate_palettes.s(run=at)], create_variations.s(run=at)),
        store_concept.s(run=at),
    )


@shared_task(bind=True, base=StepTask, name=TaskName.STORE_BASE_IMAGE.value)
def store_base_image(self: StepTask, staged: Json, *, run: Json) -> Json:
    """Header of the chord, beside `generate_palettes`."""
    image = GENERATE_BASE_IMAGE.load(staged)
    return self.step(STORE_BASE_IMAGE, run, lambda processor: processor.store_base_image(image))


@shared_task(bind=True, base=StepTask, name=TaskName.GENERATE_PALETTES.value)
def generate_palettes(self: StepTask, staged: Json, *, run: Json) -> Json:
    """Header of the chord, beside `store_base_image`; does not need the image."""
    return self.step(
        GENERATE_PALETTES,
        run,
        lambda processor: processor.generate_palettes(),
        otherwise=lambda processor: processor.local_palettes(),
    )


@shared_task(bind=True, base=StepTask, name=TaskName.CREATE_VARIATIONS.value)
def create_variations(self: StepTask, header: Json, *, run: Json) -> Json:
    """Body of the chord: gets what the header returned, in its order."""
    base, palettes = STORE_BASE_IMAGE.load(header[0]), GENERATE_PALETTES.load(header[1])
    return self.step(CREATE_VARIATIONS, run, lambda processor: processor.create_variations(base, palettes))


@shared_task(bind=True, base=StepTask, name=TaskName.STORE_CONCEPT.value)
def store_concept(self: StepTask, recolored: Json, *, run: Json) -> Json:
    """The last step: completes the row."""
    pictures = CREATE_VARIATIONS.load(recolored)
    return self.step(STORE_CONCEPT, run, lambda processor: processor.store_concept(pictures))
