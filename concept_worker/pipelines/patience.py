"""Writing what must not be lost, through a short absence of the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from concept_worker.errors import StoreUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SHORT = 8.0  # seconds; a longer absence is the lease's and housekeeping's
_PAID = 60.0  # of an answer that was paid for: only this process has it
_FIRST, _MOST = 0.2, 1.0  # between tries: whoever waits here is back before housekeeping asks somebody else


def patiently(write: Callable[[], T], *, seconds: float = _SHORT) -> T:
    """The result of `write`, which must be safe to repeat.

    Raises:
        StoreUnavailable: the store stayed away for so many seconds.
    """
    deadline, wait = time.monotonic() + seconds, _FIRST
    while True:
        try:
            return write()
        except StoreUnavailable as exc:
            if time.monotonic() + wait > deadline:
                raise
            log.warning("write put off", reason=str(exc), seconds=wait)
        time.sleep(wait)
        wait = min(2 * wait, _MOST)


def never_losing(write: Callable[[], T]) -> T:
    """`patiently`, for what was paid for."""
    return patiently(write, seconds=_PAID)
