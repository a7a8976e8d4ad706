"""One schedule, move by move: what a violation's line says, pasted back."""

from __future__ import annotations

from collections.abc import Iterator

from tests.prove.database import Database
from tests.prove.faults import Faults
from tests.prove.moves import Mover
from tests.prove.properties import broken_at, broken_between
from tests.prove.search import first_world
from tests.prove.world import World, rows_of


def parse(schedule: str) -> list[tuple[int, str]]:
    """`"10 worker dies; 12 user cancels a"` as moves and faults.

    Raises:
        ValueError: a part does not begin with the number of a move.
    """
    parts = [part.strip().partition(" ") for part in schedule.split(";") if part.strip()]
    return [(int(at), fault) for at, _, fault in parts]


def replay(database: Database, kind: str, schedule: str, *, most: int = 400) -> Iterator[str]:
    """A line for each move, with what is broken, until everything is over.

    Raises:
        LookupError: a fault cannot happen at its move.
    """
    mover, faults = Mover(database), parse(schedule)
    world, moves = first_world(kind), 0
    while moves < most:
        while faults and faults[0][0] == moves:
            world = _with_fault(mover, world, faults.pop(0)[1])
            yield f"{moves:4} FAULT, now {_rows(world)}"
        actor, is_over = mover.next_actor(world), mover.is_over(world)
        yield f"{moves:4} {_words(actor)}"
        found = broken_at(world, is_over=is_over)
        if not is_over:
            world, before = mover.step(world), world
            found = found or broken_between(before, world)
        if found:
            yield f"     BROKEN {found[0]}: {found[1]}"
        if is_over:
            return
        if world.state != before.state:
            yield f"     {_rows(world)}"
        moves += 1
    yield f"     BROKEN every_row_ends: not after {most} moves"


def _with_fault(mover: Mover, world: World, wanted: str) -> World:
    choices = dict(Faults(mover).at(world))
    if wanted not in choices:
        raise LookupError(f"{wanted!r} cannot happen here; what can: {', '.join(sorted(choices))}")
    return choices[wanted]


def _words(actor: object) -> str:
    if actor is None:
        return "time passes"
    fields = [str(value) for value in actor if value not in (False, 0.0, "")]  # type: ignore[attr-defined]
    return f"{type(actor).__name__.lower()} {' '.join(fields)}"


def _rows(world: World) -> str:
    tasks = [
        f"{row['id']} {row['status']} {row['progress']}% run {row['run']} lease {row['lease']}"
        for row in rows_of(world.state, "tasks")
    ]
    steps = [
        f"{row['task']}.{row['step']} {row['state']} {row['owner']} {row['lease'] or ''}".rstrip()
        for row in rows_of(world.state, "steps")
    ]
    return f"{'; '.join([*tasks, *steps])}; staged {sorted(world.staged)}; bills {[tuple(one) for one in world.bills]}"
