"""Faults and their frequency, and the durations of work."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class FaultKind(StrEnum):
    """A kind of fault of an answer."""

    # Refused before any work is done.
    STATUS = "status"  # an error status (`status`) with the wire's own error body
    TEXT_ERROR = "text_error"  # an error status with a body that is no JSON
    RATE_LIMITED = "rate_limited"  # 429; the reset is `wait_ms` from now, or not in the answer
    CONTENT = "content"  # the description is declined
    QUOTA = "quota"  # OpenAI: 429 that waiting does not clear
    CANNED = "canned"  # OpenAI: `status`, `headers` and `body` as they are, such as another vendor's answer
    # 200 with an unusable body; no work is done.
    HTML = "html"
    FAILURE = "failure"  # JSON that says success: false, or carries nothing
    EMPTY = "empty"
    BROKEN_JSON = "broken_json"
    UNKNOWN_TYPE = "unknown_type"
    # The work is done and charged; the content is bad.
    TRUNCATED = "truncated"  # a PNG cut in the middle, sent completely
    HUGE = "huge"  # a PNG that claims 60000 x 60000 pixels
    WRONG_SIZE = "wrong_size"
    SVG = "svg"
    JPEG = "jpeg"  # labelled image/png
    BAD_BASE64 = "bad_base64"
    FOREIGN_LINK = "foreign_link"  # a result link into a private network
    FEWER = "fewer"
    MORE = "more"
    OBJECTS = "objects"  # colours as values of one object with other keys, as the original worker asked for them
    TEXT = "text"  # the list as a string inside a code fence
    JUNK = "junk"  # good entries between entries that are no palettes
    NONE = "none"  # an empty list
    REFUSAL = "refusal"  # OpenAI chat: the model declines in words
    # The work is done, charged and cached; the answer is lost or late.
    HANG = "hang"  # no byte ever comes
    DISCONNECT = "disconnect"  # the connection ends before the first byte
    CUT = "cut"  # the connection ends in the middle of the body
    DRIP = "drip"  # the body comes byte by byte, one every `seconds`
    DRIP_HEADERS = "drip_headers"
    LATE = "late"  # the first byte comes after `seconds` more


REFUSING = frozenset(
    {
        FaultKind.STATUS,
        FaultKind.TEXT_ERROR,
        FaultKind.RATE_LIMITED,
        FaultKind.CONTENT,
        FaultKind.QUOTA,
        FaultKind.CANNED,
    }
)
JUNKY = frozenset({FaultKind.HTML, FaultKind.FAILURE, FaultKind.EMPTY, FaultKind.BROKEN_JSON, FaultKind.UNKNOWN_TYPE})
LOSING = frozenset(
    {
        FaultKind.HANG,
        FaultKind.DISCONNECT,
        FaultKind.CUT,
        FaultKind.DRIP,
        FaultKind.DRIP_HEADERS,
        FaultKind.LATE,
    }
)


class Fault(BaseModel):
    """A fault of some calls: of the next `times` of them, or of each with some `probability`, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    endpoint: str = "*"  # image, refine, palettes, store, result, job (how one ends), poll, details, collect; * for all
    times: Annotated[int, Field(ge=1)] | None = None  # None: until cleared
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    status: Annotated[int, Field(ge=200, le=599)] = 503
    wait_ms: int | None = None  # for `rate_limited`: negative is in the past
    retry_after: str | None = None  # header, as it is
    seconds: Annotated[float, Field(ge=0)] = 1.0  # divided by the fake's speed
    headers: dict[str, str] = Field(default_factory=dict)  # for `canned`
    body: Any = None  # for `canned`: JSON, or a page of text


class FaultBook:
    """The faults in force; the seed makes the choice among them repeatable."""

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311  repeatable choice, not a secret
        self._open: list[tuple[Fault, int | None]] = []
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Put `faults` in force, after those already in force."""
        with self._lock:
            self._open += [(fault, fault.times) for fault in faults]

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._open.clear()

    def in_force(self) -> list[Fault]:
        """Return the faults that may still come, each with the number of times left."""
        with self._lock:
            return [fault.model_copy(update={"times": left}) for fault, left in self._open]

    def next_for(self, endpoint: str) -> Fault | None:
        """Return and count the fault of this call, if any."""
        with self._lock:
            for at, (fault, left) in enumerate(self._open):
                if fault.endpoint in ("*", endpoint) and self._random.random() < fault.probability:
                    if left is not None:
                        self._open[at : at + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None


class Latency(BaseModel):
    """A duration of work in seconds, between `low` and `high`, most often near `mode` (their middle when None)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: Annotated[float, Field(ge=0)] = 0.0
    high: Annotated[float, Field(ge=0)] = 0.0
    mode: float | None = None

    def draw(self, rng: random.Random) -> float:
        """Draw one duration in seconds."""
        return rng.triangular(self.low, self.high, self.mode) if self.high else 0.0
