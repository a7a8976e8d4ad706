"""What holds for the files of the schema, whoever adds one."""

from __future__ import annotations

from concept_worker.devstack.schema import schema_folder

RELOAD = "notify pgrst, 'reload schema';"


def test_a_migration_ends_by_telling_postgrest() -> None:
    """Each is the last of some deployment. Hosted projects reload by an event trigger; plain PostgREST must be told."""
    files = {path.name: path.read_text().rstrip() for path in (schema_folder() / "migrations").glob("*.sql")}
    assert files
    assert [name for name, text in files.items() if not text.endswith(RELOAD)] == []
