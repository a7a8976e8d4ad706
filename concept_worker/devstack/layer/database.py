"""The database: one statement per request, in a transaction, as the caller's role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from concept_worker.devstack.layer.callers import Caller
from concept_worker.devstack.layer.catalog import Catalog, read_catalog

POOL = 10  # connections, as PostgREST's default
ACQUIRE_SECONDS = 10.0  # how long a request waits for a connection
# Types that travel as text, so that PostgreSQL itself reads the client's text; and the conversion of their results.
TEXT_TYPES: dict[str, Callable[[str], Any]] = {
    "uuid": str, "text": str, "smallint": int, "integer": int, "bigint": int, "real": float,
    "double precision": float, "numeric": str, "boolean": "t".__eq__, "date": str, "bytea": str, "interval": str,
    "timestamp with time zone": str, "timestamp without time zone": str, "time with time zone": str,
    "time without time zone": str,
}  # fmt: skip
_BECOME = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"
# Everything that DISCARD ALL does, except that the driver's prepared statements stay.
_RESET = """
set session authorization default; reset role; reset all; select pg_advisory_unlock_all(); close all; unlisten *;
discard temp; discard sequences
"""

_SHORT_NAMES = """
select typname as name, format_type(oid, null) as long from pg_type
where typnamespace = 'pg_catalog'::regnamespace and format_type(oid, null) = any ($1::text[])
"""


class Database:
    """A pool of connections of the login role, and the catalog read through them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.catalog = Catalog({}, ())

    @classmethod
    async def connect(cls, dsn: str) -> Database:
        """Open the pool and read the catalog."""
        settings = {"search_path": "public, extensions", "application_name": "concept_worker layer", "jit": "off"}
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=POOL,
            init=_speak_text,
            reset=_reset,
            server_settings=settings,
            ssl=False,
        )
        database = cls(pool)
        await database.refresh()
        return database

    async def refresh(self) -> None:
        """Read the catalog again, because a name was missing in it."""
        async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            self.catalog = await read_catalog(connection)

    @asynccontextmanager
    async def acting_as(self, caller: Caller, *, readonly: bool = False) -> AsyncIterator[asyncpg.Connection]:
        """Open a transaction as the caller and yield its connection; an error inside rolls it back."""
        async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction(readonly=readonly):
            await connection.fetchval(_BECOME, caller.role, caller.claims)
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()


async def _speak_text(connection: asyncpg.Connection) -> None:
    names = {row["name"]: row["long"] for row in await connection.fetch(_SHORT_NAMES, list(TEXT_TYPES))}
    for name, long_name in names.items():
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=str, decoder=TEXT_TYPES[long_name], format="text"
        )


async def _reset(connection: asyncpg.Connection) -> None:
    """Reset the state that a request could leave; asyncpg has ended the transaction, and closes us if this fails."""
    await connection.execute(_RESET)
