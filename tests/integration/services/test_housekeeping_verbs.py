"""What housekeeping asks, at one moment: who is dead, what stalled, what is past its time."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.integration.services.moment import Moment, at

# A row, and how it looks with a patience of 30 s: dead with a step that died, stalled, to be taken.
ROWS: list[tuple[str, dict[str, str], bool, bool]] = [
    # status, columns, is it stalled, would it be taken
    ("pending", {"created_at": at(-31)}, True, True),
    ("pending", {"created_at": at(-30)}, False, False),
    ("pending", {"created_at": at(-29)}, False, False),
    ("pending", {"created_at": at(-99), "enqueued_at": at(-31)}, True, True),
    ("pending", {"created_at": at(-99), "enqueued_at": at(-29)}, False, False),
    ("pending", {"created_at": at(-29), "enqueued_at": at(-31)}, True, True),
    ("processing", {"lease_expires_at": at(-1)}, True, True),
    ("processing", {"lease_expires_at": at(0)}, False, False),
    ("processing", {"lease_expires_at": at(1)}, False, False),
    ("processing", {"lease_expires_at": at(1), "enqueued_at": at(-99)}, False, False),
    ("processing", {"lease_expires_at": at(-9), "enqueued_at": at(-10)}, True, True),
    ("processing", {"lease_expires_at": at(-9), "enqueued_at": at(-9)}, False, False),
    ("processing", {"lease_expires_at": at(-9), "enqueued_at": at(-8)}, False, False),
    ("processing", {"lease_expires_at": at(-40), "enqueued_at": at(-31)}, True, True),
    ("processing", {"lease_expires_at": at(-31), "enqueued_at": at(-31)}, True, True),
    ("processing", {"lease_expires_at": at(-40), "enqueued_at": at(-30)}, False, False),
    ("processing", {"lease_expires_at": at(-40), "enqueued_at": at(-29)}, False, False),
    ("canceled", {"created_at": at(-99), "lease_expires_at": at(-9)}, False, False),
    ("failed", {"created_at": at(-99), "lease_expires_at": at(-9), "enqueued_at": at(-99)}, False, False),
    ("completed", {"created_at": at(-99), "lease_expires_at": at(-9), "enqueued_at": at(-2)}, False, False),
    ("canceled", {"created_at": at(-99), "lease_expires_at": at(-60), "enqueued_at": at(-50)}, False, False),
]
OPEN = ("pending", "processing")


def ids(moment: Moment, call: str, column: str = "id") -> list[UUID]:
    """The ids of what a search returns."""
    return [row[column] for row in moment.rows(f"select * from public.{call}")]


def resume(moment: Moment, *tasks: UUID, most: int = 9) -> list[UUID]:
    """The rows that `resume_tasks` gives of these."""
    listed = ", ".join(f"'{task}'" for task in tasks)
    return ids(moment, f"resume_tasks(array[{listed}]::uuid[], 30, {most})")


@pytest.mark.parametrize(("status", "columns", "is_stalled", "is_taken"), ROWS)
def test_a_row_is_stalled_when_its_message_is_late(
    moment: Moment, status: str, columns: dict[str, str], is_stalled: bool, is_taken: bool
) -> None:
    """Then it is taken once."""
    task, beside = moment.task(status, **columns), moment.task(status, **columns)
    assert set(ids(moment, "stalled_tasks(30, 9)")) == ({task, beside} if is_stalled else set())
    assert resume(moment, task) == [task] * is_taken
    if is_taken:
        assert moment.value(f"(select enqueued_at = now() from public.tasks where id = '{task}')")
    assert resume(moment, task) == []
    assert ids(moment, "stalled_tasks(30, 9)") == [beside] * is_stalled


@pytest.mark.parametrize(
    ("status", "run", "lease", "is_given_up"),
    [
        ("processing", 3, -1, True),
        ("processing", 4, -1, True),
        ("processing", 2, -1, False),
        ("processing", 3, 0, False),
        ("processing", 3, 1, False),
        ("pending", 3, -1, False),
        ("canceled", 3, -1, False),
    ],
)
def test_a_run_out_of_claims_is_given_up(
    moment: Moment, status: str, run: int, lease: float, is_given_up: bool
) -> None:
    """When its lease is over, and not before; it waits for nothing then."""
    columns = {"run": str(run), "lease_expires_at": at(lease), "metadata": "'{\"retry\": {}}'"}
    task, beside = moment.task(status, **columns), moment.task(status, **columns)
    untouched = moment.row(beside)
    assert resume(moment, task, most=3) == [task] * (run == 2)
    row = moment.row(task)
    assert row["status"] == ("failed" if is_given_up else status)
    if is_given_up:
        assert (row["lease"], row["waits"], row["enqueued_at"]) == (None, False, None)
    assert moment.row(beside) == untouched


def test_a_round_takes_so_many_of_each_kind(moment: Moment) -> None:
    """The oldest of each, the certain ones first."""
    over = [moment.task(lease_expires_at=at(-n)) for n in (7, 9, 8)]
    again = [moment.task(lease_expires_at=at(-99), enqueued_at=at(-n)) for n in (37, 39, 38)]
    waiting = [moment.task("pending", created_at=at(-n)) for n in (47, 49)]
    waiting.append(moment.task("pending", created_at=at(-99), enqueued_at=at(-48)))
    found = ids(moment, "stalled_tasks(30, 2)")
    assert found == [over[1], over[2], again[1], again[2], waiting[1], waiting[2]]


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "canceled"])
def test_a_row_whose_message_waits_is_held(moment: Moment, status: str) -> None:
    """A claimed one by another lease, the other by another time of its message; one that is over is left alone."""
    task, beside = (moment.task(status, created_at=at(-99), enqueued_at=at(-50)) for _ in range(2))
    untouched = moment.row(beside), moment.row(task)
    assert moment.value(f"public.hold_tasks(array['{task}']::uuid[], 90)") == (status in OPEN)
    row = moment.row(task)
    if status in OPEN:
        assert row["lease"] == (90 if status == "processing" else None)
        assert moment.value(
            f"(select enqueued_at = {at(0 if status == 'pending' else -50)} from public.tasks where id = '{task}')"
        )
    else:
        assert row == untouched[1]
    assert moment.row(beside) == untouched[0]


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "canceled"])
def test_what_is_open_past_its_deadline_fails(moment: Moment, status: str) -> None:
    """Not at the deadline, not before it."""
    tasks = [moment.task(status, created_at=at(-n), metadata="'{\"retry\": {}}'") for n in (101, 100, 99)]
    before = [moment.row(task) for task in tasks]
    assert moment.value("public.expire_tasks(100)") == (status in OPEN)
    after = [moment.row(task) for task in tasks]
    assert before[1:] == after[1:]
    if status in OPEN:
        assert (after[0]["status"], after[0]["lease"], after[0]["waits"]) == ("failed", None, False)
    else:
        assert before[0] == after[0]


def dead(moment: Moment, limit: int = 9) -> list[UUID]:
    """The rows that `resume_dead_tasks` gives."""
    return ids(moment, f"resume_dead_tasks(30, 9, {limit})")


# Steps of a run whose lease is far off, and how long ago the run ended: None, it goes on.
DEATHS: list[tuple[str, dict[str, str], list[tuple[str, dict[str, str]]], float | None]] = [
    ("processing", {}, [("running", {"lease_expires_at": at(-1)})], -1),
    ("processing", {}, [("running", {"lease_expires_at": at(0)})], None),
    ("processing", {}, [("running", {"lease_expires_at": at(1)})], None),
    ("processing", {}, [("running", {"lease_expires_at": at(-9)}), ("running", {"lease_expires_at": at(-3)})], -3),
    ("processing", {}, [("running", {"lease_expires_at": at(-9)}), ("running", {"lease_expires_at": at(0)})], None),
    ("processing", {}, [("running", {"lease_expires_at": at(-9)}), ("running", {"lease_expires_at": at(5)})], None),
    ("processing", {}, [("running", {"lease_expires_at": at(-9)}), ("waiting", {"lease_expires_at": at(5)})], -9),
    ("processing", {}, [("waiting", {"lease_expires_at": at(-9)})], None),
    ("processing", {}, [("done", {"lease_expires_at": at(-9)})], None),
    ("processing", {"run": "2"}, [("running", {"lease_expires_at": at(-9)})], None),
    ("processing", {"run": "2"}, [("running", {"lease_expires_at": at(-9), "run": "2"}), ("running", {})], -9),
    ("pending", {"run": "1", "lease_expires_at": at(60)}, [("running", {"lease_expires_at": at(-9)})], None),
]


@pytest.mark.parametrize(("status", "columns", "steps", "ended"), DEATHS)
def test_a_run_is_dead_with_its_last_living_step(
    moment: Moment, status: str, columns: dict[str, str], steps: list[tuple[str, dict[str, str]]], ended: float | None
) -> None:
    """Of its own run; its lease ends when that one died, and it is handed to one."""
    task, beside = moment.task(status, **columns), moment.task()
    moment.step(beside, "0")
    for number, (state, more) in enumerate(steps):
        moment.step(task, str(number), state, **more)
    before = moment.everything()
    moment.run("select public.end_dead_leases()")
    after = moment.everything()
    assert moment.row(task)["lease"] == (60 if ended is None else ended)
    assert before["task_steps"] == after["task_steps"]
    assert moment.row(beside)["lease"] == 60
    assert dead(moment) == [task] * (ended is not None)
    assert dead(moment) == []


@pytest.mark.parametrize(
    ("state", "lease", "has_died"),
    [("running", -1, True), ("running", 0, False), ("running", 1, False), ("waiting", -1, False), ("done", -1, False)],
)
def test_a_step_dies_while_it_runs(moment: Moment, state: str, lease: float, has_died: bool) -> None:
    """When its lease is over."""
    task = moment.task()
    moment.step(task, "here", state, lease_expires_at=at(lease))
    assert moment.value("public.end_dead_leases()") == ([task] if has_died else None)


@pytest.mark.parametrize(("state", "lease"), [("running", 9), ("running", 0), ("waiting", -1)])
def test_a_death_in_an_earlier_run_is_over(moment: Moment, state: str, lease: float) -> None:
    """Whatever steps the run has, and whatever run of another task is dead."""
    task, other = (moment.task(run="2", lease_expires_at=at(-5)) for _ in range(2))
    moment.step(task, "before", lease_expires_at=at(-9))
    moment.step(task, "here", state, run="2", lease_expires_at=at(lease))
    moment.step(other, "here", run="2", lease_expires_at=at(-9))
    assert dead(moment) == [other]


def test_a_pending_row_is_not_dead(moment: Moment) -> None:
    """Whatever lease and steps it has: its message is the broker's."""
    task = moment.task("pending", run="1", created_at=at(-99), lease_expires_at=at(-5))
    moment.step(task, "here", lease_expires_at=at(-9))
    assert dead(moment) == []


@pytest.mark.parametrize(
    ("columns", "step", "is_dead"),
    [
        ({"lease_expires_at": at(-5)}, {"lease_expires_at": at(-9)}, True),
        ({"lease_expires_at": at(0)}, {"lease_expires_at": at(-9)}, False),
        ({"lease_expires_at": at(-5), "enqueued_at": at(-6)}, {"lease_expires_at": at(-9)}, True),
        ({"lease_expires_at": at(-5), "enqueued_at": at(-5)}, {"lease_expires_at": at(-9)}, False),
        ({"lease_expires_at": at(-50), "enqueued_at": at(-40)}, {"lease_expires_at": at(-60)}, False),
        ({"lease_expires_at": at(-50), "enqueued_at": at(-50)}, {"lease_expires_at": at(-60)}, False),
        ({"lease_expires_at": at(-5)}, {"lease_expires_at": at(9)}, False),
        ({"lease_expires_at": at(-5)}, {"lease_expires_at": at(0)}, False),
        ({"lease_expires_at": at(-5), "run": "2"}, {"lease_expires_at": at(-9)}, False),
        ({"lease_expires_at": "'epoch'"}, {"lease_expires_at": at(9)}, True),
        ({"lease_expires_at": "'epoch'", "enqueued_at": at(-99)}, {"lease_expires_at": at(9)}, False),
    ],
)
def test_a_run_whose_lease_is_over_is_dead_with_a_step(
    moment: Moment, columns: dict[str, str], step: dict[str, str], is_dead: bool
) -> None:
    """That died in it; without one the broker is asked. A run that forgot checkpoints is dead without."""
    task, beside = moment.task(**columns), moment.task(**columns)
    moment.step(task, "here", **step)
    moment.step(beside, "here", "waiting")
    expected = {task} if is_dead else set()
    if columns["lease_expires_at"] == "'epoch'" and is_dead:
        expected.add(beside)
    assert set(dead(moment)) == expected


def test_the_longest_dead_come_first(moment: Moment) -> None:
    """So many of each kind, and what is over is not among them."""
    ended = [moment.task(lease_expires_at=at(-n)) for n in (7, 9, 8)]
    for task in ended:
        moment.step(task, "here", lease_expires_at=at(-20))
    forgetful = [moment.task(lease_expires_at="'epoch'") for _ in range(3)]
    moment.task("canceled", lease_expires_at="'epoch'")
    moment.task("failed", lease_expires_at="'epoch'")
    found = dead(moment, 2)
    assert {ended[1], ended[2]} == set(found) - set(forgetful)
    assert len(found) == 4


@pytest.mark.parametrize("status", ["completed", "failed", "canceled", "processing", "pending"])
def test_what_died_in_a_task_that_is_over_is_released(moment: Moment, status: str) -> None:
    """So that it is not found again; a living step and another state stay."""
    task, beside = moment.task(status), moment.task()
    leases = {"dead": at(-1), "now": at(0), "alive": at(1)}
    for name, lease in leases.items():
        moment.step(task, name, lease_expires_at=lease)
    moment.step(task, "waits", "waiting", lease_expires_at=at(-1))
    moment.step(beside, "theirs", lease_expires_at=at(-1))
    moment.step(beside, "alive")
    before = moment.everything()["task_steps"]
    is_over = status not in OPEN
    assert set(moment.value("public.end_dead_leases()")) == {task, beside}
    changed = [row for row in moment.everything()["task_steps"] if row not in before]
    assert [(row["task_id"], row["step"], row["state"], row["lease_expires_at"]) for row in changed] == [
        (task, "dead", "waiting", None)
    ] * is_over


def test_nobody_is_dead(moment: Moment) -> None:
    """Then nothing is looked at."""
    moment.step(moment.task(), "here")
    assert moment.value("public.end_dead_leases()") is None
