"""Presence, at one moment: whose leases end when a process is missed, and whose do not."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.integration.services.moment import Moment, at

LOST = "lost:one"  # the owner of a step of the process `lost`


def lease(moment: Moment, task: UUID, step: str = "one") -> float | None:
    """The step's lease, in seconds from now."""
    found = (
        f"select extract(epoch from lease_expires_at - now()) as left from public.task_steps where task_id = '{task}'"
    )
    (row,) = moment.rows(f"{found} and step = '{step}'")
    return None if row["left"] is None else float(row["left"])


def ended(moment: Moment, process: str = "lost", silent: float = 3) -> int | None:
    """What the verb answers."""
    found = moment.value(f"public.end_lost_leases('{process}', {silent})")
    return None if found is None else int(found)


@pytest.mark.parametrize(
    ("columns", "is_ended"),
    [
        ({}, True),
        ({"owner": "'lost:two'"}, True),
        ({"owner": "'lost'"}, False),
        ({"owner": "'lostx:one'"}, False),
        ({"owner": "'other:lost:one'"}, False),
        ({"started_at": at(-3)}, False),
        ({"started_at": at(-2)}, False),
        ({"lease_expires_at": at(0)}, False),
        ({"lease_expires_at": at(-1)}, False),
        ({"state": "waiting", "lease_expires_at": at(60)}, False),
        ({"state": "done", "lease_expires_at": at(60)}, False),
    ],
)
def test_the_leases_of_a_lost_process_end_now(moment: Moment, columns: dict[str, str], is_ended: bool) -> None:
    """Running ones, of its own, that began before it was silent; no other step's."""
    task, beside, alone = (moment.task("processing") for _ in range(3))
    known = {"state": "running", "owner": f"'{LOST}'", "started_at": at(-9), "lease_expires_at": at(60)}
    moment.step(task, "one", **(known | columns))
    moment.step(task, "two", **(known | {"owner": "'alive:one'"}))
    moment.step(task, "three", **known)
    moment.step(beside, "one", **known)
    moment.step(alone, "one", **(known | {"owner": "'alive:one'"}))
    before = lease(moment, task)
    assert ended(moment) == 2 + is_ended
    assert lease(moment, task) == (0 if is_ended else before)
    assert (lease(moment, task, "two"), lease(moment, beside), lease(moment, alone)) == (60, 0, 60)


@pytest.mark.parametrize(("seen", "answer"), [(0, None), (-2, None), (-3, None), (-4, 1), (-99, 1)])
def test_a_process_that_was_seen_lives(moment: Moment, seen: int, answer: int | None) -> None:
    """Within the last three seconds; what other processes do says nothing."""
    task = moment.task("processing")
    known = {"owner": f"'{LOST}'", "started_at": at(-9), "lease_expires_at": at(60)}
    moment.step(task, "one", state="running", **known)
    moment.run("delete from public.worker_presence; insert into public.worker_presence (process) values ('alive')")
    moment.run(f"insert into public.worker_presence values ('lost', {at(seen)})")
    assert ended(moment) == answer
    assert lease(moment, task) == (60 if answer is None else 0)


def test_a_process_shows_itself(moment: Moment) -> None:
    """Again and again in one row of its own."""
    moment.run("delete from public.worker_presence")
    moment.run(f"insert into public.worker_presence values ('one', {at(-9)}), ('two', {at(-9)})")
    for process in ("one", "one", "new"):
        moment.rows(f"select public.show_presence('{process}')")
    seen = moment.rows("select process, seen_at = now() as is_now from public.worker_presence order by 1")
    assert [(row["process"], row["is_now"]) for row in seen] == [("new", True), ("one", True), ("two", False)]


def test_what_was_not_seen_for_a_day_is_forgotten(moment: Moment) -> None:
    """Each start of a worker leaves a row."""
    day = 86_400
    moment.run("delete from public.worker_presence")
    for process, seen in (("old", -day - 1), ("edge", -day), ("young", 1 - day)):
        moment.run(f"insert into public.worker_presence values ('{process}', {at(seen)})")
    assert ended(moment) == 0
    kept = moment.rows("select process from public.worker_presence order by 1")
    assert [row["process"] for row in kept] == ["edge", "young"]
