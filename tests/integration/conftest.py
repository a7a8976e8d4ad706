"""Ways to make real parts fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
import pytest

from concept_worker.devstack import Stack


def run_sql(stack: Stack, *statements: str) -> None:
    """Run statements as the owner of the database."""

    async def run() -> None:
        connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def end_open_rows(stack: Stack) -> None:
    """Fail what other tests left open, so that this test's housekeeping has nothing else to go on with."""
    run_sql(
        stack,
        "update public.tasks set status = 'failed', lease_expires_at = null, error_message = 'left by another test'"
        " where status in ('pending', 'processing')",
    )


def value_of(stack: Stack, expression: str) -> object:
    """The value of an SQL expression, read as the owner of the database."""

    async def run() -> object:
        connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
        try:
            return await connection.fetchval(f"select {expression}")
        finally:
            await connection.close()

    return asyncio.run(run())


@contextmanager
def refusing(stack: Stack, table: str, condition: str) -> Iterator[None]:
    """The database takes no row that fulfils the condition."""
    name = f"refuse_{uuid4().hex[:8]}"
    run_sql(stack, f"alter table {table} add constraint {name} check (not ({condition})) not valid")
    try:
        yield
    finally:
        run_sql(stack, f"alter table {table} drop constraint {name}")


@contextmanager
def uncommitted(stack: Stack, statement: str) -> Iterator[Callable[[], bool]]:
    """The statement's transaction is open while the body runs; the body may ask whether somebody waits for it."""
    waits = "select exists (select from pg_catalog.pg_locks where not granted)"
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(stack.environment["DATABASE_URL"]))
        try:
            runner.run(connection.execute(f"begin; {statement}"))
            yield lambda: bool(runner.run(connection.fetchval(waits)))
            runner.run(connection.execute("commit"))
        finally:
            runner.run(connection.close())


@pytest.fixture
def refused_logo(stack: Stack) -> Iterator[str]:
    """A description for which the database refuses to store a concept."""
    name = f"refuse_{uuid4().hex[:8]}"
    with refusing(stack, "public.concepts", f"logo_description = '{name}'"):
        yield name


@pytest.fixture(scope="module", autouse=True)
def no_open_rows(stack: Stack) -> None:
    """End the rows that earlier modules left open: this module's housekeeping would go on with them, and pay for it."""
    end_open_rows(stack)
