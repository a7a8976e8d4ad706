"""What lies outside the database: messages, executions, staging, the bill. Immutable, so that a search can go back."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from tests.prove.database import canonical

LEASE = 60.0  # CONCEPT_LEASE_SECONDS, as all figures here: the defaults of settings.py, in seconds
RECONCILE = 20.0
PENDING = 60.0
VISIBILITY = 600.0
RETRY = 2.0  # a planned wait after transient trouble
CRASH = 5.0  # `default_retry_delay` of a message whose child died
PAUSE = 100.0  # longer than a lease and the look of housekeeping
DAY = 86_400.0
MAX_RUNS, MAX_INTERRUPTIONS, ATTEMPTS, UNKNOWNS = 10, 4, 5, 1
VARIATIONS = 2

OPEN = ("pending", "processing")
TERMINAL = ("completed", "failed", "canceled")
GENERATION, REFINEMENT = "concept_generation", "concept_refinement"
START = "start"


class StepPlan(NamedTuple):
    """One step of a pipeline as its processor declares it."""

    name: str
    begins: int
    ends: int
    needs: tuple[str, ...]
    pays: str = ""  # "image" or "palettes"
    makes: str = ""  # what its checkpoint says to be in staging
    keeps: str = ""  # what it paid for, in staging before its checkpoint
    reads: str = ""  # what it takes from there


class Message(NamedTuple):
    """A message of the broker: ready at `at` seconds from now."""

    task: str
    name: str  # START, or a step
    run: int
    at: float = 0.0
    is_old: bool = False  # taken by a worker of the previous version
    is_queued: bool = False  # lies in a queue although it is not taken yet: every slot is busy


class Execution(NamedTuple):
    """One delivery at work: what it does next, and until when it does nothing."""

    task: str
    name: str
    run: int
    owner: str
    phase: str
    until: float = 0.0
    is_frozen: bool = False  # no heartbeat while it does nothing
    is_kept: bool = False  # its lease is extended
    is_old: bool = False
    has_message: bool = True  # the broker gives it back when this one dies
    paid: bool = False  # an answer in hand that nobody else has


class Housekeeper(NamedTuple):
    """One round of `reconcile`: what it does next, and the tasks that it has in hand."""

    phase: str
    tasks: tuple[str, ...] = ()


class Bill(NamedTuple):
    """How many paid calls of one kind a task may still make. Below zero, one was made without a reason."""

    task: str
    endpoint: str
    left: int


class World(NamedTuple):
    """Everything at one moment."""

    kind: str  # of its tasks
    state: str  # of the database
    messages: tuple[Message, ...] = ()
    executions: tuple[Execution, ...] = ()
    housekeepers: tuple[Housekeeper, ...] = ()
    chords: tuple[tuple[str, int, str], ...] = ()  # task, run, step of a header that is counted
    staged: frozenset[tuple[str, str]] = frozenset()  # task, name
    bucket: frozenset[str] = frozenset()  # tasks whose base picture lies there
    bills: tuple[Bill, ...] = ()
    reconcile_in: float = RECONCILE
    excused: frozenset[str] = frozenset()  # tasks that a user or the deadline ended, or deleted
    unknowns: frozenset[tuple[str, int]] = frozenset()  # answers lost at the provider, a task
    is_late: bool = False  # a round of housekeeping has ended after everything else

    @property
    def tasks(self) -> dict[str, dict[str, object]]:
        return _tasks_of(self.state)

    def status(self, task: str) -> str | None:
        row = self.tasks.get(task)
        return None if row is None else str(row["status"])


@lru_cache(maxsize=200_000)
def rows_of(state: str, table: str) -> tuple[dict[str, object], ...]:
    """The rows of one table in a state."""
    return tuple(json.loads(state)[table])


@lru_cache(maxsize=200_000)
def _tasks_of(state: str) -> dict[str, dict[str, object]]:
    return {str(row["id"]): row for row in rows_of(state, "tasks")}


@lru_cache(maxsize=200_000)
def after(state: str, seconds: float) -> str:
    """The same rows, so many seconds later."""
    found = json.loads(state)
    for row in [*found["tasks"], *found["steps"]]:
        for name in ("lease", "enqueued", "created"):
            if isinstance(row.get(name), float | int):
                row[name] = round(row[name] - seconds, 3)
        if row.get("created") is not None:
            row["created"] = max(row["created"], -PENDING - 1)
    return canonical(found)


def sort_world(world: World) -> World:
    """The one spelling of a world."""
    return world._replace(
        messages=tuple(sorted(world.messages)),
        executions=tuple(sorted(world.executions)),
        housekeepers=tuple(sorted(world.housekeepers)),
    )


def canonical_start(kind: str) -> str:
    """The database with one pending task."""
    task = {
        "id": "a", "type": kind, "status": "pending", "stage": None, "progress": 0, "run": 0, "lease": None,
        "enqueued": None, "created": 0, "result": False, "error": None, "waits": False,
    }  # fmt: skip
    return canonical({"tasks": [task], "steps": [], "concepts": []})
