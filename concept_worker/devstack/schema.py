"""Updates of a database: bootstrap, migrations in the CLI's order and recorded as the CLI does, seed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg

from concept_worker.devstack.errors import StackError

_HERE = Path(__file__).resolve().parent
_MISSING_BOOTSTRAP = "select to_regclass('supabase_migrations.schema_migrations') is null"


def schema_folder() -> Path:
    """Return the folder with `migrations/` and `seed.sql`: in an installed wheel, or the repository's `supabase/`."""
    return _HERE if (_HERE / "migrations").is_dir() else _HERE.parent.parent / "supabase"


async def prepare_database(connection: asyncpg.Connection, authenticator_password: str) -> None:
    """Apply every file that the database does not have yet.

    Raises:
        StackError: a file failed; the message has its name and PostgreSQL's reason.
    """
    if await connection.fetchval(_MISSING_BOOTSTRAP):
        await _apply(connection, _HERE / "bootstrap.sql")
    await _apply(connection, _HERE / "auth.sql")
    # ALTER ROLE takes no parameters; the password is hexadecimal and made by us, so it needs no quoting.
    await connection.execute(f"alter role authenticator password '{authenticator_password}'")
    await _migrate(connection, schema_folder() / "migrations")
    await _seed(connection, schema_folder() / "seed.sql")


async def _migrate(connection: asyncpg.Connection, folder: Path) -> None:
    rows = await connection.fetch("select version, statements from supabase_migrations.schema_migrations")
    applied = {row["version"]: row["statements"] for row in rows}
    record = "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)"
    files = {path.stem.partition("_")[0]: path for path in sorted(folder.glob("*.sql"))}
    strange = sorted(applied.keys() - files.keys())
    if strange:
        raise StackError(
            f"this data was made by other migrations than this version has: {', '.join(strange)}; use the version "
            "that made it, or remove the data directory"
        )
    for version, path in files.items():
        name = path.stem.partition("_")[2]
        if version not in applied:
            await _apply(connection, path, record, version, name, [path.read_text()])
        elif applied[version] != [path.read_text()]:
            raise StackError(
                f"{path.name} is not what it was when this data was made: undo the change and add a new migration, "
                "or remove the data directory"
            )


async def _seed(connection: asyncpg.Connection, path: Path) -> None:
    if not path.exists():
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = await connection.fetchval("select hash from supabase_migrations.seed_files where path = $1", path.name)
    record = """insert into supabase_migrations.seed_files (path, hash) values ($1, $2)
        on conflict (path) do update set hash = excluded.hash"""
    if known != digest:
        await _apply(connection, path, record, path.name, digest)


async def _apply(connection: asyncpg.Connection, path: Path, record: str = "", *values: object) -> None:
    """Apply one file and record it, both or neither."""
    try:
        async with connection.transaction():
            await connection.execute(path.read_text())
            if record:
                await connection.execute(record, *values)
    except asyncpg.PostgresError as exc:
        raise StackError(f"{path.name} could not be applied: {exc.message}") from exc
