"""The promise holds in every schedule of two faults, and a schema with a known hole is caught."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.prove import executions, housekeeping
from tests.prove.database import Database
from tests.prove.moves import Mover
from tests.prove.replay import replay
from tests.prove.search import Report, Search, _Start, first_world
from tests.prove.world import GENERATION, REFINEMENT

# A hole, by the property that must find it: function, what stands there, what is put in its place.
HOLES = {
    "one_execution_at_a_step": (
        "begin_step(uuid,integer,text,text,integer,double precision,integer,text,text[],double precision)",
        "s.state = 'running' and s.lease_expires_at + v_takeover < prove.now()",
        "s.state = 'running'",
    ),
    "nothing_is_paid_without_a_reason": (
        "begin_step(uuid,integer,text,text,integer,double precision,integer,text,text[],double precision)",
        "case when v_step.state = 'done' then 'done' else 'go' end",
        "'go'",
    ),
    "a_step_begins_in_its_turn": (
        "begin_step(uuid,integer,text,text,integer,double precision,integer,text,text[],double precision)",
        " or v_task.status not in ('processing', 'completed')",
        "",
    ),
    "the_first_output_wins": (
        "finish_step(uuid,integer,text,jsonb,integer,double precision)",
        "coalesce(output, p_output)",
        "p_output",
    ),
    "a_completed_row_has_one_concept": (
        "store_concept(uuid,integer,jsonb,jsonb)",
        "progress = 100, completed_at",
        "progress = 97, completed_at",
    ),
    "a_processing_row_has_a_lease": (
        "transition_task(uuid,integer,text,uuid,text,double precision)",
        "lease_expires_at = case",
        "lease_expires_at = case when p_status = 'canceled' then lease_expires_at",
    ),
    "rows_go_forward": (
        "begin_step(uuid,integer,text,text,integer,double precision,integer,text,text[],double precision)",
        "progress = greatest(progress, p_progress)",
        "progress = p_progress",
    ),
    "every_row_ends": (
        "resume_tasks(uuid[],double precision,integer)",
        "set enqueued_at = prove.now()",
        "set enqueued_at = prove.now() + interval '1 year'",
    ),
}


@pytest.fixture
def hole(database: Database, request: pytest.FixtureRequest) -> Iterator[None]:
    """The function with its hole, for one test."""
    name, old, new = HOLES[request.getfixturevalue("broken_property")]
    source = database.functions()[name]
    assert source.count(old) >= 1, f"{name} has changed: the hole is nowhere"
    database.replace(source.replace(old, new))
    yield
    database.replace(source)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [GENERATION, REFINEMENT])
def test_no_two_faults_break_the_promise(database: Database, kind: str) -> None:
    """Every schedule with at most two faults, to its end."""
    report = Search(database, kind).run(2)
    assert report.is_complete
    assert not report.violations, "\n".join(map(str, report.violations))


@pytest.mark.parametrize("broken_property", HOLES)
def test_a_hole_is_found(database: Database, hole: None, broken_property: str) -> None:
    """Each property fails on a schema that lacks what it rests on, and its schedule can be pasted back."""
    search = Search(database, GENERATION, most=1)
    report = search.run(1)
    if not report.violations:
        report = Search(database, GENERATION, most=1).run(2)
    assert [one.name for one in report.violations] == [broken_property]
    schedule = "; ".join(f"{at} {fault}" for at, fault in report.violations[0].schedule)
    told = list(replay(database, GENERATION, schedule, most=1_100))
    assert any(f"BROKEN {broken_property}" in line for line in told)


def test_litter_is_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course of things in which the end of a run releases nothing, and housekeeping does not follow up."""
    for room in (executions, housekeeping):
        monkeypatch.setattr(room, "unstaged", lambda world, task: world)
    report = Search(database, GENERATION, most=1).run(0)
    assert [one.name for one in report.violations] == ["nothing_is_left_behind"]


def test_a_course_that_goes_round_is_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that waits for ever in one and the same state does not pass for one that another schedule judged."""
    monkeypatch.setattr(Mover, "step", lambda mover, world: world)
    report = Search(database, GENERATION, most=1).run(0)
    assert [(one.name, one.words) for one in report.violations] == [("every_row_ends", "it goes round for ever")]


def test_a_move_into_a_known_moment_is_judged(database: Database) -> None:
    """Another schedule was there already, by a way that was allowed."""
    search = Search(database, GENERATION, most=1)
    first = first_world(GENERATION)
    second = Mover(database).step(Mover(database).step(first))
    search._seen.add(first)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(Mover, "step", lambda mover, world: first)
    report = Report(0)
    search._follow(_Start(second, 2, ()), report, None)
    monkey.undo()
    assert [one.name for one in report.violations] == ["rows_go_forward"]


def test_a_schedule_that_cannot_be_is_refused(database: Database) -> None:
    """What a person pastes is checked against what can happen at that move."""
    with pytest.raises(LookupError, match="cannot happen here"):
        list(replay(database, GENERATION, "0 worker dies"))
