"""One delivery of a step's message, from the claim to the next message, as `run_step` and the tasks go."""

from __future__ import annotations

from tests.prove.changes import again, changed, discarded, released, spent, unstaged, without
from tests.prove.plans import is_header, maker_of, next_of
from tests.prove.verbs import Verbs, quoted
from tests.prove.world import (
    ATTEMPTS,
    LEASE,
    MAX_RUNS,
    RETRY,
    START,
    UNKNOWNS,
    Execution,
    Message,
    World,
    rows_of,
)

# Phases of an execution, of which the earliest goes first.
PHASES = ("claim", "begin", "find", "pay", "stage", "work", "write", "finish", "wait", "lost", "fail", "forget", "send")
VERB_PHASES = frozenset({"claim", "begin", "write", "finish", "lost", "forget", "fail"})
_HELD = 5.0  # seconds: the cap of a held step's wait


class Executions:
    """The moves of executions."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def advance(self, world: World, execution: Execution) -> World:
        """The execution's next move."""
        move = getattr(self, f"_{execution.phase}")
        moved: World = move(world, execution._replace(until=0.0, is_frozen=False), execution)
        return moved

    def _claim(self, world: World, now: Execution, was: Execution) -> World:
        answer = self._verbs.call(world, "claim_task", now.task, "null", LEASE, MAX_RUNS)
        world = world._replace(state=answer.state)
        if not answer.rows:
            return without(world, was)
        return changed(world, was, now._replace(phase="send", run=answer.rows[0]["run"]))

    def _begin(self, world: World, now: Execution, was: Execution) -> World:
        answer = self._verbs.begin(world, now)
        world = world._replace(state=answer.state)
        begun = answer.rows[0]
        match begun["outcome"]:
            case "go":
                return changed(world, was, now._replace(phase=self._first_phase(world, now), is_kept=True))
            case "done":
                return changed(world, was, now._replace(phase="send"))
            case "held":
                return again(world, was, min(max(float(begun["seconds"]), 0.001), _HELD))
            case "poison":
                return changed(world, was, now._replace(phase="fail"))
            case "stale" if begun["status"] in (None, "canceled"):
                return without(discarded(world, now.task), was)
        return without(world, was)

    def _first_phase(self, world: World, execution: Execution) -> str:
        plan = self._verbs.plan(world, execution)
        if execution.name == "store_concept":
            return "write"
        return "find" if plan.keeps else "work"

    def _find(self, world: World, now: Execution, was: Execution) -> World:
        """Look for what an earlier execution paid for."""
        is_there = (now.task, self._verbs.plan(world, now).keeps) in world.staged
        return changed(world, was, now._replace(phase="finish" if is_there else "work"))

    def _work(self, world: World, now: Execution, was: Execution) -> World:
        """Read what is needed from staging, then do what is not paid for."""
        plan = self._verbs.plan(world, now)
        if plan.reads and not self._can_read(world, now.task, plan.reads):
            return changed(world, was, now._replace(phase="lost"))
        if plan.pays:
            return changed(world, was, now._replace(phase="pay"))
        if plan.makes:
            world = world._replace(staged=world.staged | {(now.task, plan.makes)})
        if now.name == "store_base_image":
            world = world._replace(bucket=world.bucket | {now.task})
        return changed(world, was, now._replace(phase="finish"))

    @staticmethod
    def _can_read(world: World, task: str, name: str) -> bool:
        """Whether the bytes of the maker's checkpoint are there: that of a retry may refer to the first task's."""
        maker = maker_of(world.kind, name)
        outputs = [
            row["output"] for row in rows_of(world.state, "steps") if (row["task"], row["step"]) == (task, maker)
        ]
        owner = str(outputs[0])[0] if outputs and outputs[0] else task
        return (owner, name) in world.staged or (name == "base" and owner in world.bucket)

    def _pay(self, world: World, now: Execution, was: Execution) -> World:
        plan = self._verbs.plan(world, now)
        world = spent(world, now.task, plan.pays, -1)
        return changed(world, was, now._replace(phase="stage", paid=True))

    def _stage(self, world: World, now: Execution, was: Execution) -> World:
        world = world._replace(staged=world.staged | {(now.task, self._verbs.plan(world, now).keeps)})
        return changed(world, was, now._replace(phase="finish", paid=False))

    def _write(self, world: World, now: Execution, was: Execution) -> World:
        """Store the concept: the verb that completes the row."""
        answer = self._verbs.store(world, now)
        world = world._replace(state=answer.state)
        if answer.rows[0] is None:
            return without(world, was)
        return changed(world, was, now._replace(phase="finish"))

    def _finish(self, world: World, now: Execution, was: Execution) -> World:
        answer = self._verbs.finish(world, now)
        world = world._replace(state=answer.state)
        finished = answer.rows[0]
        if finished["status"] in (None, "canceled"):
            world = discarded(world, now.task)
        elif finished["status"] == "completed":
            world = unstaged(world, now.task)
        elif finished["status"] == "failed":
            world = released(world, now.task)
        if not finished["current"]:
            return without(world, was)
        return changed(world, was, now._replace(phase="send", is_kept=False, paid=False))

    def _wait(self, world: World, now: Execution, was: Execution) -> World:
        """Plan another try after trouble that passes."""
        return self.wait(world, was, is_attempt=True, delay=RETRY)

    def wait(self, world: World, was: Execution, *, is_attempt: bool, delay: float, is_unknown: bool = False) -> World:
        """Release the step visibly; its message comes back after the delay."""
        answer = self._verbs.release(world, was, is_attempt=is_attempt, delay=delay, is_unknown=is_unknown)
        world = world._replace(state=answer.state)
        waits = answer.rows[0]
        if waits["current"]:
            used_up = waits["unknowns"] > UNKNOWNS if is_unknown else waits["attempts"] >= ATTEMPTS
            return changed(world, was, was._replace(phase="fail")) if used_up else again(world, was, delay)
        if waits["status"] in (None, "canceled"):
            world = discarded(world, was.task)
            return again(world, was, delay) if self._verbs.plan(world, was).pays else without(world, was)
        return again(world, was, delay)

    def _lost(self, world: World, now: Execution, was: Execution) -> World:
        """Staged bytes are gone: release the step, then forget the checkpoint that promised them."""
        answer = self._verbs.release(world, was, is_attempt=False, delay=0.0)
        return changed(world._replace(state=answer.state), was, now._replace(phase="forget", is_kept=False))

    def _forget(self, world: World, now: Execution, was: Execution) -> World:
        maker = maker_of(world.kind, self._verbs.plan(world, now).reads)
        answer = self._verbs.call(world, "forget_steps", now.task, now.run, f"array[{quoted(maker)}]")
        return without(world._replace(state=answer.state), was)

    def _fail(self, world: World, now: Execution, was: Execution) -> World:
        answer = self._verbs.call(
            world, "transition_task", now.task, now.run, quoted("failed"), "null", quoted("given up"), LEASE
        )
        world = world._replace(state=answer.state)
        return without(released(world, now.task) if answer.rows else world, was)

    def _send(self, world: World, now: Execution, was: Execution) -> World:
        """Send what follows, and acknowledge."""
        world = without(world, was)
        if is_header(now.name):
            return _counted(world, now)
        following = next_of(world.kind, None if now.name == START else now.name)
        fresh = tuple(Message(now.task, name, now.run, is_old=now.is_old) for name in following)
        return world._replace(messages=(*world.messages, *fresh))


def _counted(world: World, now: Execution) -> World:
    """A header has ended; with the last one the body's message is sent, and the count is gone."""
    counts = {*world.chords, (now.task, now.run, now.name)}
    mine = {one for one in counts if one[:2] == (now.task, now.run)}
    if len(mine) < 2:
        return world._replace(chords=tuple(sorted(counts)))
    body = [Message(now.task, name, now.run, is_old=now.is_old) for name in next_of(world.kind, now.name)]
    return world._replace(chords=tuple(sorted(counts - mine)), messages=(*world.messages, *body))
