"""Every plan of events up to a number: single points, pairs; a violation is told with its plan and its trace."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from concept_worker.models import TaskType
from tests.prove.between.course import Case, Course
from tests.prove.between.points import AFTER, BEFORE, CANCELED, DELETED, HANDED_BACK, Event, read, written
from tests.prove.between.sql import SqlClient

CASES = {
    str(case): case
    for case in (
        Case(kind, gives_receipts, loses_worker)
        for kind, gives_receipts, loses_worker in product(TaskType, (False, True), (False, True))
    )
}


@dataclass
class Report:
    """What a search found."""

    case: Case
    courses: int = 0
    effects: int = 0
    seconds: float = 0.0
    is_complete: bool = True
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        end = "complete" if self.is_complete else "cut short"
        return (
            f"{self.case}: {self.courses} courses, {self.effects} effects, {self.seconds:.0f} s, {end}, "
            f"{len(self.violations)} violations"
        )


def search(
    sql: SqlClient,
    case: Case,
    events: int,
    *,
    firsts: Sequence[str] = (),
    seed: int = 0,
    budget: float = float("inf"),
    most: int = 5,
) -> Report:
    """Every plan with at most so many events, or until `most` violations or the budget's seconds.

    The first event is of each kind, or of `firsts`; deaths follow it.
    """
    report, started = Report(case), time.monotonic()
    for course in _courses(sql, case, events, firsts or _firsts(case, events), seed):
        report.courses += 1
        report.effects += len(course.points.trace) - len(course.plan)
        report.seconds = time.monotonic() - started
        if course.watch.violation:
            report.violations.append(told(course))
        report.is_complete = len(report.violations) < most and report.seconds < budget
        if not report.is_complete:
            break
    return report


def again(sql: SqlClient, case: Case, plan: str, *, seed: int = 0) -> Iterator[str]:
    """One course by its plan, as a violation prints it."""
    course = Course(sql, case, read(plan), seed=seed).run()
    yield f"{case}: {course.watch.violation or 'nothing is broken'}"
    yield from (f"  {line}" for line in course.points.trace)


def told(course: Course) -> str:
    """A course with a violation, as a person reads it."""
    trace = "\n".join(f"  {line}" for line in course.points.trace)
    return f'{course.case}: "{written(course.plan)}": {course.watch.violation}\n{trace}'


def _firsts(case: Case, events: int) -> tuple[str, ...]:
    """What a plan may begin with.

    A death before an effect is tried alone only: it is the one after the effect before, for between the two a process
    only reads. Where a death takes the worker, all that is no death is as it is where it takes a child.
    """
    deaths = (BEFORE, AFTER) if events == 1 else (AFTER,)
    return deaths if case.loses_worker else (*deaths, HANDED_BACK, CANCELED, DELETED)


def _courses(
    sql: SqlClient, case: Case, events: int, kinds: Sequence[str], seed: int, plan: tuple[Event, ...] = ()
) -> Iterator[Course]:
    """The course of the plan, then of each one with an event more. Its length says where those may be."""
    course = Course(sql, case, plan, seed=seed).run()
    yield course
    if len(plan) == events or course.watch.violation:
        return
    for number, what in product(range(1, course.points.number + 1), kinds):
        yield from _courses(sql, case, events, (AFTER,), seed, (*plan, Event(number, what)))
