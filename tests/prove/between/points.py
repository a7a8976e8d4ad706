"""Points: around each effect a process may be killed, or told to stop, or the user may change their mind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

BEFORE, AFTER = "before", "after"  # killed there
HANDED_BACK = "handed back"  # told to stop behind the effect: what it has in hand is released, and it ends
CANCELED, DELETED = "canceled", "deleted"  # by the user, behind the effect; the process goes on
_WRITTEN = re.compile(rf"(\d+) ({BEFORE}|{AFTER}|{HANDED_BACK}|{CANCELED}|{DELETED})")


class Killed(BaseException):
    """The process is gone. Nobody may catch this."""


class Event(NamedTuple):
    """What happens at an effect; effects are counted from the event before it on."""

    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.number} {self.what}"


def written(plan: Sequence[Event]) -> str:
    """The events as a person may paste them back."""
    return "; ".join(map(str, plan))


def read(text: str) -> tuple[Event, ...]:
    """What `written` wrote.

    Raises:
        ValueError: it is none.
    """
    parts = [part.strip() for part in text.split(";") if part.strip()]
    found = [_WRITTEN.fullmatch(part) for part in parts]
    if not all(found):
        raise ValueError(f'not "4 before; 2 after": {text}')
    return tuple(Event(int(one[1]), one[2]) for one in found if one)


class Points:
    """Numbers all effects of one course, and lets the events of a plan happen."""

    def __init__(
        self,
        plan: Sequence[Event] = (),
        watch: Callable[[str], None] = lambda name: None,
        happen: Callable[[str], None] = lambda what: None,
    ) -> None:
        self._plan = list(plan)
        self._watch = watch
        self._happen = happen  # what an event does beside a death
        self._number = 0
        self.is_dead = False
        self.actor = ""  # the process at work, for the trace
        self.trace: list[str] = []

    @property
    def is_used_up(self) -> bool:
        """Whether every event of the plan has come."""
        return not self._plan

    @property
    def number(self) -> int:
        """How many effects there were since the last event."""
        return self._number

    def revive(self) -> None:
        """Another process begins."""
        self.is_dead = False

    @contextmanager
    def effect(self, name: str) -> Iterator[None]:
        """The body is an effect; a process that is dead has none, whoever calls."""
        if self.is_dead:
            raise Killed
        self._number += 1
        if self._is_next(BEFORE):
            self._event(name)
        yield
        self.trace.append(f"{self._number:>3} {self.actor}: {name}")
        self._watch(name)
        if self._is_next(AFTER, HANDED_BACK, CANCELED, DELETED):
            self._event(name)

    def _is_next(self, *kinds: str) -> bool:
        return bool(self._plan) and self._plan[0].number == self._number and self._plan[0].what in kinds

    def _event(self, name: str) -> None:
        event = self._plan.pop(0)
        self.trace.append(f"    {event} {name}")
        self._number = 0
        self._happen(event.what)
        if event.what not in (CANCELED, DELETED):
            self.is_dead = True
            raise Killed
