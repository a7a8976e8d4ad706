"""What housekeeping asks, at one moment: who is dead, what stalled, what is past its time, what nobody refers to."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

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
    ("pending", {"lease_expires_at": at(60)}, [("running", {"lease_expires_at": at(-9)})], None),
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
    ("columns", "step", "is_dead"),
    [
        ({"lease_expires_at": at(-5)}, {"lease_expires_at": at(-9)}, True),
        ({"lease_expires_at": at(0)}, {"lease_expires_at": at(-9)}, False),
        ({"lease_expires_at": at(-5), "enqueued_at": at(-6)}, {"lease_expires_at": at(-9)}, True),
        ({"lease_expires_at": at(-5), "enqueued_at": at(-5)}, {"lease_expires_at": at(-9)}, False),
        ({"lease_expires_at": at(-50), "enqueued_at": at(-40)}, {"lease_expires_at": at(-60)}, False),
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


def orphans(moment: Moment, limit: int = 9) -> list[str]:
    """The names of the objects that `orphan_objects` gives, of two buckets and older than 100 s."""
    call = f"orphan_objects(array['concept-images', 'palette-images'], 100, {limit})"
    return [row["name"] for row in moment.rows(f"select * from public.{call}")]


def store(moment: Moment, name: str, seconds: float = -101, bucket: str = "concept-images") -> None:
    """An object of that age."""
    values = f"'{bucket}', '{name}', {at(seconds)}, 'x'"
    moment.run(f"insert into storage.objects (bucket_id, name, created_at, version) values ({values})")


def test_an_object_that_nobody_refers_to_is_an_orphan(moment: Moment) -> None:
    """When it is old enough, in these buckets; the oldest come first."""
    moment.run("insert into storage.buckets (id, name) values ('other', 'other')")
    nobody = uuid4()
    for name, seconds, bucket in (
        ("old", -101, "concept-images"),
        ("older", -102, "palette-images"),
        ("just", -100, "concept-images"),
        ("young", -99, "concept-images"),
        ("theirs", -101, "other"),
    ):
        store(moment, f"u/{nobody}/{name}", seconds, bucket)
    assert orphans(moment) == [f"u/{nobody}/older", f"u/{nobody}/old"]
    assert orphans(moment, 1) == [f"u/{nobody}/older"]


def test_what_a_row_refers_to_is_no_orphan(moment: Moment) -> None:
    """By its path, or by the folder of an open task or of a stored concept; a task that is over keeps nothing."""
    ends = {status: moment.task(status) for status in ("pending", "processing", "completed", "failed", "canceled")}
    stored = uuid4()
    moment.task("completed", id=f"'{stored}'")
    concept = moment.concept(image_path="'u/a/base.png'", task_id=f"'{stored}'")
    moment.run(
        f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
        values ('{concept}', 1, 'x', '[]', 'u/a/v.png')"""
    )
    for name in ("u/a/base.png", "u/a/v.png", f"u/{stored}/x.png", *(f"u/{task}/x.png" for task in ends.values())):
        store(moment, name)
    assert set(orphans(moment)) == {f"u/{ends[status]}/x.png" for status in ("completed", "failed", "canceled")}


def expired(moment: Moment, *, limit: int = 9, dry: bool = False) -> dict[str, Any]:
    """What `expire_concepts` answers, of those older than 100 s."""
    answer = moment.value(f"public.expire_concepts(100, {limit}, {dry})::text")
    found: dict[str, Any] = json.loads(answer) if isinstance(answer, str) else answer
    return found


def test_old_concepts_go_with_all_that_is_theirs(moment: Moment) -> None:
    """The oldest first; what is younger, and another one's task, stay."""
    concepts = {age: moment.concept(created_at=at(-age), image_path=f"'c{age}'") for age in (103, 102, 101, 100, 99)}
    tasks = {age: moment.task("completed", result_id=f"'{concept}'") for age, concept in concepts.items()}
    for age, concept in concepts.items():
        moment.run(
            f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
            values ('{concept}', 1, 'x', '[]', 'v{age}')"""
        )
    odd = moment.task(result_id=f"'{concepts[103]}'")
    before = moment.everything()
    assert expired(moment, dry=True)["concepts"] == 3
    assert moment.everything() == before
    answer = expired(moment, limit=2)
    assert (answer["concepts"], sorted(answer["paths"])) == (2, ["c102", "c103", "v102", "v103"])
    left = moment.everything()
    assert {row["id"] for row in left["concepts"]} == {concepts[age] for age in (101, 100, 99)}
    assert {row["id"] for row in left["tasks"]} == {odd, *(tasks[age] for age in (101, 100, 99))}
    assert len(left["color_variations"]) == 3
    assert expired(moment)["concepts"] == 1
    assert expired(moment) == {"concepts": 0, "paths": []}


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "canceled"])
def test_the_original_of_an_open_refinement_stays(moment: Moment, status: str) -> None:
    """Of any other it goes."""
    original, other = (moment.concept(created_at=at(-101)) for _ in range(2))
    moment.task(status, metadata=f"""'{{"original_concept_id": "{original}"}}'""")
    expired(moment)
    left = {row["id"] for row in moment.everything()["concepts"]}
    assert left == ({original} if status in OPEN else set())
    assert other not in left
