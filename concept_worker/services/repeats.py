"""Retries of a producer's write whose answer is lost: one request makes one row."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from concept_worker.errors import StoreUnavailable, StoreUnreachable, UnknownOutcome

T = TypeVar("T")

_PAUSES = (0.1, 0.3)  # seconds before the second and the third try: a producer is a web request


def repeat_until_known(write: Callable[[bool], T], *, task_id: UUID, seconds: float, unknown: str) -> T:
    """Call `write` again while its answer is lost; start no new try after `seconds`.

    `write` gets whether an earlier try may have been executed. If so, it must find what that try did.

    Raises:
        StoreUnreachable: no try left this process.
        UnknownOutcome: every answer was lost; the message is `unknown`.
    """
    deadline, is_repeat = time.monotonic() + seconds, False
    for pause in (*_PAUSES, None):
        try:
            return write(is_repeat)
        except StoreUnavailable as exc:
            if isinstance(exc, StoreUnreachable) and not is_repeat:
                raise
            is_repeat, lost = True, exc
        if pause is None or time.monotonic() > deadline:
            break
        time.sleep(pause)
    raise UnknownOutcome(unknown, str(task_id)) from lost
