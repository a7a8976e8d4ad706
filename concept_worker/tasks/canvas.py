"""A pipeline as a Celery canvas: its stages in order, steps of one stage side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import chain, chord, current_app
from celery.canvas import Signature

from concept_worker.models import RunReference
from concept_worker.pipelines.pipeline import AnyStep
from concept_worker.pipelines.registry import PROCESSORS


def canvas_of(run: RunReference) -> Signature[Any]:
    """Compose the messages of a run. A stage of several steps is a chord's header, the step behind it the body."""
    message = run.model_dump(mode="json")
    parts: list[Signature[Any]] = []
    header: list[Signature[Any]] = []
    for stage in PROCESSORS[run.type].pipeline.stages:
        steps = _signatures(stage, message)
        if len(steps) > 1:
            header = steps
        else:
            parts.append(chord(header, steps[0]) if header else steps[0])
            header = []
    return chain(*parts)


def _signatures(stage: Sequence[AnyStep], message: Any) -> list[Signature[Any]]:
    return [current_app.tasks[step.task.value].s(run=message) for step in stage]
