"""What holds for the files of the schema, whoever adds one."""

from __future__ import annotations

from concept_worker.devstack.schema import schema_folder

RELOAD = "notify pgrst, 'reload schema';"
FIRST = "20261125000300_reload.sql"


def test_a_migration_ends_by_telling_postgrest() -> None:
    """Each is the last of some deployment, but for those before `FIRST`, which none ends with any more."""
    files = {path.name: path.read_text().rstrip() for path in (schema_folder() / "migrations").glob("*.sql")}
    assert FIRST in files
    assert [name for name, text in files.items() if name >= FIRST and not text.endswith(RELOAD)] == []
