"""Points: before and after each effect a process may be killed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

_WRITTEN = re.compile(r"(\d+) (before|after)")


class Killed(BaseException):
    """The process is gone. Nobody may catch this."""


class Kill(NamedTuple):
    """A death at an effect; those of a second kill are counted from the first one on."""

    number: int
    when: str  # "before" or "after"

    def __str__(self) -> str:
        return f"{self.number} {self.when}"


def written(plan: Sequence[Kill]) -> str:
    """The kills as a person may paste them back."""
    return "; ".join(map(str, plan))


def read(text: str) -> tuple[Kill, ...]:
    """What `written` wrote.

    Raises:
        ValueError: it is none.
    """
    parts = [part.strip() for part in text.split(";") if part.strip()]
    found = [_WRITTEN.fullmatch(part) for part in parts]
    if not all(found):
        raise ValueError(f'not "4 before; 2 after": {text}')
    return tuple(Kill(int(one[1]), one[2]) for one in found if one)


class Points:
    """Numbers all effects of one course, and kills at those of a plan."""

    def __init__(self, plan: Sequence[Kill] = (), watch: Callable[[str], None] = lambda name: None) -> None:
        self._plan = list(plan)
        self._watch = watch
        self._number = 0
        self.is_dead = False
        self.actor = ""  # the process at work, for the trace
        self.trace: list[str] = []

    @property
    def is_used_up(self) -> bool:
        """Whether every kill of the plan has come."""
        return not self._plan

    @property
    def number(self) -> int:
        """How many effects there were since the last kill."""
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
        self._die_if(name, "before")
        yield
        self.trace.append(f"{self._number:>3} {self.actor}: {name}")
        self._watch(name)
        self._die_if(name, "after")

    def _die_if(self, name: str, when: str) -> None:
        if self._plan and self._plan[0] == (self._number, when):
            self.trace.append(f"    killed {self._plan.pop(0)} {name}")
            self._number, self.is_dead = 0, True
            raise Killed
