"""Small changes of a world: what a move or a fault leaves behind."""

from __future__ import annotations

from typing import Any

from tests.prove.world import Bill, Execution, Housekeeper, Message, World


def again(world: World, was: Execution, seconds: float) -> World:
    """Its message comes back after so many seconds, and this delivery is over."""
    message = Message(was.task, was.name, was.run, round(seconds, 3), is_old=was.is_old)
    return without(world, was)._replace(messages=(*but(world.messages), message))


def changed(world: World, was: Execution, now: Execution) -> World:
    """The world with an execution that has moved."""
    return world._replace(executions=(*but(world.executions, was), now))


def without(world: World, gone: Message | Execution) -> World:
    """The world without it."""
    if isinstance(gone, Message):
        return world._replace(messages=but(world.messages, gone))
    return world._replace(executions=but(world.executions, gone))


def rehoused(world: World, was: Housekeeper, now: Housekeeper) -> World:
    """The world with a housekeeper that has moved."""
    return world._replace(housekeepers=(*but(world.housekeepers, was), now))


def spent(world: World, task: str, endpoint: str, change: int) -> World:
    """The bill after a paid call (-1), or after a fault that allows another one (+1)."""
    bills = {(one.task, one.endpoint): one.left for one in world.bills}
    bills[task, endpoint] = min(bills.get((task, endpoint), 1) + change, 3)
    return world._replace(bills=tuple(Bill(*key, left) for key, left in sorted(bills.items())))


def unstaged(world: World, task: str) -> World:
    """Nothing waits in staging for the task."""
    return world._replace(staged=frozenset(one for one in world.staged if one[0] != task))


def discarded(world: World, task: str) -> World:
    """Nothing of a canceled task is left, neither in staging nor in the bucket."""
    return unstaged(world, task)._replace(bucket=world.bucket - {task})


def released(world: World, task: str) -> World:
    """A failed task keeps its paid picture in the bucket, for a retry."""
    kept = {task} if (task, "base") in world.staged else set()
    return unstaged(world, task)._replace(bucket=world.bucket | kept)


def but(sequence: tuple[Any, ...], *gone: Any) -> tuple[Any, ...]:
    """Return the sequence without these."""
    left = list(sequence)
    for one in gone:
        left.remove(one)
    return tuple(left)
