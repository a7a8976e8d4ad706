"""What every processor has: services, a claim, checkpoints; and the one place that notes a stage's time and trouble."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Generic, ParamSpec, Self, TypeVar
from uuid import UUID, uuid4

from pydantic import TypeAdapter

from concept_worker.errors import (
    AbandonedRun,
    ConceptWorkerError,
    MemoryExhausted,
    StageCrashed,
    StaleRun,
    StillDrawing,
    StoreRefused,
    StoreUnavailable,
    TransientError,
)
from concept_worker.logging import get_logger
from concept_worker.models import FinishedStep, Receipt, RunReference, StagedName, TaskRow, TaskStatus, TaskType
from concept_worker.pipelines.leases import LeaseKeeper
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.patience import never_losing, patiently
from concept_worker.redaction import without_text
from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.concept_service import ConceptService
from concept_worker.services.housekeeping_service import HousekeepingService
from concept_worker.services.image_persistence_service import ImagePersistenceService
from concept_worker.services.image_service import ImageService
from concept_worker.services.interfaces import Downloader
from concept_worker.services.task_service import TaskService
from concept_worker.validation import FromPeople, reading, stored_payload

log = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
PayloadT = TypeVar("PayloadT", bound=FromPeople)


@dataclass(frozen=True)
class Services:
    """Everything a processor may ask for, built once a process by the composition root."""

    task_service: TaskService
    concept_service: ConceptService
    image_service: ImageService
    image_persistence_service: ImagePersistenceService
    concept_persistence_service: ConceptPersistenceService
    housekeeping_service: HousekeepingService
    downloader: Downloader
    leases: LeaseKeeper
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Step(Generic[T]):
    """One checkpoint of a pipeline: its name in the row, the percent it begins and ends at, what it returns, and
    whether it calls a provider who is paid.
    """

    name: str
    begins: int
    ends: int
    output: TypeAdapter[T]
    pays: bool = False

    def dump(self, value: T) -> Any:
        """As JSON types, for the broker and the checkpoint."""
        return self.output.dump_python(value, mode="json")

    def load(self, value: Any) -> T:
        """Back from JSON types.

        Raises:
            UnreadableRecord: another version wrote it in a shape that this one does not know.
        """
        with reading(f"the result of {self.name}"):
            return self.output.validate_python(value)


def stage(failing: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Note a stage's time as one event, and lead its trouble with what failed (`"Storing base image failed"`).

    An error nobody planned for becomes `StageCrashed`; its kind and place go into the log, its text does not.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            started = time.perf_counter()
            outcome = "failed"
            try:
                result = function(*args, **kwargs)
                outcome = "done"
                return result
            except StaleRun:
                outcome = "stale"
                raise
            except ConceptWorkerError as exc:
                raise exc.within(failing) from exc
            except MemoryError:
                raise  # `run_step` has the word for it
            except Exception as exc:
                raise without_text(StageCrashed(f"{failing}: an unexpected error"), exc) from None
            finally:
                seconds = round(time.perf_counter() - started, 4)
                log.info("stage timing", stage=function.__name__, seconds=seconds, outcome=outcome)

        return timed

    return decorate


Work = Callable[..., T]
"""What a step does: with its task's row, then with the outputs of the steps it needs, in their order, then, when it
pays, with its `PaidCall`."""


def run_step(
    services: Services, run: RunReference, step: Step[T], work: Work[T], *, owner: str, needs: Sequence[Step[Any]] = ()
) -> T:
    """Fence, do the work unless its checkpoint has the output already, write the checkpoint.

    `owner` names this execution, so that a second delivery of the same message is told apart from it. What was made for
    a task that was canceled or deleted meanwhile is removed again.

    Raises:
        StaleRun: the run is over or was replaced, before the work or during it.
        MisplacedStep: the row has another type, or no checkpoint of a step that this one needs.
        StepHeld: another execution is at this step.
        PoisonStep: too many executions of it never came back.
        MemoryExhausted: the process has not enough memory for it now.
    """
    tasks = services.task_service
    try:
        begun = tasks.begin_step(run, step.name, owner, step.begins, [one.name for one in needs], step.pays)
    except AbandonedRun as exc:
        _abandon(services, run, exc)
        raise
    if begun.output is not None:
        log.info("step answered from its checkpoint", step=step.name)
        return step.load(begun.output)
    with services.leases.keeping(run, step.name, owner):
        inputs = [one.load(begun.inputs[one.name]) for one in needs]
        if step.pays:
            inputs.append(PaidCall(tasks, run, step.name, owner, begun.receipt))
        output = step.dump(_within_memory(step, lambda: work(begun.task, *inputs)))
        finished = _recorded(step, lambda: tasks.finish_step(run, step.name, output, step.ends))
    if finished.is_abandoned:
        services.image_service.discard_task(user_id=begun.task.user_id, task_id=run.task_id)
        raise AbandonedRun("the task was canceled or deleted", str(begun.task.user_id))
    if finished.status is TaskStatus.COMPLETED:  # by this step, or before an execution that comes late
        with suppress(TransientError):  # housekeeping repeats it
            services.image_service.discard_staged(run.task_id)
    elif finished.status is TaskStatus.FAILED:  # by a step beside this one
        _release_failed(services.image_service, begun.task)
    if not finished.current:
        raise StaleRun("the run is over or was replaced")
    return step.load(finished.output)


def _abandon(services: Services, run: RunReference, abandoned: AbandonedRun) -> None:
    """Cancel what the provider still draws for the task, and remove what earlier steps stored."""
    if abandoned.receipt:
        with suppress(ConceptWorkerError):  # best effort: at worst a picture is drawn that nobody collects
            with reading("the receipt"):
                receipt = Receipt.model_validate(abandoned.receipt)
            services.concept_service.abandon(receipt)
    services.image_service.discard_task(user_id=abandoned.user_id, task_id=run.task_id)


def _recorded(step: Step[T], write: Callable[[], FinishedStep]) -> FinishedStep:
    """A checkpoint that the database refuses says whose it was."""
    try:
        return never_losing(write)
    except StoreRefused as exc:
        raise exc.within(f"the result of {step.name} could not be recorded") from exc


def _within_memory(step: Step[T], work: Callable[[], T]) -> T:
    """A `MemoryError` that leaves a Celery task is taken for the worker's own, and ends it with all it has in hand."""
    try:
        return work()
    except MemoryError as exc:
        raise MemoryExhausted(f"there was not enough memory to {step.name.replace('_', ' ')}") from exc


class BaseTaskProcessor(ABC, Generic[PayloadT]):
    """One task's payload and services. Subclasses have one method a stage, and `process()` as table of contents."""

    kind: ClassVar[str]  # "generation": how the row's sentences call it
    task_type: ClassVar[TaskType]
    payload_model: ClassVar[type[FromPeople]]
    makers: ClassVar[Mapping[StagedName, Step[Any]]]  # which step makes the staged bytes of that name
    steps: ClassVar[Mapping[Step[Any], Sequence[Step[Any]]]]  # of this pipeline, each with the steps it comes after

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
        """The processor of a claimed row. `start` refused unknown inputs; those of a newer version are ignored here.

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

    @abstractmethod
    def process(self) -> UUID | None:
        """The whole pipeline in this process, without a broker; the concept's id, or None when somebody else has it.

        The row ends `completed`, or `failed` with the sentence that the raised error carries.
        """

    @classmethod
    def failure_sentence(cls, error: ConceptWorkerError) -> str:
        """What the row says when a stage of this kind of task fails for good."""
        return f"Error in {cls.kind} task processing: {error}"

    def _claim_task(self) -> bool:
        """Take the row for a run of this processor."""
        task = self._services.task_service.claim_task_if_pending(self.task_id, self.user_id)
        if task is None:
            log.info("task could not be claimed", task_id=str(self.task_id))
            return False
        self._run = RunReference.of(task)
        return True

    def _checkpointed(self, step: Step[T], work: Work[T]) -> T:
        """The step's output; `work` gets those of the steps it needs."""
        while True:
            owner = str(uuid4())
            try:
                return run_step(
                    self._services,
                    self.run,
                    step,
                    lambda _, *inputs: work(*inputs),
                    owner=owner,
                    needs=self.steps[step],
                )
            except StillDrawing as exc:
                self._wait(step, owner, exc)

    def _wait(self, step: Step[Any], owner: str, drawing: StillDrawing) -> None:
        """Wait here, visibly: without a broker nobody else comes back for what was ordered."""
        wait = drawing.retry_after
        try:
            self._services.task_service.wait_step(
                self.run, step.name, owner, str(drawing), is_attempt=False, delay_seconds=wait
            )
        except AbandonedRun:
            return  # the fence says so again, and cancels what the provider still draws
        time.sleep(wait)

    @contextmanager
    def _mirrored(self) -> Iterator[None]:
        """The row of a run in one process ends as the run does; trouble is raised again."""
        try:
            yield
        except StaleRun:
            raise
        except ConceptWorkerError as exc:
            fail_run(self._services.task_service, self.run, self.failure_sentence(exc), self._services.image_service)
            raise


def fail_run(tasks: TaskService, run: RunReference, sentence: str, images: ImageService | None = None) -> bool:
    """Write a run's failure into its row, release its staging in `images`, and say whether the failure is written.

    A row that is terminal or of a newer run stays as it is, and so does its staging.
    """
    try:
        failed = patiently(
            lambda: tasks.update_task_status(run.task_id, TaskStatus.FAILED, error_message=sentence, run=run.number)
        )
    except TransientError as exc:
        # The run's own error must not be masked; the lease ends and housekeeping repairs the row.
        log.warning("failure not written to the row yet", reason=str(exc))
        return False
    except ConceptWorkerError as exc:
        log.info("failure not written: the row has moved on", reason=str(exc))
        return False
    if images is not None:
        _release_failed(images, failed)
    return True


def _release_failed(images: ImageService, task: TaskRow) -> None:
    with suppress(StoreUnavailable):  # housekeeping repeats it
        images.release_failed(user_id=task.user_id, task_id=task.id)
