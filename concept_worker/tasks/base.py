"""What every step has: fence and checkpoint around its call, retries, the mirror of its failure, its log context."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, NoReturn, TypeVar
from uuid import UUID, uuid4

from celery.canvas import Signature
from celery.exceptions import Ignore
from celery.states import FAILURE
from structlog.contextvars import bound_contextvars

from concept_worker.errors import (
    AbandonedRun,
    ConceptWorkerError,
    InvalidRequest,
    ProviderPaused,
    ProviderUnavailable,
    StagedImageLost,
    StagingFull,
    StaleRun,
    StepHeld,
    TaskNotFoundError,
    TransientError,
)
from concept_worker.logging import get_logger
from concept_worker.models import RunReference, StagedName, TaskRow, TaskStatus, TaskType
from concept_worker.pipelines.base import Step, fail_run, run_step
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.redaction import kind_of
from concept_worker.settings import get_settings
from concept_worker.tasks.process import backoff, services
from concept_worker.tasks.sealing import SealedTask, Unforeseen

log = get_logger(__name__)

T = TypeVar("T")
Json = Any  # what a message carries
Work = Callable[[Any], T]  # what a step does with the run's processor

_UNCOUNTED = 1_000_000  # Celery's own limit of planned retries; ours is `Settings.retry_attempts`


class PipelineTask(SealedTask):
    """Base of this package's Celery tasks. Retries are planned here, by the error's kind, never by Celery's count."""

    abstract = True
    # These two speak of children that die (`task_retry_on_worker_lost`): a message that kills its worker each time
    # is given up by Celery after so many tries, so many seconds apart; the lease then decides on another run.
    max_retries = 3
    default_retry_delay = 5
    # What a worker's log and Flower show of a result: enough to see its kind.
    resultrepr_maxsize = 80

    def try_again(self, error: TransientError, *, delay: float | None = None) -> NoReturn:
        """Plan the next try of this message; never returns."""
        countdown = backoff().delay(error, self.request.retries) if delay is None else delay
        raise self.retry(exc=error, countdown=countdown, max_retries=_UNCOUNTED)

    @property
    def tries_are_used_up(self) -> bool:
        """Whether this try was the last one for transient trouble."""
        return bool(self.request.retries + 1 >= get_settings().retry_attempts)


class StepTask(PipelineTask):
    """A step inside a canvas: `run` (a `RunReference` as JSON) is its keyword argument, its output is JSON."""

    abstract = True

    def step(self, step: Step[T], run: Mapping[str, Any], work: Work[T], otherwise: Work[T] | None = None) -> Any:
        """Do `work` with the run's processor, once for all deliveries, and return its output as JSON.

        `otherwise` is done instead when the provider stayed away through every try.
        """
        reference = RunReference.model_validate(run)
        owner = str(uuid4())
        with log_context(reference.task_id, run=reference.number, step=step.name), quiet_when_stale():
            try:
                return self._once(step, reference, owner, work)
            except StepHeld as exc:
                self.try_again(exc)
            except StagedImageLost as exc:
                self._start_over(reference, exc)
            except TransientError as exc:
                delay = backoff().delay(exc, self.request.retries)
                if self._may_try_again(step, reference, owner, exc, delay):
                    self.try_again(exc, delay=delay)
                if otherwise is None or not isinstance(exc, ProviderUnavailable):
                    raise
                return self._once(step, reference, str(uuid4()), otherwise)

    def _once(self, step: Step[T], run: RunReference, owner: str, work: Work[T]) -> Any:
        def with_processor(task: TaskRow) -> T:
            return work(PROCESSORS[run.type].of(task, services()))

        return step.dump(run_step(services(), run, step, with_processor, owner=owner))

    def _may_try_again(
        self, step: Step[Any], run: RunReference, owner: str, error: TransientError, delay: float
    ) -> bool:
        """Put the step down, visibly, and say whether its attempts are not used up.

        With the database away the wait goes on unseen and uncounted; the lease holds the step meanwhile.
        """
        try:
            attempts = services().task_service.wait_step(
                run,
                step.name,
                owner,
                str(error),
                is_attempt=not isinstance(error, ProviderPaused | StagingFull),
                delay_seconds=delay,
            )
        except AbandonedRun as exc:
            with suppress(TransientError):  # the sweep comes by
                services().image_service.discard_task(user_id=exc.user_id, task_id=run.task_id)
            raise
        except TransientError as exc:
            log.warning("wait not shown in the row", reason=str(exc))
            return True
        log.info("step waits", reason=str(error), seconds=round(delay, 2), attempts=attempts)
        return attempts < get_settings().retry_attempts

    def _start_over(self, run: RunReference, lost: StagedImageLost) -> NoReturn:
        """Bytes are gone: forget the checkpoint that promised them; the next run makes them again."""
        maker = PROCESSORS[run.type].makers[StagedName(lost.name)]
        log.warning("staged bytes lost, their step is done again", step=maker.name)
        services().task_service.forget_steps(run, [maker.name])
        raise StaleRun("the run starts over")

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Mirror a step's failure into the row. Trouble of the queue itself is left to the lease and housekeeping."""
        if not isinstance(exc, ConceptWorkerError) or "run" not in kwargs:
            log.error("step lost", error=kind_of(exc), celery_id=task_id)
            return
        run = RunReference.model_validate(kwargs["run"])
        with log_context(run.task_id, run=run.number):
            log.error("run failed", reason=str(exc), error=type(exc).__name__)
            sentence = PROCESSORS[run.type].failure_sentence(exc)
            if fail_run(services().task_service, run, sentence, services().image_service):
                # A sibling that now stops quietly stores no result, and Celery alone would wait for it for ever.
                self.backend.store_result(str(run.task_id), exc, FAILURE)


class StartTask(PipelineTask):
    """The entry of a pipeline: its Celery id is the task id, and its message carries nothing else."""

    abstract = True
    task_type: ClassVar[TaskType]

    def start(self, canvas: Callable[[RunReference], Signature[Any]], unexpected: Mapping[str, Any]) -> Any:
        """Claim the row named by this message's id and become its canvas; quiet when there is nothing to claim."""
        task_id = task_id_of(self.request.id)
        with log_context(task_id, step="start"), quiet_when_stale():
            try:
                task = self._claimed(task_id, unexpected)
            except TransientError as exc:
                if self.tries_are_used_up:
                    raise
                self.try_again(exc)
            log.info("run started", run=task.run)
            return self.replace(canvas(RunReference.of(task)))

    def _claimed(self, task_id: UUID, unexpected: Mapping[str, Any]) -> TaskRow:
        """The claimed row, its type and inputs checked; a malformed one is failed here, once.

        Raises:
            StaleRun: there is nothing to claim, or it was failed.
        """
        if unexpected:
            wrong = "; ".join(f"{name}: unknown field, leave it out" for name in sorted(unexpected))
            reject(task_id, f"Invalid request: {wrong}")
        task = services().task_service.claim_task_if_pending(task_id)
        if task is None:
            raise StaleRun("the task could not be claimed")
        run = RunReference.of(task)
        if task.type != self.task_type.value:
            return _fail_quietly(run, f"Unknown task type: {task.type} is not for {self.name}")
        try:
            PROCESSORS[run.type].of(task, services())
        except InvalidRequest as exc:
            return _fail_quietly(run, str(exc))
        return task

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Positional arguments do not reach the body; a row that nobody claimed says so. The rest waits for a retry."""
        log.error("start failed", error=kind_of(exc), celery_id=task_id)
        if isinstance(exc, Unforeseen) and exc.kind == TypeError.__name__:
            with log_context(task_id_of(task_id), step="start"), quiet_when_stale():
                reject(task_id_of(task_id), "Invalid request: message: takes no positional arguments")


def reject(task_id: UUID, sentence: str) -> NoReturn:
    """Fail a row that nobody has claimed, because its message is malformed; a claimed row is left alone.

    Raises:
        StaleRun: always; there is nothing left to do.
    """
    log.warning("message rejected", reason=sentence)
    try:
        services().task_service.update_task_status(task_id, TaskStatus.FAILED, error_message=sentence, run=0)
    except TaskNotFoundError:
        log.info("rejected message names no task")
    except TransientError:
        raise
    except ConceptWorkerError as exc:
        log.info("rejected message left its row alone", reason=str(exc))
    raise StaleRun("the message was rejected")


def _fail_quietly(run: RunReference, sentence: str) -> NoReturn:
    log.warning("run refused", reason=sentence)
    fail_run(services().task_service, run, sentence, services().image_service)
    raise StaleRun("the run was refused")


def task_id_of(celery_id: str | None) -> UUID:
    try:
        return UUID(str(celery_id))
    except ValueError as exc:
        log.warning("message dropped: its id is no task id")
        raise Ignore from exc


@contextmanager
def log_context(task_id: UUID, **more: Any) -> Iterator[None]:
    with bound_contextvars(task_id=str(task_id), **more):
        yield


@contextmanager
def quiet_when_stale() -> Iterator[None]:
    """A stale run stores no result, so that no chord goes on with it."""
    try:
        yield
    except StaleRun as exc:
        log.info("stopped quietly", reason=str(exc))
        raise Ignore from exc
