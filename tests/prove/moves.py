"""What happens next without a fault: one small move at a time.

Everything that can run at once runs at once: messages are taken before anything else, and executions go on in lockstep.
"""

from __future__ import annotations

from tests.prove.changes import changed, without
from tests.prove.database import Database
from tests.prove.executions import PHASES, Executions
from tests.prove.housekeeping import ROUND, Housekeeping
from tests.prove.verbs import Verbs, quoted
from tests.prove.world import (
    LEASE,
    OPEN,
    RECONCILE,
    START,
    Execution,
    Housekeeper,
    Message,
    World,
    after,
    rows_of,
    sort_world,
)


class Mover:
    """The course of things."""

    def __init__(self, database: Database) -> None:
        self.verbs = Verbs(database)
        self.executions = Executions(self.verbs)
        self.housekeeping = Housekeeping(self.verbs)

    def next_actor(self, world: World) -> Message | Execution | Housekeeper | None:
        """Who moves next; None: time passes."""
        ready = [one for one in world.messages if one.at <= 0]
        if ready:
            return min(ready)
        able = [one for one in world.executions if one.until <= 0]
        if able:
            return min(able, key=lambda one: (PHASES.index(one.phase), one))
        if world.housekeepers:
            return min(world.housekeepers, key=lambda one: (ROUND.index(one.phase), one))
        return None

    def is_over(self, world: World) -> bool:
        """Whether nothing is left to happen."""
        return world.is_late and not (world.messages or world.executions or world.housekeepers)

    def step(self, world: World) -> World:
        """The next moment."""
        match self.next_actor(world):
            case Message() as message:
                moved = self.deliver(world, message)
            case Execution() as execution:
                moved = self.executions.advance(world, execution)
            case Housekeeper() as housekeeper:
                moved = self.housekeeping.advance(world, housekeeper)
            case None:
                moved = self.pass_time(world)
        return sort_world(moved)

    def deliver(self, world: World, message: Message) -> World:
        """A worker takes the message."""
        phase = "claim" if message.name == START else "begin"
        taken = Execution(message.task, message.name, message.run, _owner(world, message), phase, is_old=message.is_old)
        return without(world, message)._replace(executions=(*world.executions, taken))

    def pass_time(self, world: World) -> World:
        """To the next thing that is due; who lives says so meanwhile."""
        is_open = any(row["status"] in OPEN for row in rows_of(world.state, "tasks"))
        due = [one.at for one in world.messages] + [one.until for one in world.executions]
        if is_open or not due:
            due.append(world.reconcile_in)
        seconds = max(0.001, min(due))
        moved = world._replace(
            state=after(world.state, seconds),
            messages=tuple(one._replace(at=_less(one.at, seconds)) for one in world.messages),
            executions=tuple(one._replace(until=_less(one.until, seconds)) for one in world.executions),
            reconcile_in=world.reconcile_in - seconds,
        )
        for execution in moved.executions:
            if execution.is_kept and not (execution.is_frozen and execution.until > 0):
                moved = self._heartbeat(moved, execution)
        if moved.reconcile_in <= 0:
            moved = moved._replace(reconcile_in=RECONCILE, housekeepers=(*moved.housekeepers, Housekeeper("dead")))
        return moved

    def _heartbeat(self, world: World, execution: Execution) -> World:
        answer = self.verbs.call(
            world,
            "extend_step",
            execution.task,
            execution.run,
            quoted(execution.name),
            quoted(execution.owner),
            LEASE,
        )
        kept = execution._replace(is_kept=bool(answer.rows[0]))
        return changed(world._replace(state=answer.state), execution, kept)


def _owner(world: World, message: Message) -> str:
    """A name that no living execution of this step has, nor the row."""
    taken = {one.owner for one in world.executions if (one.task, one.name) == (message.task, message.name)}
    taken |= {
        str(row["owner"])
        for row in rows_of(world.state, "steps")
        if (row["task"], row["step"]) == (message.task, message.name)
    }
    return next(name for name in "ABCDEFGHIJ" if name not in taken)


def _less(value: float, seconds: float) -> float:
    return max(0.0, round(value - seconds, 3))
