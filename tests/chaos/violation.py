"""One broken promise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One broken promise, by its number in `checker.py`, and the task or request that it was broken to."""

    promise: int
    task: str
    what: str
