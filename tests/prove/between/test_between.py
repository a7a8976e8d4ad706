"""The promise holds wherever a process is killed, and a wrong order of effects is caught."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from concept_worker.models import TaskType
from tests.prove.between.course import Case, Course
from tests.prove.between.mistakes import MISTAKES
from tests.prove.between.points import AFTER, CANCELED, Event, read, written
from tests.prove.between.search import CASES, again, search
from tests.prove.between.sql import SqlClient
from tests.prove.database import Database


@pytest.fixture(scope="module")
def sql(database: Database) -> Iterator[SqlClient]:
    """The product's functions, as its stores ask them."""
    with SqlClient(database.address) as client:
        yield client


@pytest.mark.parametrize("case", CASES)
def test_no_event_breaks_the_promise(sql: SqlClient, case: str) -> None:
    """A death before and after every effect, a stop, a cancel and a delete behind it: at each single point."""
    report = search(sql, CASES[case], 1)
    assert report.is_complete
    assert not report.violations, "\n".join(report.violations)


def test_no_two_deaths_break_the_promise(sql: SqlClient) -> None:
    """Each pair; the other cases and events are gone through by `make prove PART=between`."""
    report = search(sql, Case(TaskType.GENERATION), 2, firsts=(AFTER,))
    assert report.is_complete
    assert not report.violations, "\n".join(report.violations)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_order_is_found(sql: SqlClient, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With no more events than it takes, and its plan can be pasted back."""
    mistake = MISTAKES[name]
    mistake.make(monkeypatch)
    report = search(sql, mistake.case, mistake.events, most=1)
    assert [mistake.words in one for one in report.violations] == [True], report.violations
    plan, trace = report.violations[0].split('"')[1], report.violations[0].splitlines()[1:]
    assert list(again(sql, mistake.case, plan))[1:] == trace


def test_the_same_seed_gives_the_same_trace(sql: SqlClient) -> None:
    """Pictures, order of the steps side by side and all that follows; another seed gives another one."""
    case, plan = Case(TaskType.REFINEMENT, loses_worker=True), read("14 after; 4 before")
    first, second, other = (Course(sql, case, plan, seed=seed).run().points.trace for seed in (3, 3, 4))
    assert first == second
    assert first != other
    assert sum(line.startswith("    ") for line in first) == 2


def test_a_plan_is_written_as_it_is_read() -> None:
    """What is no plan is refused."""
    plan = (Event(4, "before"), Event(2, CANCELED))
    assert read(written(plan)) == plan
    with pytest.raises(ValueError, match="not"):
        read("4 meanwhile")


def test_an_event_that_cannot_come_is_told(sql: SqlClient) -> None:
    """A plan from another version of the code."""
    course = Course(sql, Case(TaskType.GENERATION), read("400 before")).run()
    assert course.watch.violation == "an event of the plan never came"
