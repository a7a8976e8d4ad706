"""The comparison itself: a seeded difference of each kind is found, and sameness is not mistaken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.exchange import Answer, Bench, Request, differences, settled, task_id

ROW = {"id": task_id(1), "stage": "a"}
LIST = Answer(
    200, {"content-type": "application/json; charset=utf-8", "content-range": "0-0/*"}, [ROW], {"tasks": [ROW]}
)
ERROR = Answer(400, {}, {"code": "22P02", "message": "invalid input syntax"}, {"tasks": [ROW]})


@pytest.mark.parametrize(
    ("theirs", "ours", "kind"),
    [
        (LIST, replace(LIST, status=206), "status"),
        (LIST, replace(LIST, headers={**LIST.headers, "content-range": "0-0/1"}), "header content-range"),
        (LIST, replace(LIST, headers={"content-range": "0-0/*"}), "header content-type"),
        (
            LIST,
            replace(LIST, headers={**LIST.headers, "preference-applied": "count=exact"}),
            "header preference-applied",
        ),
        (LIST, replace(LIST, body=[{**ROW, "stage": None}]), "body"),
        (LIST, replace(LIST, body=[ROW, ROW]), "body"),
        (LIST, replace(LIST, body=[{"id": task_id(1)}]), "body"),
        (LIST, replace(LIST, state={"tasks": []}), "rows"),
        (ERROR, replace(ERROR, body={"code": "22003", "message": "invalid input syntax"}), "error code"),
        (ERROR, replace(ERROR, status=404), "status"),
        (ERROR, LIST, "error code"),
    ],
)
def test_a_seeded_deviation_is_found(theirs: Answer, ours: Answer, kind: str) -> None:
    """Status, header, body, error code, rows: each kind alone is enough."""
    assert any(found.startswith(kind) for found in differences(theirs, ours))


def test_the_same_is_the_same() -> None:
    """Equal answers have no differences, and neither have errors that only say it in other words."""
    assert differences(LIST, LIST) == []
    assert differences(ERROR, replace(ERROR, body={"code": "22P02", "message": "other words"})) == []


def test_only_what_a_server_makes_up_is_overlooked() -> None:
    """Random ids and the time of day are replaced; our ids, our times and everything else stay."""
    text = '[{"id": "6a1d8a24-9f6b-4d1c-8a55-0f8f3b8f3c11", "at": "2026-11-20T19:19:47.209498+00:00", "n": 1.5}]'
    assert settled(text) == [{"id": "<random>", "at": "<now>", "n": 1.5}]
    kept = f'[{{"id": "{task_id(1)}", "at": "2001-01-01T00:00:00+00:00"}}]'
    assert settled(kept) == [{"id": task_id(1), "at": "2001-01-01T00:00:00+00:00"}]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("ours", "kind"),
    [
        (Request("GET", "/tasks?select=id&progress=gt.10"), "body"),
        (Request("GET", "/tasks?select=id&limit=1"), "header content-range"),
        (Request("GET", "/tasks?select=nope"), "error code"),
        (Request("GET", "/tasks?select=id&limit=1", None, {"Prefer": "count=exact"}), "status"),
        (Request("DELETE", f"/tasks?select=id&id=eq.{task_id(1)}"), "rows"),
    ],
)
def test_a_deviation_between_real_servers_is_found(bench: Bench, ours: Request, kind: str) -> None:
    """The real servers, asked two different things, are seen to differ."""
    theirs = bench.ask(bench.oracle, Request("GET", "/tasks?select=id&progress=gt.0"))
    assert any(found.startswith(kind) for found in differences(theirs, bench.ask(bench.layer, ours)))
