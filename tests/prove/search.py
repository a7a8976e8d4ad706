"""Every schedule with at most so many faults, each moment looked at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.prove.database import Database, Refused
from tests.prove.faults import Faults
from tests.prove.moves import Mover
from tests.prove.properties import broken_at, broken_between, every_row_ends
from tests.prove.world import RECONCILE, START, Message, World, canonical_start

_LONGEST = 1_000  # moves of one schedule; none needs a third of it


@dataclass(frozen=True)
class Violation:
    """A broken property with the shortest schedule that leads there."""

    kind: str
    schedule: tuple[tuple[int, str], ...]
    name: str
    words: str

    def __str__(self) -> str:
        faults = "; ".join(f"{at} {fault}" for at, fault in self.schedule) or "no fault"
        return f"{self.name}: {self.words}\n    {self.kind}: {faults}"


@dataclass
class Report:
    """What was looked at."""

    faults: int
    moments: int = 0
    schedules: int = 0
    statements: int = 0
    seconds: float = 0.0
    is_complete: bool = True
    violations: list[Violation] = field(default_factory=list)

    def __str__(self) -> str:
        done = "complete" if self.is_complete else "not complete"
        return (
            f"{self.schedules} schedules, {self.moments} moments, {self.statements} statements, {self.seconds:.0f} s, "
            f"at most {self.faults} faults: {done}"
        )


@dataclass(frozen=True)
class _Start:
    """A moment to go on from: how many moves and which faults led there."""

    world: World
    moves: int
    schedule: tuple[tuple[int, str], ...]


class Search:
    """Goes through all schedules by their number of faults, so that the first violation is a shortest one."""

    def __init__(self, database: Database, kind: str, *, budget: float = float("inf"), most: int = 5) -> None:
        self._mover, self._database, self._kind = Mover(database), database, kind
        self._faults = Faults(self._mover)
        self._deadline, self._most = time.monotonic() + budget, most
        self._seen: set[World] = set()
        self._found: set[tuple[str, str]] = set()

    def run(self, faults: int) -> Report:
        """All schedules with at most so many faults, until `most` kinds of violation are found or time is up."""
        report, started = Report(faults), time.monotonic()
        layer = [_Start(first_world(self._kind), 0, ())]
        before = self._database.statements
        for used in range(faults + 1):
            following: list[_Start] = []
            for start in layer:
                if len(report.violations) >= self._most or time.monotonic() > self._deadline:
                    report.is_complete = False
                    break
                self._follow(start, report, following if used < faults else None)
            layer = following
        report.moments, report.statements = len(self._seen), self._database.statements - before
        report.seconds = time.monotonic() - started
        return report

    def _follow(self, start: _Start, report: Report, following: list[_Start] | None) -> None:
        """Go on without a fault, to the end or to where another schedule was; note what faults lead elsewhere."""
        report.schedules += 1
        world, moves, mine = start.world, start.moves, set[World]()
        while world not in self._seen:
            self._seen.add(world)
            mine.add(world)
            is_over = self._mover.is_over(world)
            if self._noted(report, start, broken_at(world, is_over=is_over)) or is_over:
                return
            try:
                if following is not None:
                    self._fan_out(world, moves, start, following, report)
                moved = self._mover.step(world)
            except Refused as exc:
                self._noted(report, start, ("the database refused", str(exc)))
                return
            if self._noted(report, start, broken_between(world, moved)):
                return
            world, moves = moved, moves + 1
            if moves > _LONGEST:
                self._noted(report, start, (every_row_ends.__name__, f"not after {_LONGEST} moves"))
                return
        if world in mine:
            self._noted(report, start, (every_row_ends.__name__, "it goes round for ever"))

    def _fan_out(self, world: World, moves: int, start: _Start, following: list[_Start], report: Report) -> None:
        for name, moved in self._faults.at(world):
            after = _Start(moved, moves, (*start.schedule, (moves, name)))
            if not self._noted(report, after, broken_between(world, moved)) and moved not in self._seen:
                following.append(after)

    def _noted(self, report: Report, start: _Start, found: tuple[str, str] | None) -> bool:
        """Whether something is broken; one of each kind is reported, which is the shortest."""
        if found is not None and found not in self._found:
            self._found.add(found)
            report.violations.append(Violation(self._kind, start.schedule, *found))
        return found is not None


def first_world(kind: str) -> World:
    """A row that was just created, and its message."""
    return World(kind, canonical_start(kind), (Message("a", START, 0),), reconcile_in=RECONCILE)
