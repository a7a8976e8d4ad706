"""Ways to make real parts fail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
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


@pytest.fixture
def refused_logo(stack: Stack) -> Iterator[str]:
    """A description for which the database refuses to store a concept."""
    name = f"refuse_{uuid4().hex[:8]}"
    run_sql(
        stack,
        f"alter table public.concepts add constraint {name} check (logo_description <> '{name}')",
    )
    yield name
    run_sql(stack, f"alter table public.concepts drop constraint {name}")
