"""The calls to the fake, and which of them would have been charged."""

from __future__ import annotations

import copy
import threading
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Call:
    """A request. `paid` means that work was done for it; an answer from the cache is a `cache_hit` and free."""

    wire: str  # "jigsawstack", "openai", "runware", "replicate", "fal" or "link"
    endpoint: (
        str  # "image", "refine", "palettes", "store", "result"; of jobs also "upload", "poll", "details", "cancel"
    )
    number: int = 0  # from 1, in order of arrival
    status: int | None = None  # None while in progress, and when no answer was sent
    paid: bool = False
    job_failed: bool = False  # a job that was charged and ended by the vendor's fault
    cache_hit: bool = False
    skip_cache: bool = False
    fault: str | None = None
    seed: int | None = None
    key: str = ""  # what makes two requests identical
    body: dict[str, Any] = field(default_factory=dict)  # the request's fields, without image bytes


class CallLog:
    """A log of every call since the start or the last reset; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(self, call: Call) -> Call:
        """Give `call` a number and keep it; its fields may still be filled in."""
        with self._lock:
            call.number = len(self._calls) + 1
            self._calls.append(call)
        return call

    def snapshot(self) -> list[Call]:
        """Return copies of all calls, in order of arrival."""
        with self._lock:
            return [copy.copy(call) for call in self._calls]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def summary(self) -> dict[str, Any]:
        """Return all calls as JSON, and how many were paid or free."""
        calls = self.snapshot()
        return {
            "paid": sum(call.paid for call in calls),
            "cache_hits": sum(call.cache_hit for call in calls),
            "calls": [asdict(call) for call in calls],
        }
