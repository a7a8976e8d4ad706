"""One round of `reconcile`, between its SQL verbs."""

from __future__ import annotations

from tests.prove.changes import but, rehoused, released, unstaged
from tests.prove.database import Answer
from tests.prove.verbs import Verbs, ids
from tests.prove.world import LEASE, MAX_RUNS, OPEN, PENDING, START, Housekeeper, Message, World, rows_of

ROUND = ("dead", "stalled", "resume", "send", "release")
_BATCH = 200
_THEN_STALLED = "|"  # among the tasks to send: the round goes on with those that look stalled


class Housekeeping:
    """The moves of housekeepers."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def advance(self, world: World, one: Housekeeper) -> World:
        """Return the world after the next move of one round."""
        match one.phase:
            case "dead":
                answer = self._verbs.call(world, "resume_dead_tasks", None, PENDING, MAX_RUNS, _BATCH)
                return rehoused(
                    world._replace(state=answer.state), one, Housekeeper("send", (*_tasks(answer), _THEN_STALLED))
                )
            case "send":
                return rehoused(_started(world, one.tasks), one, _behind(one))
            case "stalled":
                answer = self._verbs.call(world, "stalled_tasks", None, PENDING, _BATCH)
                return rehoused(world._replace(state=answer.state), one, Housekeeper("resume", _tasks(answer)))
            case "resume":
                return self._resume(world, one)
        ended = [task for task, _ in world.staged if world.status(task) not in OPEN]
        for task in ended:
            world = released(world, task) if world.status(task) == "failed" else unstaged(world, task)
        left = world._replace(housekeepers=but(world.housekeepers, one))
        is_quiet = not any(row["status"] in OPEN for row in rows_of(left.state, "tasks"))
        return left._replace(is_late=is_quiet and not (left.messages or left.executions or left.housekeepers))

    def _resume(self, world: World, one: Housekeeper) -> World:
        """Hold what waits in a queue; take the others in order to enqueue them."""
        queued = {message.task for message in world.messages if message.at <= 0 or message.is_queued}
        waiting = sorted(set(one.tasks) & queued)
        if waiting:
            answer = self._verbs.call(world, "hold_tasks", None, ids(waiting), LEASE)
            world = world._replace(state=answer.state)
        others = sorted(set(one.tasks) - queued)
        if not others:
            return rehoused(world, one, Housekeeper("release"))
        answer = self._verbs.call(world, "resume_tasks", None, ids(others), PENDING, MAX_RUNS)
        return rehoused(world._replace(state=answer.state), one, Housekeeper("send", _tasks(answer)))


def _started(world: World, tasks: tuple[str, ...]) -> World:
    fresh = tuple(Message(task, START, 0) for task in tasks if task != _THEN_STALLED)
    return world._replace(messages=(*world.messages, *fresh))


def _behind(one: Housekeeper) -> Housekeeper:
    return Housekeeper("stalled" if _THEN_STALLED in one.tasks else "release")


def _tasks(answer: Answer) -> tuple[str, ...]:
    return tuple(row["id"][-1] for row in answer.rows if row["status"] in OPEN)
