"""The names that messages carry. They are independent of files: add names, never change one that messages may carry."""

from __future__ import annotations

from enum import StrEnum

from concept_worker.models import TaskType


class Queue(StrEnum):
    """The queues: steps of `concepts` wait on providers, steps of `images` compute, `housekeeping` tidies."""

    CONCEPTS = "concepts"
    IMAGES = "images"
    HOUSEKEEPING = "housekeeping"


class TaskName(StrEnum):
    """The Celery tasks of this package."""

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


# The queues of tasks that are no steps; a step declares its queue at its method.
QUEUE_OF: dict[TaskName, Queue] = {
    TaskName.DISPATCH: Queue.CONCEPTS,
    TaskName.START_GENERATION: Queue.CONCEPTS,
    TaskName.START_REFINEMENT: Queue.CONCEPTS,
    TaskName.RECONCILE: Queue.HOUSEKEEPING,
    TaskName.SWEEP: Queue.HOUSEKEEPING,
}

# The entry task of each pipeline. Its message has the task id as its Celery id, and no arguments.
START_OF: dict[TaskType, TaskName] = {
    TaskType.GENERATION: TaskName.START_GENERATION,
    TaskType.REFINEMENT: TaskName.START_REFINEMENT,
}
