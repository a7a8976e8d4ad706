"""The steps that every pipeline ends with, and the end of its canvas.

A message also carries the result of the step before, by position: workers of the last version need it during a deploy.
"""

from __future__ import annotations

from typing import Any

from celery import chain, chord, shared_task
from celery.canvas import Signature

from concept_worker.models import RunReference
from concept_worker.pipelines.concept import CREATE_VARIATIONS, GENERATE_PALETTES, STORE_BASE_IMAGE, STORE_CONCEPT
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
def store_base_image(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Header of the chord, beside `generate_palettes`."""
    return self.step(STORE_BASE_IMAGE, run, lambda processor, staged: processor.store_base_image(staged))


@shared_task(bind=True, base=StepTask, name=TaskName.GENERATE_PALETTES.value)
def generate_palettes(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Header of the chord, beside `store_base_image`; does not need the image."""
    return self.step(
        GENERATE_PALETTES,
        run,
        lambda processor, *_: processor.generate_palettes(),
        otherwise=lambda processor, *_: processor.local_palettes(),
    )


@shared_task(bind=True, base=StepTask, name=TaskName.CREATE_VARIATIONS.value)
def create_variations(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """Body of the chord."""
    return self.step(CREATE_VARIATIONS, run, lambda processor, *header: processor.create_variations(*header))


@shared_task(bind=True, base=StepTask, name=TaskName.STORE_CONCEPT.value)
def store_concept(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """The last step: completes the row."""
    return self.step(STORE_CONCEPT, run, lambda processor, recolored: processor.store_concept(recolored))
