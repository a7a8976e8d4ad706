"""How long a step waits before its next try."""

from __future__ import annotations

import random
from dataclasses import dataclass

from concept_worker.errors import StagingFull, StepHeld, StillDrawing, TransientError

_LONGEST_DOUBLING = 30  # a run that waits for hours at a closed door counts thousands of retries
_ROOM_CAP = 15.0  # seconds: a run that waits for room in staging asks this often
_SPREAD = 0.25  # of a poll's interval, at random
_HELD_CAP = 5.0  # seconds: a held step is looked at this often, whatever its lease


@dataclass(frozen=True)
class Backoff:
    """Exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015): waiting steps of
    many runs spread out instead of returning together. All in seconds.
    """

    base: float
    cap: float

    def delay(self, error: TransientError, retries: int) -> float:
        """Before retry number `retries` + 1; what the error knows of the wait comes first."""
        if isinstance(error, StepHeld):
            return min(error.seconds, _HELD_CAP, self.cap) + random.uniform(0, min(1.0, self.base))  # noqa: S311 - jitter
        if isinstance(error, StillDrawing):  # the vendor's own pace, whatever the number of polls
            return min(self.cap, error.retry_after * random.uniform(1, 1 + _SPREAD))  # noqa: S311 - jitter
        cap = min(self.cap, _ROOM_CAP) if isinstance(error, StagingFull) else self.cap
        jitter = random.uniform(0, min(cap, self.base * 2 ** min(retries, _LONGEST_DOUBLING)))  # noqa: S311 - jitter needs no secrecy
        return min(self.cap, error.retry_after) + jitter
