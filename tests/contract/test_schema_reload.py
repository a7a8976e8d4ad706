"""A schema that was just pushed, before the real PostgREST: what the last line of a migration is worth."""

from __future__ import annotations

import pytest

from concept_worker.devstack.schema import schema_folder
from tests.contract.exchange import Answer, Bench, Request
from tests.waiting import until

pytestmark = pytest.mark.oracle
FRESH = "create function public.just_pushed() returns integer language sql set search_path = '' as 'select 7'"


def test_a_new_function_is_known_when_the_migration_ends_with_the_notice(bench: Bench) -> None:
    """And not before: PostgREST does not watch the schema by itself."""

    def asked() -> Answer:
        return bench.ask(bench.oracle, Request("POST", "/rpc/just_pushed", "{}"))

    bench.database.run(FRESH)
    try:
        assert asked().code == "PGRST202"
        bench.database.run(_last_line_of_the_migrations())
        until(lambda: asked().status == 200, "PostgREST to know the function")
    finally:
        bench.database.run("drop function public.just_pushed()")


def _last_line_of_the_migrations() -> str:
    newest = max((schema_folder() / "migrations").glob("*.sql"))
    return newest.read_text().rstrip().splitlines()[-1]
