"""A deadline for a whole exchange with another server, however slowly that server sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Clock = Callable[[], float]  # seconds that only grow


@dataclass(frozen=True)
class Deadline:
    """A moment on `clock`, in its seconds; waiting ends then."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """Return the moment `seconds` from now."""
        return cls(clock() + seconds, clock)

    @property
    def remaining(self) -> float:
        """Seconds left; zero or less when the deadline has passed."""
        return self.at - self.clock()

    def bound(self, timeout: float | None) -> float:
        """Return `timeout` (seconds, None for ever), cut at this deadline."""
        return self.remaining if timeout is None else min(timeout, self.remaining)


_current: ContextVar[Deadline | None] = ContextVar("deadline of the exchange in progress", default=None)


def current_deadline() -> Deadline | None:
    """Return the deadline of this thread's exchange, if it has one."""
    return _current.get()


@contextmanager
def within(deadline: Deadline) -> Iterator[Deadline]:
    """End every read and write of the body on a bounded transport at `deadline`."""
    token = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(token)
