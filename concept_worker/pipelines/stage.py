"""Time and trouble of a stage: noted in one place."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from concept_worker.errors import ConceptWorkerError, StageCrashed, StaleRun
from concept_worker.logging import get_logger
from concept_worker.redaction import without_text

log = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def stage(failing: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Log a stage's time as one event, and lead its errors with what failed (`"Storing base image failed"`).

    An unexpected error becomes `StageCrashed`; its kind and place go into the log, its text does not.
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
                raise  # `run_once` has the word for it
            except Exception as exc:
                raise without_text(StageCrashed(f"{failing}: an unexpected error"), exc) from None
            finally:
                seconds = round(time.perf_counter() - started, 4)
                log.info("stage timing", stage=function.__name__, seconds=seconds, outcome=outcome)

        return timed

    return decorate
