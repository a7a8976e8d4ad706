"""Generated rows, filters and changes within the recorded shapes: both servers and a small model in Python agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.exchange import ALICE, BOB, Bench, Request, task_id

pytestmark = pytest.mark.oracle
PROFILE = settings(
    max_examples=60,
    deadline=None,  # two servers and a database are asked for each example
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Row = dict[str, Any]
Test = tuple[str, Callable[[Row], bool]]  # as PostgREST writes it, and as Python does

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8) | st.sampled_from(
    ['a,b(c)"d"\\', "null", "{x}", "é☂😀", "%_*", "'; --", " a ", "eq.1"]
)
_STAGE = st.none() | _TEXT
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_PROGRESS = st.integers(0, 100)
_STATUS = st.sampled_from(["pending", "canceled"])


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """A few tasks of two users."""
    count = draw(st.integers(0, 6))
    return [
        {
            "id": task_id(number),
            "user_id": str(draw(st.sampled_from([ALICE, BOB]))),
            "type": "concept_generation",
            "status": draw(_STATUS),
            "stage": draw(_STAGE),
            "progress": draw(_PROGRESS),
            "metadata": draw(st.dictionaries(_TEXT, _JSON, max_size=3)),
            # Different for each row, so that an order by it is complete.
            "created_at": f"2001-01-01T00:00:{draw(st.integers(0, 5))}{number}+00:00",
            "updated_at": "2001-01-01T00:00:00+00:00",
        }
        for number in range(count)
    ]


def _term(column: str, operator: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{column}={quote(f'{operator}.{text}', safe='')}"


def _listed(values: list[str]) -> str:
    return "(" + ",".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + ")"


@st.composite
def conditions(draw: st.DrawFn) -> Test:
    """One filter of a recorded kind, and its meaning."""
    kind = draw(st.sampled_from(["status", "user", "stage", "in", "is", "gt", "lt", "not in", "neq"]))
    number, text = draw(_PROGRESS), draw(_TEXT)
    several = draw(st.lists(_TEXT, max_size=3))
    match kind:
        case "status":
            status = draw(_STATUS)
            return _term("status", "eq", status), lambda row: row["status"] == status
        case "user":
            return _term("user_id", "eq", str(ALICE)), lambda row: row["user_id"] == str(ALICE)
        case "stage":
            return _term("stage", "eq", text), lambda row: row["stage"] == text
        case "neq":
            return _term("stage", "neq", text), lambda row: row["stage"] is not None and row["stage"] != text
        case "in":
            wanted = several if several != [""] else []  # in PostgREST, a list of one empty text is an empty list
            return _term("stage", "in", _listed(several) if several else "()"), lambda row: row["stage"] in wanted
        case "not in":
            numbers = draw(st.lists(_PROGRESS, min_size=1, max_size=3))
            text = f"({','.join(map(str, numbers))})"
            return _term("progress", "not.in", text), lambda row: row["progress"] not in numbers
        case "is":
            return _term("stage", "is", "null"), lambda row: row["stage"] is None
        case "gt":
            return _term("progress", "gt", number), lambda row: row["progress"] > number
        case _:
            return _term("progress", "lt", number), lambda row: row["progress"] < number


def _meets(row: Row, tests: list[Test]) -> bool:
    return all(test(row) for _, test in tests)


def _visible(found: list[Row], columns: list[str]) -> list[Row]:
    return [{column: row[column] for column in columns} for row in found]


_COLUMNS = ["id", "user_id", "status", "stage", "progress", "metadata"]
_SELECT = f"select={','.join(_COLUMNS)}"


@PROFILE
@given(table=rows(), tests=st.lists(conditions(), max_size=3), limit=st.integers(0, 4), offset=st.integers(0, 4))
def test_reading(bench: Bench, table: list[Row], tests: list[Test], limit: int, offset: int) -> None:
    """Filtered, ordered and cut: the same rows from both, and the ones that Python would pick."""
    query = "&".join([_SELECT, *(term for term, _ in tests), "order=created_at.desc"])
    window = f"&offset={offset}&limit={limit}" if limit else ""
    request = Request("GET", f"/tasks?{query}{window}", headers={"Prefer": "count=exact"})
    assert bench.compare(request, **_stored(table)) == []
    answer = bench.ask(bench.layer, request, **_stored(table))
    found = sorted((row for row in table if _meets(row, tests)), key=lambda row: str(row["created_at"]), reverse=True)
    if window and offset > len(found):
        assert answer.code == "PGRST103"
    else:
        expected = found[offset : offset + limit] if window else found
        assert answer.body == _visible(expected, _COLUMNS)


@PROFILE
@given(table=rows(), tests=st.lists(conditions(), min_size=1, max_size=3), change=st.data())
def test_changing(bench: Bench, table: list[Row], tests: list[Test], change: st.DataObject) -> None:
    """A conditional update changes what Python would, in both; a row that is terminal stops all of it."""
    fields = change.draw(
        st.fixed_dictionaries(
            {}, optional={"stage": _STAGE, "progress": _PROGRESS, "metadata": st.dictionaries(_TEXT, _JSON, max_size=2)}
        )
    )
    request = Request(
        "PATCH",
        "/tasks?" + "&".join([_SELECT, *(term for term, _ in tests)]),
        json.dumps(fields),
        {"Prefer": "return=representation"},
    )
    assert bench.compare(request, **_stored(table)) == []
    answer = bench.ask(bench.layer, request, **_stored(table))
    met = [row for row in table if _meets(row, tests)] if fields else []
    if any(row["status"] == "canceled" for row in met):
        assert answer.code == "P0001"
    else:
        expected = _visible([row | fields for row in met], _COLUMNS)
        assert sorted(answer.body, key=lambda row: str(row["id"])) == expected


@PROFILE
@given(table=rows(), fresh=rows(), resolution=st.sampled_from(["merge", "ignore", None]))
def test_writing(bench: Bench, table: list[Row], fresh: list[Row], resolution: str | None) -> None:
    """Inserts and upserts of many rows at once: all or nothing, as Python would have it, in both."""
    merged = f",resolution={resolution}-duplicates" if resolution else ""
    request = Request("POST", f"/tasks?{_SELECT}", json.dumps(fresh), {"Prefer": f"return=representation{merged}"})
    assert bench.compare(request, **_stored(table)) == []
    answer = bench.ask(bench.layer, request, **_stored(table))
    known = {row["id"]: row for row in table}
    old = [row for row in fresh if row["id"] in known]
    if old and resolution is None:
        assert answer.code == "23505"
    elif resolution == "merge" and any(known[row["id"]]["status"] == "canceled" for row in old):
        assert answer.code == "P0001"
    else:
        written = fresh if resolution != "ignore" else [row for row in fresh if row["id"] not in known]
        assert sorted(answer.body, key=lambda row: str(row["id"])) == _visible(written, _COLUMNS)


@PROFILE
@given(table=rows(), tests=st.lists(conditions(), min_size=1, max_size=3))
def test_deleting(bench: Bench, table: list[Row], tests: list[Test]) -> None:
    """A delete takes the rows that Python would, in both, and leaves the others."""
    request = Request("DELETE", "/tasks?" + "&".join(term for term, _ in tests), headers={"Prefer": "return=minimal"})
    assert bench.compare(request, **_stored(table)) == []
    answer = bench.ask(bench.layer, request, **_stored(table))
    left = {UUID(row["id"]) for row in answer.state["tasks"]}
    assert left == {UUID(row["id"]) for row in table if not _meets(row, tests)}


def _stored(table: list[Row]) -> dict[str, list[Row]]:
    # An empty table is a table too: naming it keeps the usual rows away.
    return {"tasks": table}
