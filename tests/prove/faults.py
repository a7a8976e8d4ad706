"""What may go wrong, and when: each fault stands in the place of the move that was next, or comes just before it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.prove.changes import again, changed, spent, without
from tests.prove.executions import VERB_PHASES
from tests.prove.moves import Mover
from tests.prove.plans import reusable
from tests.prove.world import (
    CRASH,
    DAY,
    GENERATION,
    OPEN,
    PAUSE,
    START,
    VISIBILITY,
    Bill,
    Execution,
    Housekeeper,
    Message,
    World,
    rows_of,
    sort_world,
)

Fault = tuple[str, World]
_PAYING = frozenset({"pay", "stage"})


class Faults:
    """Everything that may go wrong at one moment."""

    def __init__(self, mover: Mover) -> None:
        self._mover = mover

    def at(self, world: World) -> Iterator[Fault]:
        """Each fault by its name, with the moment behind it."""
        actor = self._mover.next_actor(world)
        for name, moved in self._of(world, actor):
            yield name, sort_world(moved)
        if actor is not None or world.executions:
            for name, moved in self._around(world):
                yield name, sort_world(moved)

    def _of(self, world: World, actor: Message | Execution | Housekeeper | None) -> Iterator[Fault]:
        match actor:
            case Message():
                yield from self._of_message(world, actor)
            case Execution():
                yield from self._of_execution(world, actor)
            case Housekeeper():
                yield from self._of_housekeeper(world, actor)

    @staticmethod
    def _of_message(world: World, one: Message) -> Iterator[Fault]:
        left = without(world, one)

        def more(*fresh: Message) -> World:
            return left._replace(messages=(*left.messages, *fresh))

        yield "message lost", left
        yield "message twice", more(one, one)
        yield "message twice, later", more(one, one._replace(at=PAUSE))
        yield "message a day late", more(one._replace(at=DAY, is_queued=False))
        yield "no slot free", more(one._replace(at=PAUSE, is_queued=True))
        if not one.is_old and one.name != START:
            yield "previous version takes it", more(one._replace(is_old=True))

    def _of_execution(self, world: World, one: Execution) -> Iterator[Fault]:
        plan = None if one.name == START else self._mover.verbs.plan(world, one)
        pays = plan.pays if plan else ""
        yield "worker dies", _dead(world, one, pays, VISIBILITY)
        yield "child dies", _dead(world, one, pays, CRASH)
        yield "frozen", _frozen(world, one, pays, PAUSE)
        yield "frozen for long", _frozen(world, one, pays, 10 * PAUSE)
        yield "slow", changed(world, one, one._replace(until=PAUSE))
        if one.phase in VERB_PHASES:
            yield "answer lost", self._answer_lost(world, one)
        if plan and one.phase in ("find", "pay", "work", "stage"):
            stands = _hand_over(world, one, pays)
            yield "handed back", self._mover.executions.wait(stands, one, is_attempt=False, delay=0.0)
            if one.phase in ("pay", "work"):
                yield "trouble that passes", changed(world, one, one._replace(phase="wait"))
                yield "waits at the door", self._mover.executions.wait(world, one, is_attempt=False, delay=PAUSE)
            if one.phase == "pay":
                paid = spent(spent(world, one.task, pays, -1), one.task, pays, +1)._replace(
                    unknowns=world.unknowns | {(one.task, len(world.unknowns))}
                )
                yield (
                    "answer lost at the provider",
                    self._mover.executions.wait(paid, one, is_attempt=True, delay=2.0, is_unknown=True),
                )

    def _answer_lost(self, world: World, one: Execution) -> World:
        """The verb was executed, and its caller does not know."""
        mover = self._mover
        match one.phase:
            case "claim":
                state = mover.verbs.call(world, "claim_task", one.task, "null", 60.0, 10).state
                return again(world._replace(state=state), one, 2.0)
            case "begin":
                state = mover.verbs.begin(world, one).state
                return mover.executions.wait(world._replace(state=state), one, is_attempt=True, delay=2.0)
        return mover.executions.advance(_executed(mover, world, one), one)  # these are asked again at once

    def _of_housekeeper(self, world: World, one: Housekeeper) -> Iterator[Fault]:
        left = list(world.housekeepers)
        left.remove(one)
        gone = world._replace(housekeepers=tuple(left))
        yield "housekeeper dies", gone
        if one.phase in ("dead", "stalled", "resume"):
            state = self._mover.housekeeping.advance(world, one).state
            yield "answer lost to the housekeeper", gone._replace(state=state)

    def _around(self, world: World) -> Iterator[Fault]:
        """Faults that nobody in particular meets."""
        if world.messages or world.executions or world.chords:
            away = tuple(one._replace(has_message=False) for one in world.executions)
            yield "broker forgets", world._replace(messages=(), chords=(), executions=away)
        for task, name in sorted(world.staged):
            yield f"staging loses {name}", _unstaged(world, task, name)
        if len(world.housekeepers) == 1:
            yield "another housekeeper", world._replace(housekeepers=(*world.housekeepers, Housekeeper("dead")))
        for task, row in sorted(world.tasks.items()):
            if row["status"] in OPEN:
                yield f"user cancels {task}", self._canceled(world, task)
                yield f"deadline of {task}", self._expired(world, task)
            elif row["status"] in ("failed", "canceled") and len(world.tasks) == 1:
                yield f"user retries {task}", self._retried(world, task)
            yield f"user deletes {task}", self._deleted(world, task)

    def _canceled(self, world: World, task: str) -> World:
        answer = self._mover.verbs.call(world, "transition_task", task, "null", "'canceled'", "null", "null", 60.0)
        return self._unwanted(world, task)._replace(state=answer.state)

    def _unwanted(self, world: World, task: str) -> World:
        """The task is canceled or deleted: what it staged goes, under an execution that was about to find it."""
        for one in world.executions:
            plan = None if one.name == START else self._mover.verbs.plan(world, one)
            if (
                plan
                and one.task == task
                and one.phase in ("find", "work", "pay")
                and (task, plan.keeps) in world.staged
            ):
                world = spent(world, task, plan.pays, +1)
        return world._replace(excused=world.excused | {task})

    def _expired(self, world: World, task: str) -> World:
        """Only rows that are older than no time at all: all of them."""
        answer = self._mover.verbs.call(world, "expire_tasks", None, -1.0)
        return world._replace(state=answer.state, excused=world.excused | set(world.tasks))

    def _deleted(self, world: World, task: str) -> World:
        answer = self._mover.verbs.call(world, "delete_row", task)
        return self._unwanted(world, task)._replace(state=answer.state)

    def _retried(self, world: World, task: str) -> World:
        steps = "array[" + ",".join(f"'{one}'" for one in reusable(world.kind, str(world.tasks[task]["status"]))) + "]"
        user = "(select id from auth.users limit 1)"
        answer = self._mover.verbs.call(world, "retry_task", task, user, steps, "prove.id('b')")
        done = {
            str(row["step"]) for row in rows_of(answer.state, "steps") if row["task"] == "b" and row["state"] == "done"
        }
        maker = "generate_base_image" if world.kind == GENERATION else "refine_image"
        has_picture = maker in done and ((task, "base") in world.staged or task in world.bucket)
        fresh = (
            Bill("b", "image", 0 if has_picture else 1),
            Bill("b", "palettes", int("generate_palettes" not in done)),
        )
        return world._replace(
            state=answer.state,
            messages=(*world.messages, Message("b", START, 0)),
            is_late=False,
            bills=(*world.bills, *fresh),
        )


def _executed(mover: Mover, world: World, one: Execution) -> World:
    """The database after the verb of this phase."""
    match one.phase:
        case "finish":
            return world._replace(state=mover.verbs.finish(world, one).state)
        case "write":
            return world._replace(state=mover.verbs.store(world, one).state)
        case "lost":
            return world._replace(state=mover.verbs.release(world, one, is_attempt=False, delay=0.0).state)
    state = mover.executions.advance(world, one).state
    return world._replace(state=state)


def _dead(world: World, one: Execution, pays: str, seconds: float) -> World:
    """The process ends; the broker gives its message to another one after a while."""
    left = _hand_over(world, one, pays)
    message = Message(one.task, one.name, one.run if one.name != START else 0, seconds, is_old=one.is_old)
    left = without(left, one)
    return left._replace(messages=(*left.messages, message)) if one.has_message else left


def _frozen(world: World, one: Execution, pays: str, seconds: float) -> World:
    """The process stands still and wakes later, when others may have gone on in its place."""
    asleep = one._replace(until=seconds, is_frozen=True)
    return changed(_hand_over(world, one, pays, is_certain=True), one, asleep)


def _hand_over(world: World, one: Execution, pays: str, *, is_certain: bool = False) -> World:
    """A paid call in hand may be made once more by another execution: the bill's named reason."""
    in_hand = bool(pays) and (one.paid or (is_certain and one.is_kept and one.phase in ("find", "work", *_PAYING)))
    return spent(world, one.task, pays, +1) if in_hand else world


def _unstaged(world: World, task: str, name: str) -> World:
    """What was staged is gone; where only staging had what was paid for, it may be paid for again."""
    lost = world._replace(staged=world.staged - {(task, name)})
    done = {(row["task"], row["step"]) for row in rows_of(world.state, "steps") if row["state"] == "done"}
    if name == "palettes" and (task, "generate_palettes") not in done:
        return spent(lost, task, "palettes", +1)
    return spent(lost, task, "image", +1) if name == "base" and task not in world.bucket else lost
