"""Waiting for a condition with a deadline; nothing in the tests sleeps for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 60.0  # seconds; generous, because machines are shared; a passing test never waits it out
_never = Event()


def until(condition: Callable[..., T], what: str, seconds: float = DEADLINE) -> T:
    """Return the condition's first true value; it is called without arguments.

    Raises:
        AssertionError: it did not come in time; says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        _never.wait(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")
