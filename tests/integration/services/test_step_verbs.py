"""The verbs of a step, at one moment: what each answers, what it writes, and what it leaves alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.services.moment import Moment, at

PAST = at(-1)


def begin(
    moment: Moment, task: UUID, step: str = "here", *, run: int = 1, owner: str = "two", most: int = 4,
    progress: int = 10, kind: str = "null", needs: str = "", takeover: float = 0
) -> dict[str, Any]:  # fmt: skip
    """What `begin_step` answers; a lease is 60 s."""
    answer: dict[str, Any] = moment.value(
        f"""public.begin_step('{task}', {run}, '{step}', '{owner}', {progress}, 60, {most}, {kind},
        '{{{needs}}}', {takeover})"""
    )
    return answer


def with_steps(moment: Moment, status: str = "processing", **columns: str) -> UUID:
    """A task whose steps are in every state."""
    task = moment.task(status, **columns)
    moment.step(task, "here")
    moment.step(task, "beside")
    moment.step(task, "waits", "waiting", receipt="'{\"job\": 1}'")
    moment.step(task, "done", "done")
    return task


BEGIN = "begin_step(':a', {run}, 'here', 'two', 10, 60, 4)"
# A verb that works on one task and its step "here": what makes it possible, of all tasks, and the call.
CALLS = {
    "claim_task": (f"update public.tasks set lease_expires_at = {PAST}", "claim_task(':a', null, 60, 9)"),
    "begin_step": (
        f"update public.task_steps set lease_expires_at = {PAST} where state = 'running'", BEGIN.format(run=1)
    ),
    "begin_step, held": ("update public.tasks set run = 2", BEGIN.format(run=2)),
    "begin_step, poison": (
        f"update public.task_steps set lease_expires_at = {PAST}, interruptions = 4 where state = 'running'",
        BEGIN.format(run=1),
    ),
    "begin_step, last try": (
        f"""update public.task_steps set interruptions = 3 - (step = 'here')::integer,
        lease_expires_at = case when step = 'here' then {PAST} else {at(9)} end where state = 'running'""",
        BEGIN.format(run=1),
    ),
    "extend_step": ("select", "extend_step(':a', 1, 'here', 'one', 90)"),
    "finish_step": ("select", "finish_step(':a', 1, 'here', '7', 20, 60)"),
    "wait_step": ("select", "wait_step(':a', 1, 'here', 'one', 'why', true, 5, 60)"),
    "keep_receipt": ("select", "keep_receipt(':a', 'here', 'one', '7')"),
    "forget_steps": ("update public.task_steps set state = 'done', output = '7' where step = 'here'",
                     "forget_steps(':a', 1, array['here', 'beside'])"),
    "transition_task": ("select", "transition_task(':a', 1, 'failed', null, 'no', 60)"),
    "store_concept": ("select", """store_concept(':a', 1,
        '{"logo_description": "l", "theme_description": "t", "image_path": "i"}', '[]')"""),
    "hold_tasks": ("select", "hold_tasks(array[':a']::uuid[], 90)"),
    "resume_tasks": (f"update public.tasks set lease_expires_at = {PAST}", "resume_tasks(array[':a']::uuid[], 60, 9)"),
    "resume_tasks, given up": (
        f"update public.tasks set lease_expires_at = {PAST}", "resume_tasks(array[':a']::uuid[], 60, 1)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_verb_leaves_the_others_alone(moment: Moment, name: str) -> None:
    """Another task and its steps, and the other steps of its own task, stay to the letter."""
    mine, _ = with_steps(moment), with_steps(moment)
    prepare, call = CALLS[name]
    moment.run(prepare)
    before = moment.everything()
    moment.rows(f"select * from public.{call.replace(':a', str(mine))}")
    after = moment.everything()
    assert before != after

    def others(state: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return [row for row in state["tasks"] if row["id"] != mine] + [
            row for row in state["task_steps"] if (row["task_id"], row["step"]) != (mine, "here")
        ]

    assert others(before) == others(after)


@pytest.mark.parametrize(
    ("status", "columns", "run"),
    [
        ("processing", {}, 2),
        ("processing", {"run": "2"}, 1),
        ("processing", {"lease_expires_at": "'epoch'"}, 1),
        ("pending", {"run": "1"}, 1),
        ("failed", {}, 1),
        ("canceled", {}, 1),
        ("completed", {}, 2),
    ],
)
def test_a_run_that_is_over_begins_nothing(moment: Moment, status: str, columns: dict[str, str], run: int) -> None:
    """It hears how the row is, whose it is, and the receipt of its own step."""
    task = with_steps(moment, status, **columns)
    with_steps(moment, status, **columns)
    before = moment.everything()
    answers = [begin(moment, task, step, run=run) for step in ("waits", "here")]
    stale = {"outcome": "stale", "status": status, "user_id": str(moment.user)}
    assert answers == [stale | {"receipt": {"job": 1}}, stale | {"receipt": None}]
    assert moment.everything() == before


def test_a_deleted_task_begins_nothing(moment: Moment) -> None:
    """Nobody knows whose it was."""
    with_steps(moment)
    assert begin(moment, uuid4()) == {"outcome": "stale", "status": None, "user_id": None, "receipt": None}


def test_a_step_out_of_turn_is_early(moment: Moment) -> None:
    """Its inputs are not done, or not this task's, or the row has another type; nothing is taken."""
    task, other = with_steps(moment), with_steps(moment)
    moment.step(other, "theirs", "done")
    moment.step(task, "released", "waiting", output="'7'")
    before = moment.everything()
    for needs in ("missing", "done,missing", "beside", "theirs", "released", "done,waits"):
        assert begin(moment, task, "new", needs=needs) == {"outcome": "early"}, needs
        assert begin(moment, task, "waits", needs=needs) == {"outcome": "early"}, needs
    assert begin(moment, task, "theirs", needs="missing") == {"outcome": "early"}
    assert begin(moment, task, "new", kind="'concept_refinement'") == {"outcome": "early"}
    assert moment.everything() == before
    assert begin(moment, task, "new", kind="'concept_generation'")["outcome"] == "go"


def test_a_done_step_needs_nothing(moment: Moment) -> None:
    """Its output is there, whatever lease it has; what it was made of may be forgotten."""
    task = with_steps(moment)
    moment.step(task, "with a lease", "done", lease_expires_at=PAST)
    for step in ("done", "with a lease"):
        answer = begin(moment, task, step, needs="missing")
        assert (answer["outcome"], answer["output"]) == ("done", {"of": step})
        assert moment.step_of(task, step)["state"] == "done"


def test_a_step_gets_the_outputs_that_it_needs(moment: Moment) -> None:
    """No others, and of its own task; none is an empty object."""
    task, other = with_steps(moment), with_steps(moment)
    moment.step(task, "unasked", "done")
    moment.run(f"update public.task_steps set output = '8' where task_id = '{other}' and state = 'done'")
    assert begin(moment, task, "new", needs="done")["inputs"] == {"done": {"of": "done"}}
    assert begin(moment, task, "another")["inputs"] == {}
    answer = begin(moment, task, "waits")
    assert (answer["outcome"], answer["receipt"], answer["output"]) == ("go", {"job": 1}, None)


@pytest.mark.parametrize(
    ("lease", "takeover", "seconds"), [(30, 0, 30), (0, 0, 0), (-1, 5, 4), (-5, 5, 0), (-1, 0, None), (-6, 5, None)]
)
def test_a_step_is_held_until_its_lease_is_over(
    moment: Moment, lease: float, takeover: float, seconds: float | None
) -> None:
    """And as long again as another execution keeps it; in the same run its row is not touched."""
    task = moment.task()
    moment.step(task, "here", lease_expires_at=at(lease))
    before = moment.everything()
    answer = begin(moment, task, takeover=takeover)
    if seconds is None:
        step = moment.step_of(task, "here")
        assert answer["outcome"] == "go"
        assert (step["owner"], step["lease"], step["interruptions"], step["tries"]) == ("two", 60, 1, 2)
    else:
        assert (answer["outcome"], answer["seconds"]) == ("held", seconds)
        assert moment.everything() == before


@pytest.mark.parametrize(("row", "step", "lease"), [(10, 20, 80), (10, 100, 120), (500, 20, 500)])
def test_a_new_run_waits_for_the_old_ones_answer(moment: Moment, row: float, step: float, lease: float) -> None:
    """No longer than the lease that it may extend; the row says so."""
    task = moment.task(run="2", lease_expires_at=at(row))
    moment.step(task, "here", lease_expires_at=at(step))
    assert begin(moment, task, run=2)["outcome"] == "held"
    found = moment.row(task)
    assert (found["lease"], found["stage"], found["waits"], found["progress"]) == (lease, "here", True, 0)


@pytest.mark.parametrize("columns", [{}, {"lease_expires_at": PAST, "interruptions": "2"}])
def test_a_completed_row_stays_as_it_is(moment: Moment, columns: dict[str, str]) -> None:
    """Whatever its last step still begins: held, or waiting for its last try."""
    task, other = moment.task("completed", run="2"), moment.task()
    moment.step(task, "here", **columns)
    moment.step(other, "here", interruptions="3", lease_expires_at=at(9))
    row = moment.row(task)
    assert begin(moment, task, run=2)["outcome"] == "held"
    assert moment.row(task) == row


def test_a_waiting_step_was_not_interrupted(moment: Moment) -> None:
    """It is another try of it."""
    task = with_steps(moment)
    begin(moment, task, "waits")
    step = moment.step_of(task, "waits")
    assert (step["interruptions"], step["tries"], step["state"], step["run"]) == (0, 2, "running", 1)


@pytest.mark.parametrize(("before", "outcome"), [(2, "go"), (3, "poison"), (4, "poison")])
def test_a_step_that_was_interrupted_too_often_is_given_up(moment: Moment, before: int, outcome: str) -> None:
    """At the limit, and it is nobody's then."""
    task = moment.task()
    moment.step(task, "here", interruptions=str(before), lease_expires_at=PAST)
    answer = begin(moment, task)
    assert answer["outcome"] == outcome
    step = moment.step_of(task, "here")
    if outcome == "poison":
        assert answer["interruptions"] == before + 1
        assert (step["state"], step["lease"]) == ("waiting", None)
    else:
        assert (step["state"], step["lease"]) == ("running", 60)


@pytest.mark.parametrize(
    ("others", "lease", "seconds"),
    [
        ({"interruptions": "3", "lease_expires_at": at(30)}, 10, 30),
        ({"interruptions": "3", "lease_expires_at": at(30)}, 500, 30),
        ({"interruptions": "3", "lease_expires_at": at(0)}, 10, None),
        ({"interruptions": "3", "lease_expires_at": PAST}, 10, None),
        ({"interruptions": "2", "lease_expires_at": at(30)}, 10, None),
        ({"interruptions": "0", "lease_expires_at": at(30)}, 10, None),
        ({"interruptions": "3", "lease_expires_at": at(30), "state": "waiting"}, 10, None),
    ],
)
def test_a_last_try_waits_for_another_one(
    moment: Moment, others: dict[str, str], lease: float, seconds: float | None
) -> None:
    """Of any task, that is alive; it is no try then, and the row says why and lasts."""
    task, other = moment.task(lease_expires_at=at(lease)), moment.task()
    moment.step(task, "here", interruptions="2", lease_expires_at=PAST)
    moment.step(other, "there", **others)
    answer, row, step = begin(moment, task), moment.row(task), moment.step_of(task, "here")
    if seconds is None:
        assert (answer["outcome"], step["state"], step["tries"]) == ("go", "running", 2)
    else:
        assert (answer["outcome"], answer["seconds"]) == ("held", seconds)
        assert (step["state"], step["lease"], step["tries"]) == ("waiting", None, 1)
        assert (row["lease"], row["waits"], row["stage"]) == (max(lease, seconds + 60), True, "here")


def test_a_first_try_is_no_last_one(moment: Moment) -> None:
    """Where one interruption is one too many, too: nobody waits for the lock of those that look for others."""
    moment.step(moment.task(), "there")
    assert begin(moment, moment.task(), most=1)["outcome"] == "go"
    assert not moment.value("(select count(*) from pg_catalog.pg_locks where locktype = 'advisory')")


def test_a_try_before_the_last_waits_for_nobody(moment: Moment) -> None:
    """Though another step is at its last one."""
    task, other = moment.task(), moment.task()
    moment.step(task, "here", interruptions="1", lease_expires_at=PAST)
    moment.step(other, "there", interruptions="3")
    assert begin(moment, task)["outcome"] == "go"


@pytest.mark.parametrize(("lease", "progress"), [(10, 5), (500, 50)])
def test_a_step_that_begins_extends_its_run(moment: Moment, lease: float, progress: int) -> None:
    """Lease and progress only grow; the row shows the step, and waits for nothing."""
    task = moment.task(lease_expires_at=at(lease), progress=str(progress), metadata='\'{"retry": {}, "a": 1}\'')
    answer = begin(moment, task, "new")
    row = moment.row(task)
    assert (row["lease"], row["progress"], row["stage"]) == (max(lease, 60), max(progress, 10), "new")
    assert answer["task"]["metadata"] == {"a": 1}
