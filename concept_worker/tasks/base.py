"""The base of steps: fence and checkpoint around a call, retries, the mirror of a failure, the log context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, NoReturn
from uuid import UUID

from celery.exceptions import Ignore
from celery.states import FAILURE
from pydantic import ValidationError
from structlog.contextvars import bound_contextvars

from concept_worker.errors import (
    AbandonedRun,
    ConceptWorkerError,
    MaybeCharged,
    MisplacedStep,
    ProviderPaused,
    ProviderUnavailable,
    StagedImageLost,
    StagingFull,
    StaleRun,
    StepHeld,
    TransientError,
)
from concept_worker.logging import get_logger
from concept_worker.models import RunReference, StagedName
from concept_worker.pipelines.execution import run_step
from concept_worker.pipelines.failure import fail_run
from concept_worker.pipelines.pipeline import AnyStep
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.redaction import kind_of
from concept_worker.settings import get_settings
from concept_worker.tasks.sealing import SealedTask
from concept_worker.worker.last_event import send_failed, send_revoked
from concept_worker.worker.process import backoff, services

log = get_logger(__name__)

Json = Any  # what a message carries

_UNCOUNTED: Any = inf  # Celery's own limit of planned retries: a message says how many it has had. Ours is in the row
# The operator's hint when deployments share a Redis: each takes the other's messages, and drops them here.
NO_ROW = "message of a task without a row here: it was deleted, or another deployment uses the same Redis"
_LOST = "what an earlier step left in staging is gone; that step is done again"


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
        """True when this try was the last one for transient errors."""
        return bool(self.request.retries + 1 >= get_settings().retry_attempts)


class StepTask(PipelineTask):
    """A step inside a canvas: `run` (a `RunReference` as JSON) is its keyword argument, its output is JSON.

    A message is a hint. All that counts comes from PostgreSQL: whether the run goes on, what the step works on, and the
    attempts so far. The earlier steps' results that messages also carry are for workers of older versions.
    """

    abstract = True

    def step(self, step: AnyStep, run: Mapping[str, Any]) -> Json:
        """Run the step with the run's processor, once for all deliveries, and return its result as JSON.

        What the step declares for a provider that stays away is done when the tries are used up.
        """
        reference = _reference(run)
        owner = services().leases.new_owner()
        with self._following(reference, step):
            try:
                return self._once(step, reference, owner)
            except StepHeld as exc:
                self.try_again(exc)
            except StagedImageLost as exc:
                self._start_over(step, reference, owner, exc)
            except TransientError as exc:
                delay = backoff().delay(exc, self.request.retries)
                if self._may_try_again(step, reference, owner, exc, delay):
                    self.try_again(exc, delay=delay)
                if step.instead is None or not isinstance(exc, ProviderUnavailable):
                    raise
                return self._once(step, reference, services().leases.new_owner(), instead=True)

    @contextmanager
    def _following(self, run: RunReference, step: AnyStep) -> Iterator[None]:
        """Bind the log's context, stop quietly when the run is over, and tell monitors of one that was canceled."""
        with log_context(run.task_id, run=run.number, step=step.name), quiet_when_stale():
            try:
                yield
            except AbandonedRun as exc:
                if exc.user_id is not None:
                    send_revoked(self, run.task_id)
                raise

    def _once(self, step: AnyStep, run: RunReference, owner: str, *, instead: bool = False) -> Json:
        processor = PROCESSORS[run.type]
        if step not in processor.pipeline:
            raise MisplacedStep("it is no step of this type of task")
        return step.dump(run_step(services(), run, processor, step, owner=owner, instead=instead))

    def _may_try_again(self, step: AnyStep, run: RunReference, owner: str, error: TransientError, delay: float) -> bool:
        """Release the step, visibly, and say whether its attempts are not used up.

        With the database away the wait goes on unseen and uncounted; the lease holds the step meanwhile.
        """
        try:
            tries = services().task_service.wait_step(
                run,
                step.name,
                owner,
                str(error),
                is_attempt=not isinstance(error, ProviderPaused | StagingFull),
                is_unknown=isinstance(error, MaybeCharged),
                delay_seconds=delay,
            )
        except AbandonedRun as exc:
            with suppress(TransientError):  # the sweep comes by
                services().image_service.discard_task(user_id=exc.user_id, task_id=run.task_id)
            if step.pays:
                return True  # the next execution meets the fence, and cancels there what the provider still draws
            raise
        except TransientError as exc:
            log.warning("wait not shown in the row", reason=str(exc))
            return True
        log.info("step waits", reason=str(error), seconds=round(delay, 2), attempts=tries.attempts)
        if isinstance(error, MaybeCharged):
            log.warning("paid call of unknown outcome", unknowns=tries.unknowns)
            return tries.unknowns <= get_settings().unknown_outcome_tries
        return tries.attempts < get_settings().retry_attempts

    def _start_over(self, step: AnyStep, run: RunReference, owner: str, lost: StagedImageLost) -> NoReturn:
        """Bytes are gone: forget the checkpoint that promised them; the next run makes them again."""
        maker = PROCESSORS[run.type].pipeline.maker(StagedName(lost.name))
        log.warning("staged bytes lost, their step is done again", maker=maker.name)
        with suppress(TransientError):  # then the lease ends, and the next run meets the same loss
            services().task_service.wait_step(run, step.name, owner, _LOST, is_attempt=False, delay_seconds=0.0)
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
                send_failed(self, run.task_id, sentence)


def _reference(run: Any) -> RunReference:
    """Read the run that a message names."""
    try:
        return RunReference.model_validate(run)
    except ValidationError as exc:
        log.warning("message dropped: its run cannot be read")
        raise Ignore from exc


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
    """Store no result of a stale run, so that no chord goes on with it."""
    try:
        yield
    except MisplacedStep as exc:
        log.warning("message dropped: its step has no place here", reason=str(exc))
        raise Ignore from exc
    except AbandonedRun as exc:
        if exc.user_id is None:
            log.warning(NO_ROW)
        log.info("stopped quietly", reason=str(exc))
        raise Ignore from exc
    except StaleRun as exc:
        log.info("stopped quietly", reason=str(exc))
        raise Ignore from exc
