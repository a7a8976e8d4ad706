"""Writing what must not be lost, through a short absence of the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from concept_worker.errors import StoreUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Seconds before the second, third, … try: about eight in all. A longer absence is the lease's and housekeeping's.
_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0)


def patiently(write: Callable[[], T]) -> T:
    """The result of `write`, which must be safe to repeat.

    Raises:
        StoreUnavailable: the store stayed away through every try.
    """
    for wait in _WAITS:
        try:
            return write()
        except StoreUnavailable as exc:
            log.warning("write put off", reason=str(exc), seconds=wait)
            time.sleep(wait)
    return write()
