"""The refinement pipeline as a canvas of steps."""

from __future__ import annotations

from typing import Any

from celery import chain, shared_task
from celery.canvas import Signature

from concept_worker.models import RunReference
from concept_worker.pipelines.refinement import DOWNLOAD_ORIGINAL, REFINE_IMAGE
from concept_worker.routing import TaskName
from concept_worker.tasks.base import Json, StepTask
from concept_worker.tasks.steps import concept_canvas


def refinement_canvas(run: RunReference) -> Signature[Any]:
    """Original, refined image, then what every pipeline does with it."""
    at = run.model_dump(mode="json")
    return chain(download_original.s(run=at), refine_image.s(run=at), concept_canvas(run))


@shared_task(bind=True, base=StepTask, name=TaskName.DOWNLOAD_ORIGINAL.value)
def download_original(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """A step of its own, so that a retry of the paid call does not download again."""
    return self.step(DOWNLOAD_ORIGINAL, run, lambda processor: processor.download_original())


@shared_task(bind=True, base=StepTask, name=TaskName.REFINE_IMAGE.value)
def refine_image(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """The paid call."""
    return self.step(REFINE_IMAGE, run, lambda processor, original, paid: processor.refine_image(original, paid))
