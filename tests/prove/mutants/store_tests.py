"""The tests of the store as a judge: collected once, run for one mutant after the other on one stack."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from concept_worker.devstack import Stack
from tests import waiting
from tests.chaos.database import fetch
from tests.prove.mutants.catalogue import CONSTRAINTS, Mutant

if TYPE_CHECKING:
    from _pytest.fixtures import FixtureDef, SubRequest

_INTEGRATION = Path(__file__).resolve().parents[2] / "integration" / "services"
_FILES = (
    "test_tables.py",
    "test_step_verbs.py",
    "test_step_ends.py",
    "test_run_verbs.py",
    "test_housekeeping_verbs.py",
    "test_retention_verbs.py",
    "test_presence_verbs.py",
    "test_task_service.py",
    "test_receipts.py",
    "test_concept_persistence_service.py",
    "test_dead_runs.py",
    "test_housekeeping_service.py",
    "test_locks.py",
)
_PATIENCE = 3.0  # seconds that a test waits for a condition which a mutant keeps from coming
_LIMIT = 10  # seconds of one test
_EMPTY = "truncate public.tasks, public.task_steps, public.concepts, public.color_variations"
_DEFINED = (
    "select p.proname as name, pg_get_functiondef(p.oid) as source from pg_catalog.pg_proc as p "
    "where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'"
)
_TRIGGERS = (
    "select pg_get_triggerdef(oid) as source from pg_catalog.pg_trigger where not tgisinternal "
    "and tgrelid::regclass::text not like '%.%'"
)
_INDEXES = "select indexdef as source from pg_catalog.pg_indexes where schemaname = 'public'"


class Unusable(Exception):
    """PostgreSQL refuses the mutant, so it is none."""


class StoreTests:
    """A plugin of pytest; `judge` is called in the place of its loop, when all tests are collected."""

    def __init__(self, judge: Callable[[StoreTests], None]) -> None:
        self._judge = judge
        self._failed = False
        self.words = ""  # of the last failure
        self._killed_by: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._seconds: dict[str, float] = {}
        self._items: list[pytest.Item] = []
        self._stack: Stack | None = None
        self._trouble: BaseException | None = None

    @classmethod
    def run(cls, judge: Callable[[StoreTests], None]) -> None:
        """Collect the tests, call `judge`, and end the stack."""
        plugin = cls(judge)
        waiting.until.__defaults__ = (_PATIENCE,)
        quiet = ["-q", "--no-summary", "--tb=short"]  # a summary of all kills would take minutes
        arguments = [*quiet, f"--timeout={_LIMIT}", "-p", "no:xdist", *(str(_INTEGRATION / name) for name in _FILES)]
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            pytest.main(arguments, plugins=[plugin])
        if plugin._trouble is not None:
            raise plugin._trouble

    @property
    def url(self) -> str:
        """The database's address."""
        assert self._stack is not None, "no test has asked for the stack"
        return self._stack.environment["DATABASE_URL"]

    def first_failure(self, subject: str, *, backwards: bool = False) -> str:
        """The first test that fails now; empty: all pass. Tests that failed for the same subject go first."""
        before = self._killed_by[subject]
        order = sorted(
            self._items,
            key=lambda item: (
                _name(item) not in before,
                not _speaks_of(item, subject),
                self._seconds.get(item.nodeid, 0.0),
            ),
            reverse=backwards,
        )
        failed = self._first_failure(order)
        if failed:
            before[failed] = None
        return failed

    def start(self) -> None:
        """Start the stack: the first test does."""
        self._first_failure(self._items[:1])

    def passes(self, name: str) -> bool:
        """Whether a test passes, by what `first_failure` calls it."""
        return not self._first_failure([item for item in self._items if _name(item) == name])

    def _first_failure(self, order: Sequence[pytest.Item]) -> str:
        self._failed = False
        for item, following in zip(order, [*order[1:], order[0]], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                break
        stranger = next(one for one in self._items if one.path != following.path)
        following.session._setupstate.teardown_exact(stranger)  # what the session has stays: the stack
        return _name(item) if self._failed else ""

    @contextlib.contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """The database with the mutant in it; as it was at the end.

        Raises:
            Unusable: PostgreSQL refuses the change.
        """
        before = _schema(self.url)
        try:
            _execute(self.url, _EMPTY, *mutant.statements)
        except asyncpg.PostgresError as exc:
            raise Unusable(f"{mutant.name}: {exc}") from exc
        try:
            yield
        finally:
            _execute(self.url, _EMPTY, *_back(before, _schema(self.url)))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._items = [item for item in items if "test_beat_keeps" not in item.nodeid]

    def pytest_runtestloop(self) -> bool:
        try:
            self._judge(self)
        except BaseException as exc:  # pytest would only print it
            self._trouble = exc
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] = max(self._seconds.get(report.nodeid, 0.0), report.duration)
        if report.failed:
            self._failed = True
            self.words = report.longreprtext

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: FixtureDef[object], request: SubRequest) -> Iterator[None]:
        made = yield
        if isinstance(made, Stack):
            self._stack = made
        return made


def _name(item: pytest.Item) -> str:
    return f"{item.path.name}{item.nodeid.partition('.py')[2]}"


def _speaks_of(item: pytest.Item, subject: str) -> bool:
    """Whether a test calls a function, by its name or by a helper that has one of its words."""
    text = item.name + _source_of(getattr(item, "function", None))
    return subject in text or any(f" {word}(" in text or f".{word}(" in text for word in subject.split("_"))


@cache
def _source_of(function: Callable[..., object] | None) -> str:
    return inspect.getsource(function) if function is not None else ""


Schema = dict[str, dict[str, str]]


def _schema(url: str) -> Schema:
    """Statements that make what is there, by what they make."""
    return {
        "function": {row["source"]: row["source"] for row in fetch(url, _DEFINED)},
        "trigger": {row["source"]: row["source"] for row in fetch(url, _TRIGGERS)},
        "constraint": {
            line: f"alter table {row['of']} add constraint {row['name']} {row['source']}"
            for row in fetch(url, CONSTRAINTS)
            for line in [f"{row['of']} {row['name']} {row['source']}"]
        },
        "index": {row["source"]: row["source"] for row in fetch(url, _INDEXES)},
    }


def _back(before: Schema, now: Schema) -> Iterator[str]:
    """Statements that bring everything back that is not there now, keys before what refers to them."""
    for source in now["trigger"].keys() - before["trigger"].keys():
        name, table = source.split(" ")[2], source.partition(" ON ")[2].split(" ")[0]
        yield f"drop trigger {name} on {table}"
    for line in now["constraint"].keys() - before["constraint"].keys():
        table, name, _ = line.split(" ", 2)
        yield f"alter table {table} drop constraint {name}"
    for kind, made in before.items():
        for known, statement in made.items():
            if known not in now[kind]:
                if kind == "index" and " UNIQUE " in statement:
                    continue  # the key's own
                yield statement


def _execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("set lock_timeout = '10s'")
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
