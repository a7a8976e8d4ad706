"""One execution's side of a paid call: its picture is bought once, and collected for nothing from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from concept_worker.errors import JobEnded, PictureGone
from concept_worker.logging import get_logger
from concept_worker.models import Origin, Receipt, RunReference
from concept_worker.pipelines.patience import never_losing

if TYPE_CHECKING:
    from concept_worker.services.concept_generator import Picture
    from concept_worker.services.task_service import TaskService

log = get_logger(__name__)


class PaidCall:
    """A paid call of one step, with the receipt that an earlier execution left, if any."""

    def __init__(self, tasks: TaskService, run: RunReference, step: str, owner: str, receipt: Receipt | None) -> None:
        self._tasks = tasks
        self._run = run
        self._step = step
        self._owner = owner
        self._receipt = receipt

    @property
    def origin(self) -> Origin | None:
        """The provider and model of the picture that an earlier execution ordered, where there is a receipt."""
        return Origin(provider=self._receipt.provider, model=self._receipt.model) if self._receipt else None

    def picture(self, buy: Callable[[], Picture | Receipt], collect: Callable[[Receipt], Picture]) -> Picture:
        """Collect the picture with the receipt of an earlier execution, or buy it.

        A receipt is written before it is used. One that leads to nothing any more, or to a job that ended without a
        picture, is dropped: the next try buys again.

        Raises:
            StillDrawing: the provider is at it; come back and collect.
        """
        answer = self._receipt or buy()
        if not isinstance(answer, Receipt):
            return answer
        if self._receipt is None:
            self._write(answer)
        try:
            return collect(answer)
        except PictureGone:
            log.error("paid picture is gone", provider=answer.provider)
            self._write(None)
            raise
        except JobEnded as exc:
            log.warning("order ended without a picture", provider=answer.provider, error=type(exc.trouble).__name__)
            self._write(None)
            raise exc.trouble from exc

    def _write(self, receipt: Receipt | None) -> None:
        written = never_losing(lambda: self._tasks.keep_receipt(self._run, self._step, self._owner, receipt))
        if not written:
            log.info("receipt left aside: another execution has the step")
