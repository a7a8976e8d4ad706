"""The verbs of a run, at one moment: claim, move, store, and try again."""

from __future__ import annotations

import json
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.integration.services.moment import Moment, at

STATUSES = ("pending", "processing", "completed", "failed", "canceled")
OPEN = ("pending", "processing")


def claim(moment: Moment, task: UUID, user: UUID | None = None) -> list[dict[str, Any]]:
    """What `claim_task` answers: a lease is 60 s, and five claims are the limit."""
    return moment.rows(f"select * from public.claim_task('{task}', {quoted(user)}, 60, 5)")


def move(
    moment: Moment, task: UUID, status: str, run: int | None = None, result: UUID | None = None
) -> list[dict[str, Any]]:
    """What `transition_task` answers; the lease is 60 s."""
    number = "null" if run is None else str(run)
    return moment.rows(
        f"select * from public.transition_task('{task}', {number}, '{status}', {quoted(result)}, 'why', 60)"
    )


def store(moment: Moment, task: UUID, run: int = 1, variations: int = 0, **columns: object) -> Any:
    """What `store_concept` answers."""
    concept = {"logo_description": "l", "theme_description": "t", "image_path": "i"} | columns
    pictures = [
        {"position": number, "palette_name": "p", "palette_source": "local", "colors": [], "image_path": f"v{number}"}
        for number in range(1, variations + 1)
    ]
    return moment.value(f"public.store_concept('{task}', {run}, '{json.dumps(concept)}', '{json.dumps(pictures)}')")


def quoted(value: object) -> str:
    """An SQL text, or null."""
    return "null" if value is None else f"'{value}'"


@pytest.mark.parametrize(
    ("status", "columns", "is_claimed"),
    [
        ("pending", {}, True),
        ("pending", {"run": "4"}, True),
        ("pending", {"run": "5"}, False),
        ("pending", {"lease_expires_at": at(9)}, True),
        ("processing", {}, False),
        ("processing", {"lease_expires_at": at(0)}, False),
        ("processing", {"lease_expires_at": at(-1)}, True),
        ("processing", {"lease_expires_at": at(-1), "run": "5"}, False),
        ("completed", {"lease_expires_at": at(-1)}, False),
        ("failed", {"lease_expires_at": at(-1)}, False),
        ("canceled", {"lease_expires_at": at(-1)}, False),
    ],
)
def test_a_row_is_claimed_when_nobody_has_it(
    moment: Moment, status: str, columns: dict[str, str], is_claimed: bool
) -> None:
    """Not before its lease is over, nor more often than the limit, nor when it is over."""
    task, before = moment.task(status, **columns), int(columns.get("run", status != "pending"))
    claims = claim(moment, task)
    assert len(claims) == is_claimed
    if is_claimed:
        row = moment.row(task)
        assert (row["status"], row["run"], row["lease"]) == ("processing", before + 1, 60)
        assert moment.value(f"(select started_at = now() from public.tasks where id = '{task}')")


def test_a_row_is_claimed_for_its_user(moment: Moment) -> None:
    """Or for whoever it is; it keeps the time when it started first."""
    task = moment.task("pending", started_at="'2000-01-01'")
    assert not claim(moment, task, uuid4())
    (row,) = claim(moment, task, moment.user)
    assert row["started_at"].year == 2000


@pytest.mark.parametrize(("status", "target"), [*product(STATUSES, STATUSES)])
def test_a_row_moves_forward(moment: Moment, status: str, target: str) -> None:
    """Each move that there is writes what belongs to it; no other is made."""
    task, result = moment.task(status, metadata="'{\"retry\": {}}'", progress="7"), uuid4()
    before = moment.row(task)
    moved = move(moment, task, target, result=result if target == "completed" else None)
    is_allowed = (status, target) == ("processing", "completed") or (
        status in OPEN and target in ("processing", "failed", "canceled")
    )
    row = moment.row(task)
    assert len(moved) == is_allowed
    if not is_allowed:
        assert row == before
        return
    is_claim = (status, target) == ("pending", "processing")
    now = moment.value("now()")
    assert row["status"] == target
    assert row["run"] == before["run"] + is_claim
    assert row["lease"] == (60 if target == "processing" else None)
    assert row["started_at"] == (now if target == "processing" else None)
    assert row["completed_at"] == (now if target == "completed" else None)
    assert row["progress"] == (100 if target == "completed" else 7)
    assert row["error_message"] == ("why" if target == "failed" else None)
    assert row["result_id"] == (result if target == "completed" else None)
    assert row["metadata"] == "{}"


@pytest.mark.parametrize("run", [None, 3, 2, 4, 0])
def test_only_the_current_run_moves_its_row(moment: Moment, run: int | None) -> None:
    """Or whoever speaks of none."""
    assert len(move(moment, moment.task(run="3"), "failed", run)) == (run in (None, 3))


def test_a_row_that_goes_on_keeps_what_it_has(moment: Moment) -> None:
    """The time when it started, and the result that somebody named before."""
    result = uuid4()
    task = moment.task(started_at="'2000-01-01'", result_id=f"'{result}'", error_message="'before'")
    (row,) = move(moment, task, "processing")
    assert (row["started_at"].year, row["result_id"], row["error_message"]) == (2000, result, "before")
    (row,) = move(moment, task, "completed", result=uuid4())
    assert row["result_id"] != result


@pytest.mark.parametrize(
    ("status", "columns", "run"),
    [
        ("pending", {"run": "1"}, 1),
        ("failed", {}, 1),
        ("canceled", {}, 1),
        ("processing", {}, 2),
        ("processing", {"run": "2"}, 1),
        ("completed", {}, 2),
    ],
)
def test_a_run_that_is_over_stores_nothing(moment: Moment, status: str, columns: dict[str, str], run: int) -> None:
    """Nor one of a deleted task."""
    task = moment.task(status, **columns)
    before = moment.everything()
    assert store(moment, task, run) is None
    assert store(moment, uuid4()) is None
    assert moment.everything() == before


def test_a_concept_is_stored_with_its_variations(moment: Moment) -> None:
    """And its row is completed; what is not said is what it ordinarily is, and another time changes nothing."""
    task, other, original = moment.task(metadata="'{\"retry\": {}}'"), moment.task(), moment.concept()
    concept = store(moment, task, variations=2, original_concept_id=str(original))
    (stored,) = moment.rows(f"select * from public.concepts where task_id = '{task}'")
    assert (stored["id"], stored["user_id"], stored["original_concept_id"]) == (concept, moment.user, original)
    assert (stored["is_anonymous"], stored["preserve_aspects"]) == (True, [])
    pictures = moment.rows(
        f"select image_path from public.color_variations where concept_id = '{concept}' order by position"
    )
    assert [row["image_path"] for row in pictures] == ["v1", "v2"]
    row = moment.row(task)
    assert (row["status"], row["result_id"], row["progress"], row["lease"]) == ("completed", concept, 100, None)
    assert (row["completed_at"], row["metadata"]) == (moment.value("now()"), "{}")
    before = moment.everything()
    assert store(moment, task) == concept
    assert moment.everything() == before
    named = store(moment, other, is_anonymous=False, preserve_aspects=["shape"], original_concept_id=str(uuid4()))
    (stored,) = moment.rows(f"select * from public.concepts where id = '{named}'")
    assert (stored["is_anonymous"], stored["preserve_aspects"]) == (False, ["shape"])
    assert stored["original_concept_id"] is None


def retry(moment: Moment, task: UUID, *, user: UUID | None = None, new: UUID | None = None) -> list[dict[str, Any]]:
    """What `retry_task` answers, when "done", "waits" and "running" are asked for."""
    return moment.rows(
        f"""select * from public.retry_task('{task}', '{user or moment.user}',
        array['done', 'waits', 'running', 'paid'], {quoted(new)})"""
    )


@pytest.mark.parametrize("status", STATUSES)
def test_a_bad_end_is_tried_again(moment: Moment, status: str) -> None:
    """With its inputs, what it did and what it paid for, of what was asked for; the old row stays as it is."""
    task, other = (moment.task(status, metadata='\'{"retry": {}, "a": 1}\'') for _ in range(2))
    for one in (task, other):
        moment.step(one, "done", "done", tries="3", finished_at=at(-9))
        moment.step(one, "unasked", "done")
        moment.step(one, "waits", "waiting")
        moment.step(one, "running", "running")
        moment.step(one, "paid", "running", receipt="'{\"job\": 1}'")
        moment.step(one, f"of {one}", "done")
    before, new = moment.everything(), uuid4()
    answer = retry(moment, task, new=new)
    assert len(answer) == (status in ("failed", "canceled"))
    if not answer:
        assert moment.everything() == before
        return
    row = moment.row(new)
    assert (row["status"], row["run"], row["retry_of"], row["metadata"]) == ("pending", 0, task, '{"a": 1}')
    steps = moment.rows(f"select * from public.task_steps where task_id = '{new}' order by step")
    assert [(one["step"], one["state"], one["lease_expires_at"], one["tries"]) for one in steps] == [
        ("done", "done", None, 3),
        ("paid", "waiting", None, 1),
    ]
    after = moment.everything()
    assert before["tasks"] == [one for one in after["tasks"] if one["id"] != new]
    assert before["task_steps"] == [one for one in after["task_steps"] if one["task_id"] != new]


def test_another_users_row_is_not_tried_again(moment: Moment) -> None:
    """And an id is taken once."""
    task = moment.task("failed")
    assert not retry(moment, task, user=uuid4())
    assert not retry(moment, uuid4())
    assert len(retry(moment, task)) == 1
    with pytest.raises(asyncpg.UniqueViolationError):
        retry(moment, task, new=task)


@pytest.mark.parametrize("status", STATUSES)
def test_open_rows_are_told(moment: Moment, status: str) -> None:
    """Of those that are asked for."""
    task = moment.task(status)
    moment.task(status)
    found = moment.rows(f"select public.open_tasks(array['{task}', '{uuid4()}']::uuid[]) as id")
    assert [row["id"] for row in found] == [task] * (status in OPEN)
