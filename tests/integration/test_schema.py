"""`supabase/schemas/` is what the migrations make: the same catalogue, read from PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from concept_worker.devstack import Stack
from concept_worker.models import TaskType
from tests import databases
from tests.chaos.database import fetch
from tests.databases import SUPABASE, schemas

_OURS = "n.nspname = 'public'"
_CATALOGUE = {
    "columns": f"""select format('%s.%s %s %s %s %s', c.relname, a.attname, a.attnum,
            format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) as line
        from pg_attribute as a join pg_class as c on c.oid = a.attrelid join pg_namespace as n on n.oid = c.relnamespace
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where {_OURS} and c.relkind = 'r' and a.attnum > 0""",
    "constraints": f"""select format('%s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) as line
        from pg_constraint as k join pg_namespace as n on n.oid = k.connamespace where {_OURS}""",
    "indexes": "select indexdef as line from pg_indexes where schemaname = 'public'",
    "functions": f"""select format('%s %s', array(select unnest(p.proacl)::text order by 1),
            pg_get_functiondef(p.oid)) as line
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where {_OURS}""",
    "triggers": f"""select format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) as line
        from pg_trigger as t join pg_class as c on c.oid = t.tgrelid join pg_namespace as n on n.oid = c.relnamespace
        where {_OURS} and not t.tgisinternal""",
    "policies": "select p::text as line from pg_policies as p where schemaname in ('public', 'storage')",
    "tables": f"""select format('%s %s %s', c.relname, c.relrowsecurity,
            array(select unnest(c.relacl)::text order by 1)) as line
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where {_OURS} and c.relkind = 'r'""",
    "buckets": """select format('%s %s %s %s', id, public, file_size_limit, allowed_mime_types) as line
        from storage.buckets""",
}


MakeDatabase = Callable[..., str]


@pytest.fixture
def make_database(stack: Stack) -> Iterator[MakeDatabase]:
    """Make a database with what a hosted project has, and these files; it is dropped at the end."""
    owner = stack.environment["DATABASE_URL"]
    made: list[str] = []

    def make(files: Iterable[Path], change: tuple[str, str] = ("", "")) -> str:
        made.append(databases.make_database(owner, files, change))
        return made[-1]

    yield make
    for url in made:
        databases.drop_database(owner, url)


def catalogue(url: str) -> dict[str, list[str]]:
    """What the database has of ours, as sorted lines."""
    return {name: sorted(row["line"] for row in fetch(url, query)) for name, query in _CATALOGUE.items()}


def migrations() -> list[Path]:
    """The files that lead there."""
    return sorted((SUPABASE / "migrations").glob("*.sql"))


def test_the_database_knows_each_type_of_task(stack: Stack) -> None:
    """A new one needs a migration."""
    (check,) = fetch(
        stack.environment["DATABASE_URL"],
        "select pg_get_constraintdef(oid) as text from pg_constraint where conname = 'tasks_type_known'",
    )
    assert set(re.findall(r"'(\w+)'::text", check["text"])) == {kind.value for kind in TaskType}


def test_the_schema_files_say_what_the_migrations_make(make_database: MakeDatabase) -> None:
    """Columns, constraints, indexes, functions, triggers, policies, rights and buckets."""
    assert catalogue(make_database(schemas())) == catalogue(make_database(migrations()))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("columns", ("stage text,", "stage varchar(80),")),
        ("functions", ("status = 'pending' or (", "status = 'failed' or (")),
        ("policies", ("(select auth.uid()) = user_id", "(select auth.uid()) <> user_id")),
        ("tables", ("grant select on public.tasks,", "grant all on public.tasks,")),
    ],
)
def test_a_difference_is_seen(make_database: MakeDatabase, kind: str, change: tuple[str, str]) -> None:
    """The comparison reads what it says."""
    same, other = catalogue(make_database(schemas())), catalogue(make_database(schemas(), change))
    assert [name for name in same if same[name] != other[name]] == [kind]
