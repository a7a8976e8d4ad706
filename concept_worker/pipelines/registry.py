"""The processor of each type of task, and what others derive from the steps that processors declare."""

from __future__ import annotations

from typing import Any

from concept_worker.models import TaskStatus, TaskType
from concept_worker.pipelines.concept import ConceptTaskProcessor
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.refinement import RefinementTaskProcessor

PROCESSORS: dict[TaskType, type[ConceptTaskProcessor[Any]]] = {
    processor.task_type: processor for processor in (GenerationTaskProcessor, RefinementTaskProcessor)
}

STEPS = {step.task: step for processor in PROCESSORS.values() for step in processor.pipeline.steps}


def reusable_steps(kind: TaskType, status: TaskStatus) -> tuple[str, ...]:
    """Return the steps whose checkpoints a retry of a task takes over, by the status that the task ended in."""
    steps = PROCESSORS[kind].pipeline.steps
    if status is TaskStatus.CANCELED:
        return tuple(step.name for step in steps if step.outlives_cancel)
    return tuple(step.name for step in steps if step.reusable)
