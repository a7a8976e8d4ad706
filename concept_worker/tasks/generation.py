"""The generation pipeline as a canvas of steps."""

from __future__ import annotations

from typing import Any

from celery import chain, shared_task
from celery.canvas import Signature

from concept_worker.models import RunReference
from concept_worker.pipelines.generation import GENERATE_BASE_IMAGE
from concept_worker.routing import TaskName
from concept_worker.tasks.base import Json, StepTask
from concept_worker.tasks.steps import concept_canvas


def generation_canvas(run: RunReference) -> Signature[Any]:
    """Base image, then what every pipeline does with it."""
    at = run.model_dump(mode="json")
    return chain(generate_base_image.s(run=at), concept_canvas(run))


@shared_task(bind=True, base=StepTask, name=TaskName.GENERATE_BASE_IMAGE.value)
def generate_base_image(self: StepTask, /, *_: Json, run: Json, **__: Json) -> Json:
    """The paid call."""
    return self.step(GENERATE_BASE_IMAGE, run, lambda processor, paid: processor.generate_base_image(paid))
