"""The promises of docs/reliability.md, one function each: at every moment, from one to the next, at the end.

Each answers with what is wrong, in words, or with nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.prove.plans import plan_of
from tests.prove.world import TERMINAL, VARIATIONS, World, rows_of

_RANK = {"pending": 0, "processing": 1, "completed": 2, "failed": 2, "canceled": 2}


def a_completed_row_has_one_concept(world: World) -> str:
    """2. A completed run is complete, in the same transaction."""
    concepts = {row["task"]: row for row in rows_of(world.state, "concepts")}
    for task, row in world.tasks.items():
        concept = concepts.get(task)
        if row["status"] == "completed":
            if concept is None or not concept["is_result"] or concept["variations"] != VARIATIONS:
                return f"{task} is completed and its concept is {concept}"
            if row["progress"] != 100:
                return f"{task} is completed at {row['progress']} percent"
        elif concept is not None:
            return f"{task} is {row['status']} and has a concept"
        elif row["progress"] == 100:
            return f"{task} is {row['status']} at 100 percent"
    return ""


def nothing_is_paid_without_a_reason(world: World) -> str:
    """3. What was paid for is kept."""
    for bill in world.bills:
        if bill.left < 0:
            return f"{bill.endpoint} of {bill.task} paid for once too often"
    return ""


def one_execution_at_a_step(world: World) -> str:
    """A step is taken over when its own lease is over, never before: no two living executions pay for one thing."""
    at_work: dict[tuple[str, str], str] = {}
    for one in world.executions:
        if one.is_kept and not one.is_frozen and one.phase in ("find", "work", "pay", "stage", "write"):
            other = at_work.setdefault((one.task, one.name), one.owner)
            if other != one.owner:
                return f"{one.name} of {one.task} is done by two living executions"
    return ""


def a_processing_row_has_a_lease(world: World) -> str:
    """1. Whatever is under way ends or is found."""
    for task, row in world.tasks.items():
        if (row["status"] == "processing") != (row["lease"] is not None) and row["status"] != "pending":
            return f"{task} is {row['status']} with lease {row['lease']}"
    return ""


def rows_go_forward(before: World, now: World) -> str:
    """5. A terminal row never changes; status, run and progress only grow."""
    for task, row in now.tasks.items():
        was = before.tasks.get(task)
        if was is None:
            continue
        if was["status"] in TERMINAL:
            if {**was, "lease": 0} != {**row, "lease": 0}:
                return f"{task} changed though it was {was['status']}"
        elif _RANK[str(row["status"])] < _RANK[str(was["status"])]:
            return f"{task} went from {was['status']} to {row['status']}"
        elif int(str(row["progress"])) < int(str(was["progress"])) or int(str(row["run"])) < int(str(was["run"])):
            return f"{task} went back in progress or run"
    return ""


def the_first_output_wins(before: World, now: World) -> str:
    """A checkpoint never changes; it goes only when its bytes are gone."""
    kept = {
        (row["task"], row["step"]): row["output"] for row in rows_of(before.state, "steps") if row["state"] == "done"
    }
    for row in rows_of(now.state, "steps"):
        was = kept.get((row["task"], row["step"]))
        if was is not None and row["output"] is not None and row["output"] != was:
            return f"the checkpoint of {row['step']} changed"
    return ""


def a_step_begins_in_its_turn(before: World, now: World) -> str:
    """3. A step begins for the current run of a task that goes on, and when what it works on is done."""
    begin = {(one.task, one.name, one.owner) for one in before.executions if one.phase == "begin"}
    done = {(row["task"], row["step"]) for row in rows_of(now.state, "steps") if row["state"] == "done"}
    for one in now.executions:
        if (one.task, one.name, one.owner) not in begin or one.phase not in ("find", "work", "write"):
            continue
        row = now.tasks.get(one.task)
        if row is None or row["status"] not in ("processing", "completed") or row["run"] != one.run:
            return f"{one.name} of {one.task} begins in run {one.run} of {row}"
        missing = [name for name in plan_of(now.kind)[one.name].needs if (one.task, name) not in done]
        if missing and not one.is_old:
            return f"{one.name} of {one.task} begins without {missing}"
    return ""


def every_row_ends(world: World) -> str:
    """1. Every accepted row ends, and without a user's wish or a used-up limit it ends well."""
    for task, row in world.tasks.items():
        if row["status"] not in TERMINAL:
            return f"{task} is {row['status']} for ever"
        lost_twice = sum(one[0] == task for one in world.unknowns) > 1
        if row["status"] == "failed" and task not in world.excused and not lost_twice:
            return f"{task} failed: {row['error']}"
        if row["status"] == "canceled" and task not in world.excused:
            return f"{task} is canceled and nobody asked for it"
    return ""


def nothing_is_left_behind(world: World) -> str:
    """4. No litter: staging is empty when everything is over."""
    return f"staged bytes are left: {sorted(world.staged)}" if world.staged else ""


AT_A_MOMENT: tuple[Callable[[World], str], ...] = (
    a_completed_row_has_one_concept,
    a_processing_row_has_a_lease,
    nothing_is_paid_without_a_reason,
    one_execution_at_a_step,
)
BETWEEN_TWO: tuple[Callable[[World, World], str], ...] = (
    rows_go_forward,
    the_first_output_wins,
    a_step_begins_in_its_turn,
)
AT_THE_END: tuple[Callable[[World], str], ...] = (every_row_ends, nothing_is_left_behind)


def broken_at(world: World, *, is_over: bool) -> tuple[str, str] | None:
    """The first property that does not hold now, by its name and in words."""
    checks = (*AT_A_MOMENT, *(AT_THE_END if is_over else ()))
    return next(((check.__name__, words) for check in checks if (words := check(world))), None)


def broken_between(before: World, now: World) -> tuple[str, str] | None:
    """The first property that does not hold from one moment to the next; rows that did not change are not judged."""
    if before.state == now.state:
        return None
    return next(((check.__name__, words) for check in BETWEEN_TWO if (words := check(before, now))), None)
