"""One execution of a step: the fence, the work, the checkpoint, and what is left to remove."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from concept_worker.errors import (
    AbandonedRun,
    ConceptWorkerError,
    MemoryExhausted,
    StaleRun,
    StoreRefused,
    TransientError,
)
from concept_worker.logging import get_logger
from concept_worker.models import FinishedStep, Receipt, RunReference, TaskRow, TaskStatus
from concept_worker.pipelines.failure import release_failed
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.patience import never_losing
from concept_worker.pipelines.step import Step
from concept_worker.validation import reading

if TYPE_CHECKING:
    from concept_worker.pipelines.processor import BaseTaskProcessor
    from concept_worker.pipelines.services import Services

log = get_logger(__name__)

T = TypeVar("T")

Work = Callable[[TaskRow, Mapping[str, Any], PaidCall | None], T]
"""The work of a step: from its task's row, the results of the steps it needs as they are kept, and its paid call."""


def run_step(
    services: Services,
    run: RunReference,
    processor: type[BaseTaskProcessor[Any]],
    step: Step[Any, ..., T],
    *,
    owner: str,
    instead: bool = False,
) -> T:
    """Run a step of the run's pipeline once for all deliveries and return its result. Raises as `run_once` does.

    `instead` does what the step declares for a provider that stays away.
    """

    def work(task: TaskRow, results: Mapping[str, Any], paid: PaidCall | None) -> T:
        of_run = processor.of(task, services)
        if instead and step.instead is not None:
            return step.instead(of_run)
        return step.method(of_run, *processor.pipeline.arguments(step, results, paid))

    return run_once(services, run, step, work, owner=owner, needs=processor.pipeline.needs(step))


def run_once(
    services: Services, run: RunReference, step: Step[Any, ..., T], work: Work[T], *, owner: str, needs: Sequence[str]
) -> T:
    """Fence, do the work unless its checkpoint has the result already, write the checkpoint.

    `owner` names this execution and tells it apart from a second delivery of the same message. What the work made for a
    task that was canceled or deleted meanwhile is removed again.

    Raises:
        StaleRun: the run is over or was replaced, before the work or during it.
        MisplacedStep: the row has another type, or no checkpoint of a step that this one needs.
        StepHeld: another execution has this step.
        PoisonStep: too many executions of it never reported an end.
        MemoryExhausted: the process has not enough memory for it now.
    """
    tasks = services.task_service
    try:
        begun = tasks.begin_step(run, step.name, owner, step.begins, needs, step.pays)
    except AbandonedRun as exc:
        _abandon(services, run, exc)
        raise
    if begun.output is not None:
        log.info("step answered from its checkpoint", step=step.name)
        return step.load(begun.output)
    with services.leases.keeping(run, step.name, owner):
        paid = PaidCall(tasks, run, step.name, owner, begun.receipt) if step.pays else None
        output = step.dump(_within_memory(step, lambda: work(begun.task, begun.inputs, paid)))
        finished = _recorded(step, lambda: tasks.finish_step(run, step.name, output, step.ends))
    _clean_up(services, run, begun.task, finished)
    if not finished.current:
        raise StaleRun("the run is over or was replaced")
    return step.load(finished.output)


def _clean_up(services: Services, run: RunReference, task: TaskRow, finished: FinishedStep) -> None:
    """Remove what an ended task does not need, whichever execution ended it.

    Raises:
        AbandonedRun: the task was canceled or deleted.
    """
    images = services.image_service
    if finished.is_abandoned:
        concepts = services.concept_persistence_service
        if finished.status is None and concepts.is_stored(user_id=task.user_id, task_id=run.task_id):
            images.discard_staged(run.task_id)  # completed, then deleted: the concept keeps its pictures
        else:
            images.discard_task(user_id=task.user_id, task_id=run.task_id)
        raise AbandonedRun("the task was canceled or deleted", str(task.user_id))
    if finished.status is TaskStatus.COMPLETED:
        with suppress(TransientError):  # housekeeping repeats it
            images.discard_staged(run.task_id)
    elif finished.status is TaskStatus.FAILED:
        release_failed(images, task)


def _abandon(services: Services, run: RunReference, abandoned: AbandonedRun) -> None:
    """Cancel what the provider still draws for the task, and remove what earlier steps stored."""
    if abandoned.receipt:
        with suppress(ConceptWorkerError):  # best effort: at worst a picture is drawn that no run collects
            with reading("the receipt"):
                receipt = Receipt.model_validate(abandoned.receipt)
            services.concept_service.abandon(receipt)
    services.image_service.discard_task(user_id=abandoned.user_id, task_id=run.task_id)


def _recorded(step: Step[Any, ..., T], write: Callable[[], FinishedStep]) -> FinishedStep:
    """Write the checkpoint; name the step in the error of a database that refuses it."""
    try:
        return never_losing(write)
    except StoreRefused as exc:
        raise exc.within(f"the result of {step.name} could not be recorded") from exc


def _within_memory(step: Step[Any, ..., T], work: Callable[[], T]) -> T:
    """Do the work; a `MemoryError` that left a Celery task would end the worker with all its other steps."""
    try:
        return work()
    except MemoryError as exc:
        raise MemoryExhausted(f"there was not enough memory to {step.name.replace('_', ' ')}") from exc
