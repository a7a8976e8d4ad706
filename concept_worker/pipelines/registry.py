"""Which processor a type of task is for."""

from __future__ import annotations

from typing import Any

from concept_worker.models import TaskType
from concept_worker.pipelines.concept import ConceptTaskProcessor
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.refinement import RefinementTaskProcessor

PROCESSORS: dict[TaskType, type[ConceptTaskProcessor[Any]]] = {
    processor.task_type: processor for processor in (GenerationTaskProcessor, RefinementTaskProcessor)
}
