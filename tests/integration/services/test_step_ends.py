"""How a step goes on and ends, at one moment: its sign of life, its output, its wait, its receipt."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.services.moment import Moment, at

# Tasks whose run 1 is over, or not.
OVER: list[tuple[str, dict[str, str]]] = [
    ("failed", {}),
    ("canceled", {}),
    ("processing", {"run": "2"}),
    ("processing", {"lease_expires_at": "'epoch'"}),
]


def extend(moment: Moment, task: UUID, step: str = "here", *, run: int = 1, owner: str = "one") -> bool:
    """What `extend_step` answers; the lease is 60 s."""
    answer: bool = moment.value(f"public.extend_step('{task}', {run}, '{step}', '{owner}', 60)")
    return answer


def finish(moment: Moment, task: UUID, *, output: str = "7", progress: int = 20) -> dict[str, Any]:
    """What `finish_step` answers."""
    answer: dict[str, Any] = moment.value(f"public.finish_step('{task}', 1, 'here', '{output}', {progress}, 60)")
    return answer


def wait(moment: Moment, task: UUID, *, owner: str = "one", counts: str = "true, 5, 60, true") -> dict[str, Any]:
    """What `wait_step` answers; the delay is 5 s."""
    answer: dict[str, Any] = moment.value(f"public.wait_step('{task}', 1, 'here', '{owner}', 'why', {counts})")
    return answer


@pytest.mark.parametrize(("lease", "longer"), [(10, 60), (500, 500)])
def test_a_sign_of_life_extends_step_and_run(moment: Moment, lease: float, longer: float) -> None:
    """The run's lease only grows."""
    task = moment.task(lease_expires_at=at(lease))
    moment.step(task, "here", lease_expires_at=at(-9))
    assert extend(moment, task)
    assert (moment.step_of(task, "here")["lease"], moment.row(task)["lease"]) == (60, longer)


@pytest.mark.parametrize(("columns", "lease"), [({"run": "2"}, 9), ({"lease_expires_at": "'epoch'"}, None)])
def test_a_step_of_an_old_run_lives_on(moment: Moment, columns: dict[str, str], lease: float | None) -> None:
    """Its run's lease is another's."""
    task = moment.task(**({"lease_expires_at": at(9)} | columns))
    moment.step(task, "here")
    assert extend(moment, task)
    assert moment.step_of(task, "here")["lease"] == 60
    assert moment.value(f"(select lease_expires_at in ('epoch', {at(9)}) from public.tasks where id = '{task}')")


def test_only_who_is_at_a_step_extends_it(moment: Moment) -> None:
    """Not another execution, run or step, not a step that waits or is done, not when the task is over or gone."""
    task, over = moment.task(lease_expires_at=at(9)), moment.task("completed")
    for one in (task, over):
        moment.step(one, "here")
    moment.step(task, "waits", "waiting")
    moment.step(task, "done", "done")
    before = moment.everything()
    assert not extend(moment, task, owner="two")
    assert not extend(moment, task, run=2)
    assert not extend(moment, task, "elsewhere")
    assert not extend(moment, task, "waits")
    assert not extend(moment, task, "done")
    assert not extend(moment, over)
    assert not extend(moment, uuid4())
    assert moment.everything() == before


@pytest.mark.parametrize(("lease", "progress"), [(10, 5), (500, 50)])
def test_an_output_is_kept_and_the_run_goes_on(moment: Moment, lease: float, progress: int) -> None:
    """Lease and progress only grow."""
    task = moment.task(lease_expires_at=at(lease), progress=str(progress))
    moment.step(task, "here", started_at=at(-9))
    assert finish(moment, task) == {"current": True, "output": 7, "status": "processing"}
    row, step = moment.row(task), moment.step_of(task, "here")
    assert (row["lease"], row["progress"]) == (max(lease, 60), max(progress, 20))
    assert (step["state"], step["lease"], step["output"]) == ("done", None, "7")
    assert moment.value(f"(select finished_at = now() from public.task_steps where task_id = '{task}')")


def test_the_first_output_stays(moment: Moment) -> None:
    """With the time when it came."""
    task = moment.task()
    moment.step(task, "here", "done", finished_at="'2000-01-01'")
    assert finish(moment, task)["output"] == {"of": "here"}
    assert moment.step_of(task, "here")["finished_at"].year == 2000


@pytest.mark.parametrize(("status", "columns"), OVER)
def test_an_output_that_comes_late_is_kept(moment: Moment, status: str, columns: dict[str, str]) -> None:
    """The row is not touched, and the run does not go on."""
    task = moment.task(status, **columns)
    moment.step(task, "here")
    row = moment.row(task)
    assert finish(moment, task) == {"current": False, "output": 7, "status": status}
    assert moment.row(task) == row
    assert moment.step_of(task, "here")["state"] == "done"


def test_a_completed_run_goes_on(moment: Moment) -> None:
    """Its last step completes the row before it ends."""
    task = moment.task("completed")
    moment.step(task, "here")
    row = moment.row(task)
    assert finish(moment, task) == {"current": True, "output": 7, "status": "completed"}
    assert moment.row(task) == row


def test_an_output_of_nothing_is_nobodys(moment: Moment) -> None:
    """The task was deleted, or the step forgotten."""
    assert finish(moment, uuid4()) == {"current": False, "output": 7, "status": None}
    assert finish(moment, moment.task())["current"] is False


@pytest.mark.parametrize(
    ("counts", "attempts", "unknowns"),
    [("true, 5, 60, true", 2, 1), ("true, 5, 60", 2, 0), ("false, 5, 60, true", 1, 1), ("false, 5, 60", 1, 0)],
)
def test_a_wait_is_counted_as_it_is(moment: Moment, counts: str, attempts: int, unknowns: int) -> None:
    """The row says why, and how often."""
    task = moment.task()
    moment.step(task, "here", attempts="1")
    answer = wait(moment, task, counts=counts)
    assert answer == {"current": True, "attempts": attempts, "unknowns": unknowns}
    step, shown = moment.step_of(task, "here"), moment.value(f"(select metadata from public.tasks where id = '{task}')")
    assert (step["state"], step["lease"], step["attempts"], step["unknowns"]) == ("waiting", None, attempts, unknowns)
    assert (shown["retry"]["step"], shown["retry"]["attempt"], shown["retry"]["reason"]) == ("here", attempts, "why")


@pytest.mark.parametrize(("lease", "longer"), [(10, 65), (500, 500)])
def test_a_run_outlasts_its_wait(moment: Moment, lease: float, longer: float) -> None:
    """By a lease; a longer one stays."""
    task = moment.task(lease_expires_at=at(lease))
    moment.step(task, "here")
    wait(moment, task)
    assert moment.row(task)["lease"] == longer


@pytest.mark.parametrize(("state", "owner"), [("running", "two"), ("waiting", "one"), ("done", "one")])
def test_only_who_is_at_a_step_releases_it(moment: Moment, state: str, owner: str) -> None:
    """Nothing is counted for another one; the row shows the wait in any case."""
    task = moment.task()
    moment.step(task, "here", state)
    before = moment.step_of(task, "here")
    assert wait(moment, task, owner=owner) == {"current": True, "attempts": 0, "unknowns": 0}
    assert moment.step_of(task, "here") == before
    shown = moment.value(f"(select metadata from public.tasks where id = '{task}')")
    assert shown["retry"]["attempt"] == 0


@pytest.mark.parametrize(("status", "columns"), [*OVER, ("completed", {})])
def test_a_run_that_is_over_releases_its_step(moment: Moment, status: str, columns: dict[str, str]) -> None:
    """And hears how the row is and whose; the row is not touched."""
    task = moment.task(status, **columns)
    moment.step(task, "here")
    row = moment.row(task)
    assert wait(moment, task) == {"current": False, "status": status, "user_id": str(moment.user)}
    assert moment.row(task) == row
    assert moment.step_of(task, "here")["state"] == "waiting"


def test_a_deleted_task_waits_for_nothing(moment: Moment) -> None:
    """Nobody knows whose it was."""
    assert wait(moment, uuid4()) == {"current": False, "status": None, "user_id": None}


@pytest.mark.parametrize(
    ("state", "owner", "there", "is_written"),
    [
        ("running", "one", "null", True),
        ("running", "one", "'1'", True),
        ("waiting", "one", "'1'", True),
        ("running", "two", "null", True),
        ("waiting", "two", "null", True),
        ("running", "two", "'1'", False),
        ("done", "one", "null", False),
        ("done", "two", "null", False),
    ],
)
def test_a_receipt_is_its_executions(moment: Moment, state: str, owner: str, there: str, is_written: bool) -> None:
    """Or anybody's while there is none; none is kept of a step that is done."""
    task = moment.task()
    moment.step(task, "here", state, receipt=there)
    before = moment.step_of(task, "here")["receipt"]
    assert moment.value(f"public.keep_receipt('{task}', 'here', '{owner}', '7')") is is_written
    assert moment.step_of(task, "here")["receipt"] == ("7" if is_written else before)


def test_steps_are_forgotten_at_once(moment: Moment) -> None:
    """Those that are done; the run is over, and whoever enqueues it need not wait."""
    task = moment.task(enqueued_at=at(-1))
    for name, state in (("here", "done"), ("kept", "done"), ("beside", "running"), ("waits", "waiting")):
        moment.step(task, name, state)
    assert moment.value(f"public.forget_steps('{uuid4()}', 1, array['here'])") is False
    assert moment.value(f"public.forget_steps('{task}', 1, array['here', 'beside', 'waits'])")
    left = moment.rows(f"select step from public.task_steps where task_id = '{task}' order by step")
    assert [row["step"] for row in left] == ["beside", "kept", "waits"]
    assert moment.value(f"(select lease_expires_at = 'epoch' from public.tasks where id = '{task}')")
    assert moment.row(task)["enqueued_at"] is None


@pytest.mark.parametrize(("status", "columns"), [*OVER, ("completed", {}), ("pending", {"run": "1"})])
def test_a_run_that_is_over_forgets_nothing(moment: Moment, status: str, columns: dict[str, str]) -> None:
    """What is done is the next run's."""
    task = moment.task(status, **columns)
    moment.step(task, "here", "done")
    before = moment.everything()
    assert moment.value(f"public.forget_steps('{task}', 1, array['here'])") is False
    assert moment.value(f"public.forget_steps('{uuid4()}', 1, array['here'])") is False
    assert moment.everything() == before
