"""The same four steps on plain Celery: canvas, retries and a row that mirrors the states, and nothing else.

No lease, no fence, no checkpoint, no housekeeping: whether a run goes on is the broker's and the chord's business.
The parts (provider, imaging, stores) are concept_worker's. Watched as the chaos suite watches the product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import Task, chain, chord, shared_task, signals
from celery.canvas import Signature

from concept_worker.errors import ConceptWorkerError, TransientError
from concept_worker.models import StagedName, TaskStatus, TaskType
from concept_worker.payloads import RefinementPayload
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.routing import TaskName
from concept_worker.worker.process import services
from tests.chaos import points

BASE, STORE, PALETTES, VARIATIONS = (
    GenerationTaskProcessor.generate_base_image,
    GenerationTaskProcessor.store_base_image,
    GenerationTaskProcessor.generate_palettes,
    GenerationTaskProcessor.create_variations,
)

Json = Any
Work = Callable[[Any], Any]
_RETRIES = 8
_WAIT = 0.3  # seconds, doubled each time


class Mirrored(Task[Any, Any]):
    """A failure that Celery reports is written into the row."""

    abstract = True

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """What the original's workers do."""
        try:
            services().task_service.update_task_status(
                kwargs.get("task", task_id), TaskStatus.FAILED, error_message=f"{type(exc).__name__}: {exc}"
            )
        except ConceptWorkerError:
            return  # nobody else would write it either


def _step(self: Task[Any, Any], task: str, name: str, work: Work) -> Any:
    points.begin(task, name)
    try:
        row = services().task_service.update_task_status(task, TaskStatus.PROCESSING)
        result = work(PROCESSORS[TaskType(row.type)].of(row, services()))
        if name == "generate_palettes":
            points.journal().note("recorded")
        return result
    except TransientError as exc:
        raise self.retry(exc=exc, countdown=_WAIT * 2**self.request.retries, max_retries=_RETRIES) from exc
    finally:
        points.end()


def _canvas(task: str) -> Signature[Any]:
    return chain(
        base_image.s(task=task),
        chord([store_base_image.s(task=task), palettes.s(task=task)], variations.s(task=task)),
        concept.s(task=task),
    )


def _start(self: Task[Any, Any]) -> Any:
    task = str(self.request.id)
    points.begin(task, "start")
    try:
        services().task_service.update_task_status(task, TaskStatus.PROCESSING)
        points.reach("claimed", task, "start")
        return self.replace(_canvas(task))
    except TransientError as exc:
        raise self.retry(exc=exc, countdown=_WAIT * 2**self.request.retries, max_retries=_RETRIES) from exc
    finally:
        points.end()


@shared_task(bind=True, base=Mirrored, name=TaskName.START_GENERATION.value)
def start_generation(self: Task[Any, Any]) -> Any:
    """Becomes the canvas."""
    return _start(self)


@shared_task(bind=True, base=Mirrored, name=TaskName.START_REFINEMENT.value)
def start_refinement(self: Task[Any, Any]) -> Any:
    """Becomes the canvas."""
    return _start(self)


@shared_task(bind=True, base=Mirrored, name=TaskName.GENERATE_BASE_IMAGE.value)
def base_image(self: Task[Any, Any], *, task: str) -> Json:
    """The paid call, of either kind."""

    def work(processor: Any) -> Json:
        parts, payload = services(), processor.payload
        if isinstance(payload, RefinementPayload):
            original = processor.download_original()
            picture = parts.concept_service.refine_concept(
                parts.image_service.staged_image(original), payload, task_id=UUID(task)
            )
        else:
            picture = parts.concept_service.generate_concept(payload, task_id=UUID(task))
        staged = parts.image_service.stage_image(picture.content, task_id=UUID(task), name=StagedName.BASE)
        return BASE.dump(staged)

    return _step(self, task, "generate_base_image", work)


@shared_task(bind=True, base=Mirrored, name=TaskName.STORE_BASE_IMAGE.value)
def store_base_image(self: Task[Any, Any], staged: Json, *, task: str) -> Json:
    """Header of the chord."""
    image = BASE.load(staged)
    return _step(self, task, "store_base_image", lambda processor: STORE.dump(processor.store_base_image(image)))


@shared_task(bind=True, base=Mirrored, name=TaskName.GENERATE_PALETTES.value)
def palettes(self: Task[Any, Any], staged: Json, *, task: str) -> Json:
    """Header of the chord; also paid."""
    return _step(self, task, "generate_palettes", lambda processor: PALETTES.dump(processor.generate_palettes()))


@shared_task(bind=True, base=Mirrored, name=TaskName.CREATE_VARIATIONS.value)
def variations(self: Task[Any, Any], header: Json, *, task: str) -> Json:
    """Body of the chord."""
    base, made = STORE.load(header[0]), PALETTES.load(header[1])
    return _step(
        self,
        task,
        "create_variations",
        lambda processor: VARIATIONS.dump(processor.create_variations(base, made)),
    )


@shared_task(bind=True, base=Mirrored, name=TaskName.STORE_CONCEPT.value)
def concept(self: Task[Any, Any], recolored: Json, *, task: str) -> str:
    """Rows, and the end of the task."""
    pictures = VARIATIONS.load(recolored)

    def work(processor: Any) -> str:
        made = processor.store_concept(pictures)
        services().image_service.discard_staged(UUID(task))
        return str(made)

    return _step(self, task, "store_concept", work)


@signals.worker_process_init.connect
def _child(**_: Any) -> None:
    points.end_with_driver()


points.watch_calls()
points.watch_chords()
