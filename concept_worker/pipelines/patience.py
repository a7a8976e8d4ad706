"""Writing what must not be lost, through a short absence of the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from concept_worker.errors import StoreUnavailable
from concept_worker.logging import get_logger

log = get_logger(__name__)

T = TypeVar("T")

_SHORT = 8.0  # seconds; a longer absence is the lease's and housekeeping's
_PAID = 60.0  # of an answer that was paid for: only this process has it
_FIRST, _MOST = 0.2, 1.0  # between tries: short enough to be back before housekeeping enqueues the run again


def patiently(write: Callable[[], T], *, seconds: float = _SHORT, event: str = "write put off") -> T:
    """Call `write` until it succeeds; it must be safe to repeat. Each wait is logged as `event`.

    A wait that the store asked for is waited, but never past `seconds`: one try is left for the end.

    Raises:
        StoreUnavailable: the store stayed away for so many seconds.
    """
    deadline, wait = time.monotonic() + seconds, _FIRST
    while True:
        try:
            return write()
        except StoreUnavailable as exc:
            left = deadline - time.monotonic()
            if wait > left:
                raise
            pause = min(max(wait, exc.retry_after), left)
            log.warning(event, reason=str(exc), seconds=round(pause, 1))
        time.sleep(pause)
        wait = min(2 * wait, _MOST)


def never_losing(write: Callable[[], T]) -> T:
    """`patiently`, for what was paid for."""
    return patiently(write, seconds=_PAID)
