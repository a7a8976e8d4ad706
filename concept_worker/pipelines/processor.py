"""The base of processors: one task's payload and services, and its pipeline run in one process."""

from __future__ import annotations

import contextvars
import time
from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from concept_worker.errors import AbandonedRun, ConceptWorkerError, ProviderUnavailable, StaleRun, StillDrawing
from concept_worker.logging import get_logger
from concept_worker.models import RunReference, TaskRow, TaskType
from concept_worker.pipelines.execution import run_step
from concept_worker.pipelines.failure import fail_run
from concept_worker.pipelines.pipeline import Pipeline
from concept_worker.pipelines.step import Step
from concept_worker.validation import FromPeople, stored_payload

if TYPE_CHECKING:
    from concept_worker.pipelines.services import Services

log = get_logger(__name__)

T = TypeVar("T")
PayloadT = TypeVar("PayloadT", bound=FromPeople)


class BaseTaskProcessor(ABC, Generic[PayloadT]):
    """One task's payload and services. A subclass has a method for each step, and their order as `pipeline`."""

    kind: ClassVar[str]  # "generation": the name in the row's sentences
    task_type: ClassVar[TaskType]
    payload_model: ClassVar[type[FromPeople]]
    required: ClassVar[tuple[str, ...]]  # fields that a message of the original's shape must have
    missing: ClassVar[str]  # the original's sentence for a message without them
    pipeline: ClassVar[Pipeline]

    def __init__(
        self, task_id: UUID, user_id: UUID, payload: PayloadT, services: Services, run: RunReference | None = None
    ) -> None:
        self.task_id = task_id
        self.user_id = user_id
        self.payload = payload
        self._services = services
        self._run = run

    @classmethod
    def of(cls, task: TaskRow, services: Services) -> Self:
        """Return the processor of a claimed row. `start` refused unknown inputs; those of a newer version are ignored.

        Raises:
            InvalidRequest: the row's inputs are no payload of this kind.
        """
        payload: Any = stored_payload(cls.payload_model, task.inputs)
        return cls(task.id, task.user_id, payload, services, RunReference.of(task))

    @property
    def run(self) -> RunReference:
        """The claimed run.

        Raises:
            StaleRun: nothing was claimed.
        """
        if self._run is None:
            raise StaleRun("the task was not claimed")
        return self._run

    def process(self) -> UUID | None:
        """Run the whole pipeline in this process, without a broker; the concept's id, or None when the row is taken.

        The row ends `completed`, or `failed` with the sentence that the raised error carries.
        """
        if not self._claim_task():
            return None
        with self._mirrored():
            for stage in self.pipeline.stages:
                last = _side_by_side([partial(self._checkpointed, step) for step in stage])[-1]
        result: UUID = last
        return result

    @classmethod
    def failure_sentence(cls, error: ConceptWorkerError) -> str:
        """Return what the row says when a step of this kind of task fails for good."""
        return f"Error in {cls.kind} task processing: {error}"

    def _claim_task(self) -> bool:
        """Take the row for a run of this processor."""
        task = self._services.task_service.claim_task_if_pending(self.task_id, self.user_id)
        if task is None:
            log.info("task could not be claimed", task_id=str(self.task_id))
            return False
        self._run = RunReference.of(task)
        return True

    def _checkpointed(self, step: Step[Any, ..., T]) -> T:
        """Run a step, with the patience that the worker's retries have for jobs, and what it declares instead."""
        while True:
            owner = self._services.leases.new_owner()
            try:
                return self._run_step(step, owner)
            except StillDrawing as exc:
                self._wait(step, owner, exc)
            except ProviderUnavailable as exc:
                if step.instead is None:
                    raise
                self._release(step, owner, exc)
                return self._run_step(step, self._services.leases.new_owner(), instead=True)

    def _run_step(self, step: Step[Any, ..., T], owner: str, *, instead: bool = False) -> T:
        return run_step(self._services, self.run, type(self), step, owner=owner, instead=instead)

    def _wait(self, step: Step[Any, ..., T], owner: str, drawing: StillDrawing) -> None:
        """Wait here, visibly: without a broker no message comes back for what was ordered."""
        try:
            self._release(step, owner, drawing, is_attempt=False, delay_seconds=drawing.retry_after)
        except AbandonedRun:
            return  # the fence says so again, and cancels what the provider still draws
        time.sleep(drawing.retry_after)

    def _release(
        self,
        step: Step[Any, ..., T],
        owner: str,
        error: ConceptWorkerError,
        *,
        is_attempt: bool = True,
        delay_seconds: float = 0.0,
    ) -> None:
        """Release the step for its next execution; the row shows why."""
        self._services.task_service.wait_step(
            self.run, step.name, owner, str(error), is_attempt=is_attempt, delay_seconds=delay_seconds
        )

    @contextmanager
    def _mirrored(self) -> Iterator[None]:
        """End the row as the run in this process ends; errors are raised again."""
        try:
            yield
        except StaleRun:
            raise
        except ConceptWorkerError as exc:
            fail_run(self._services.task_service, self.run, self.failure_sentence(exc), self._services.image_service)
            raise


def _side_by_side(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all and return their results, the log context going along. The first error rises when all have ended."""
    if len(calls) == 1:
        return [calls[0]()]
    with ThreadPoolExecutor(len(calls), thread_name_prefix="stage") as pool:
        futures = [pool.submit(contextvars.copy_context().run, call) for call in calls]
    return [future.result() for future in futures]
