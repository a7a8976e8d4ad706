"""How long a whole exchange with a neighbour may take, however it dawdles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Clock = Callable[[], float]  # seconds that only grow


@dataclass(frozen=True)
class Deadline:
    """A moment on `clock`, in its seconds, after which nobody waits any longer."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """The moment `seconds` from now."""
        return cls(clock() + seconds, clock)

    @property
    def remaining(self) -> float:
        """Seconds left; zero or less when it has passed."""
        return self.at - self.clock()

    def bound(self, timeout: float | None) -> float:
        """`timeout` (seconds, None for ever), but never past this moment."""
        return self.remaining if timeout is None else min(timeout, self.remaining)


_current: ContextVar[Deadline | None] = ContextVar("deadline of the exchange in progress", default=None)


def current_deadline() -> Deadline | None:
    """The deadline that this thread's exchange runs under, if any."""
    return _current.get()


@contextmanager
def within(deadline: Deadline) -> Iterator[Deadline]:
    """Everything the body reads from or writes to a bounded transport ends at `deadline`."""
    token = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(token)
