"""The checker on evidence made by hand: each broken promise is seen, a kept one is not complained about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.chaos.checker import Evidence, check
from tests.chaos.history import ClientCall, Told
from tests.chaos.journal import told, whole_seconds

TASK = "11111111-1111-4111-8111-111111111111"
BASE, VARIATION = f"u/{TASK}/base.png", f"u/{TASK}/variation-01.png"


def evidence(**changes: Any) -> Evidence:
    """A completed run with one palette, everything in order, but for the changes."""
    words = {"num_palettes": 1, "logo_description": "a fox K0001"}
    row = {"id": TASK, "status": "completed", "run": 1, "stage": "store_concept", "result_id": "c"}
    kept: dict[str, Any] = {
        "accepted": {TASK: "K0001"},
        "deleted": frozenset(),
        "tasks": [{**row, "metadata": json.dumps(words), **changes.pop("row", {})}],
        "concepts": [{"id": "c", "task_id": TASK, "image_path": BASE}],
        "variations": [{"concept_id": "c", "position": 1, "image_path": VARIATION}],
        "objects": {BASE: True, VARIATION: True},
        "staged": [],
        "changed": {},
        "backward": {},
        "calls": [],
        "bill": [("K0001", "image", False), ("K0001", "palettes", False)],
        "story": told(changes.pop("journal", [])),
    }
    return Evidence(**{**kept, **changes})


def lines(*whats: tuple[float, int, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Journal lines of one thread a process."""
    return [{"at": at, "pid": pid, "thread": 1, "what": what, **fields} for at, pid, what, fields in whats]


def test_everything_in_order_is_no_violation() -> None:
    """A run as it should be passes, and nothing extra is paid."""
    found, bill = check(evidence())
    assert (found, bill.extra, bill.allowed) == ([], 0, 0)


@pytest.mark.parametrize(
    ("promise", "changes"),
    [
        (1, {"row": {"status": "processing", "result_id": None}, "concepts": [], "variations": [], "objects": {}}),
        (1, {"tasks": [], "concepts": [], "variations": [], "objects": {}}),
        (2, {"concepts": [], "variations": [], "objects": {}}),
        (2, {"concepts": [{"id": one, "task_id": TASK, "image_path": BASE} for one in ("c", "d")]}),
        (2, {"variations": [], "objects": {BASE: True}}),
        (2, {"objects": {BASE: True}}),
        (2, {"objects": {BASE: True, VARIATION: False}}),
        (2, {"row": {"status": "canceled"}}),
        (3, {"bill": [("K0001", "image", False)] * 2}),
        (4, {"objects": {BASE: True, VARIATION: True, f"u/{TASK}/variation-02.png": True}}),
        (4, {"staged": [f"concept-worker:staging:{TASK}:base"]}),
        (5, {"changed": {TASK: "later"}}),
        (6, {"backward": {TASK: "progress"}}),
    ],
)
def test_a_broken_promise_is_seen(promise: int, changes: dict[str, Any]) -> None:
    """Each kind of breakage is a violation, of the right promise."""
    found, _ = check(evidence(**changes))
    assert {(one.promise, one.task) for one in found} == {(promise, TASK)}


ROW, NOTHING, UNKNOWN = Told.ROW, Told.NOTHING, Told.UNKNOWN


@pytest.mark.parametrize(
    ("told", "deleted", "is_broken"),
    [
        ([(ROW, TASK)], False, False),
        ([(UNKNOWN, TASK)], False, False),
        ([(UNKNOWN, TASK), (ROW, TASK)], False, False),
        ([(NOTHING, ""), (ROW, TASK)], False, False),
        ([(Told.FAILED, "")], False, False),
        ([(NOTHING, "")], False, True),
        ([(ROW, "another")], False, True),
        ([(ROW, "another")], True, True),
        ([(UNKNOWN, "another")], False, True),
        ([(UNKNOWN, TASK), (ROW, "another")], False, True),
    ],
)
def test_what_a_client_was_told(told: list[tuple[Told, str]], deleted: bool, is_broken: bool) -> None:
    """There is one row, with this id."""
    calls = [ClientCall("K0001", 1.0, 2.0, how, task) for how, task in told]
    found, _ = check(evidence(calls=calls, deleted=frozenset({"another"} if deleted else ())))
    assert {one.promise for one in found} == ({7} if is_broken else set())


def test_one_request_makes_one_row() -> None:
    """Two with its word are one too many, whatever the client was told."""
    rows = evidence().tasks
    second = {**rows[0], "id": TASK.replace("1", "2"), "status": "failed", "result_id": None}
    calls = [ClientCall("K0001", 1.0, 2.0, ROW, TASK)]
    assert 7 in {one.promise for one in check(evidence(tasks=[*rows, second], calls=calls))[0]}


def test_a_call_of_a_frozen_worker_may_be_paid_again() -> None:
    """When the frost came while it was under way; not when it came before or after."""
    twice = [("K0001", "image", False)] * 2
    for begun, ended, promises in ((1, 9, []), (4, 9, []), (1, 2, [3]), (7, 9, [3])):
        journal = lines(
            (begun, 7, "call", {"task": TASK, "endpoint": "image"}),
            (ended, 7, "recorded", {}),
            (6, 0, "thawed", {"victims": [7], "since": 3}),
        )
        story = sorted(journal, key=lambda one: one["at"])
        assert [one.promise for one in check(evidence(bill=twice, journal=story))[0]] == promises


def test_a_call_in_the_hands_of_a_dead_worker_may_be_paid_again() -> None:
    """Once for the death; a recorded answer gives no such right, though its worker died later."""
    twice = [("K0001", "image", False)] * 2
    call = {"task": TASK, "endpoint": "image"}
    died_with_it = lines((1, 7, "call", call), (2, 0, "killed", {"victim": 7}))
    died_after = lines((1, 7, "call", call), (2, 7, "recorded", {}), (3, 0, "killed", {"victim": 7}))
    assert check(evidence(bill=twice, journal=died_with_it))[0] == []
    assert [one.promise for one in check(evidence(bill=twice, journal=died_after))[0]] == [3]


def test_an_answer_that_the_provider_lost_may_be_paid_again() -> None:
    """The provider charged and sent nothing: nobody could have recorded it."""
    found, bill = check(evidence(bill=[("K0001", "image", True), ("K0001", "image", False)]))
    assert (found, bill.extra, bill.allowed) == ([], 1, 1)


def test_a_picture_that_staging_forgot_may_be_paid_again_only_while_it_was_nowhere_else() -> None:
    """A loss before the picture lay in the bucket counts, one after that does not."""
    twice = [("K0001", "image", False)] * 2
    call = lines((1, 7, "call", {"task": TASK, "endpoint": "image"}), (2, 7, "recorded", {}))
    stored = lines((4, 8, "begin", {"task": TASK, "step": "create_variations"}))
    early, late = lines((3, 0, "forgot", {})), lines((5, 0, "forgot", {}))
    assert check(evidence(bill=twice, journal=[*call, *early, *stored]))[0] == []
    assert [one.promise for one in check(evidence(bill=twice, journal=[*call, *stored, *late]))[0]] == [3]


def test_time_in_which_something_was_away_is_taken_off() -> None:
    """Each second once, however many outages it lies in; outages that reach beyond count inside only."""
    assert whole_seconds([], 10, 20) == 10
    assert whole_seconds([(0, 11), (12, 14), (13, 15), (19, 30), (40, 50)], 10, 20) == 5
