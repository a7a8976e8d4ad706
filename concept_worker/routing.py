"""Names that messages carry. They outlive file moves: add names, never change one while messages are under way."""

from __future__ import annotations

from enum import StrEnum

from concept_worker.models import TaskType


class Queue(StrEnum):
    """Where steps wait: `concepts` waits on providers, `images` computes, `housekeeping` tidies."""

    CONCEPTS = "concepts"
    IMAGES = "images"
    HOUSEKEEPING = "housekeeping"


class TaskName(StrEnum):
    """Every Celery task of this package."""

    DISPATCH = "concept_worker.dispatch"
    START_GENERATION = "concept_worker.generation.start"
    GENERATE_BASE_IMAGE = "concept_worker.generation.generate_base_image"
    START_REFINEMENT = "concept_worker.refinement.start"
    DOWNLOAD_ORIGINAL = "concept_worker.refinement.download_original"
    REFINE_IMAGE = "concept_worker.refinement.refine_image"
    STORE_BASE_IMAGE = "concept_worker.concept.store_base_image"
    GENERATE_PALETTES = "concept_worker.concept.generate_palettes"
    CREATE_VARIATIONS = "concept_worker.concept.create_variations"
    STORE_CONCEPT = "concept_worker.concept.store_concept"
    RECONCILE = "concept_worker.housekeeping.reconcile"
    SWEEP = "concept_worker.housekeeping.sweep"


# Of what is no step; a step's queue is declared at its method.
QUEUE_OF: dict[TaskName, Queue] = {
    TaskName.DISPATCH: Queue.CONCEPTS,
    TaskName.START_GENERATION: Queue.CONCEPTS,
    TaskName.START_REFINEMENT: Queue.CONCEPTS,
    TaskName.RECONCILE: Queue.HOUSEKEEPING,
    TaskName.SWEEP: Queue.HOUSEKEEPING,
}

# The entry of each pipeline. Its message has the task id as Celery id and carries nothing else.
START_OF: dict[TaskType, TaskName] = {
    TaskType.GENERATION: TaskName.START_GENERATION,
    TaskType.REFINEMENT: TaskName.START_REFINEMENT,
}
