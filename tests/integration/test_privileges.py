"""What the migrations leave open to users and strangers. Hosted projects open every new table and function to them."""

from __future__ import annotations

from concept_worker.devstack import Stack
from tests.chaos.database import fetch


def test_users_read_three_tables_and_strangers_none(stack: Stack) -> None:
    """Nobody but the service role writes."""
    granted = fetch(
        stack.environment["DATABASE_URL"],
        """select grantee, table_name, privilege_type from information_schema.role_table_grants
        where table_schema = 'public' and grantee in ('anon', 'authenticated', 'PUBLIC') order by table_name""",
    )
    assert [tuple(row.values()) for row in granted] == [
        ("authenticated", table, "SELECT") for table in ("color_variations", "concepts", "tasks")
    ]


def test_every_table_has_row_level_security(stack: Stack) -> None:
    """So that a grant too many opens nothing."""
    tables = fetch(
        stack.environment["DATABASE_URL"],
        """select relname, relrowsecurity as secured from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r'""",
    )
    assert len(tables) >= 4
    assert [table["relname"] for table in tables if not table["secured"]] == []


def test_only_the_service_role_calls_functions(stack: Stack) -> None:
    """Any of them, also those of later migrations."""
    functions = fetch(
        stack.environment["DATABASE_URL"],
        """select proname, role from pg_proc, unnest(array['service_role', 'anon', 'authenticated']) as role
        where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype
            and has_function_privilege(role, pg_proc.oid, 'execute')""",
    )
    assert len(functions) >= 16
    assert {row["role"] for row in functions} == {"service_role"}


def test_buckets_are_private(stack: Stack) -> None:
    """And take nothing but pictures of a bounded size."""
    buckets = fetch(
        stack.environment["DATABASE_URL"],
        "select public, file_size_limit, allowed_mime_types from storage.buckets where id like '%-images'",
    )
    assert [tuple(bucket.values()) for bucket in buckets] == [(False, 20_971_520, ["image/png"])] * 2
