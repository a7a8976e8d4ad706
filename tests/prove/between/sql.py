"""The real SQL functions behind the product's own stores: one connection, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from types import SimpleNamespace
from typing import Any, Self

import asyncpg

from concept_worker.errors import StoreRefused
from tests.prove.between.points import Points

# On this connection the clock of `machine.sql` goes as far as it is told.
_CLOCK = """create or replace function prove.now() returns timestamptz language sql stable as $$
    select timestamptz '2030-01-01'
        + make_interval(secs => coalesce(nullif(current_setting('prove.seconds', true), '')::double precision, 0)) $$"""
_FUNCTIONS = """select p.proname as name, p.proretset as is_set,
    p.proargnames[1:p.pronargs] as names, array(select format_type(t, null) from unnest(p.proargtypes) as t) as types
    from pg_catalog.pg_proc as p where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'"""
_CLEAN = """delete from storage.objects; delete from public.color_variations; delete from public.concepts;
    delete from public.task_steps; delete from public.tasks"""
_READS = frozenset({"open_tasks", "orphan_objects"})
# Verbs of housekeeping. A round that finds nothing is no effect: there are hundreds of them.
_LOOKS = frozenset({"expire_tasks", "resume_dead_tasks", "stalled_tasks"})
_TABLES = ("tasks", "task_steps", "concepts", "color_variations")


class SqlClient:
    """What the stores ask of `supabase.Client`: `rpc`, and reads and inserts of a table. Every write is an effect."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._run(asyncpg.connect(address))
        self.execute(_CLOCK, "set synchronous_commit = off")
        self._queries = {row["name"]: _query(row) for row in self._run(self._connection.fetch(_FUNCTIONS))}
        self.user: str = str(self._run(self._connection.fetchval("select id from auth.users limit 1")))
        self.points = Points()
        self._courses = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._connection.close())
        self._loop.close()

    def begin(self, points: Points) -> None:
        """Empty tables and midnight, for a new course."""
        self.points = points
        self._courses += 1
        self.execute(_CLEAN)
        if self._courses % 200 == 0:
            for table in _TABLES:
                self.execute(f"vacuum public.{table}")
        self.set_clock(0.0)

    def set_clock(self, seconds: float) -> None:
        """So many seconds after midnight."""
        self._run(self._connection.fetchval("select set_config('prove.seconds', $1, false)", str(seconds)))

    def execute(self, *statements: str) -> None:
        """Do what is no effect of the product."""
        for statement in statements:
            self._run(self._connection.execute(statement))

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Look, from outside."""
        wrapped = f"select coalesce(jsonb_agg(to_jsonb(q)), '[]')::text from ({query}) as q"
        found: list[dict[str, Any]] = self._value(wrapped, *arguments)
        return found

    def rpc(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """A call as the stores make it."""
        return SimpleNamespace(execute=lambda: SimpleNamespace(data=self._call(function, arguments)))

    def table(self, name: str) -> Any:
        """A request as the stores make it."""
        return _Request(self, name)

    def insert(self, table: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Insert a row; it is the producer's, so no effect of a worker."""
        names = ", ".join(row)
        source = f"jsonb_populate_record(null::public.{table}, $1::jsonb)"
        made = f"insert into public.{table} ({names}) select {names} from {source} returning *"
        query = f"with made as ({made}) select jsonb_agg(to_jsonb(made))::text from made"
        found: list[dict[str, Any]] = self._value(query, json.dumps(row))
        return found

    def _call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        call = self._queries[function](arguments)
        if function in _READS or (function in _LOOKS and self._finds_nothing(call, arguments)):
            return self._value(call, json.dumps(arguments))
        with self.points.effect(f"{function} {arguments.get('p_step', '')}".rstrip()):
            return self._value(call, json.dumps(arguments))

    def _finds_nothing(self, call: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the verb would find nothing; it is taken back."""
        self.execute("begin")
        found = self._value(call, json.dumps(arguments))
        self.execute("rollback")
        return not found and not self.points.is_dead

    def _value(self, query: str, *arguments: Any) -> Any:
        try:
            return json.loads(self._run(self._connection.fetchval(query, *arguments)) or "null")
        except asyncpg.PostgresError as exc:
            raise StoreRefused(f"the database refused: {exc}", exc.sqlstate) from exc

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)


class _Request:
    """The few chains of `select`, `eq`, `limit` and `insert` that the stores use for rows."""

    def __init__(self, client: SqlClient, table: str) -> None:
        self._client = client
        self._table = table
        self._filters: list[tuple[str, Any]] = []
        self._row: Mapping[str, Any] | None = None

    def select(self, _: str) -> Self:
        """All columns."""
        return self

    def limit(self, _: int) -> Self:
        """As many as there are."""
        return self

    def eq(self, column: str, value: Any) -> Self:
        """A filter."""
        self._filters.append((column, value))
        return self

    def insert(self, row: Mapping[str, Any]) -> Self:
        """A new row."""
        self._row = row
        return self

    def execute(self) -> SimpleNamespace:
        """The rows."""
        if self._row is not None:
            return SimpleNamespace(data=self._client.insert(self._table, self._row))
        wanted = " and ".join(f"{column}::text = ${n}" for n, (column, _) in enumerate(self._filters, start=1))
        query = f"select * from public.{self._table} where {wanted}"
        return SimpleNamespace(data=self._client.rows(query, *(str(value) for _, value in self._filters)))


def _query(row: Any) -> Any:
    """The call of a function with the arguments that are given, by their names, from one JSON document."""
    types = dict(zip(row["names"] or (), row["types"], strict=True))

    def query(given: Mapping[str, Any]) -> str:
        call = f"public.{row['name']}({', '.join(f'{name} => {_typed(name, types[name])}' for name in given)})"
        if row["is_set"]:
            return f"select coalesce(jsonb_agg(to_jsonb(a)), '[]')::text from {call} as a"
        return f"select to_jsonb({call})::text"

    return query


def _typed(name: str, kind: str) -> str:
    if kind == "jsonb":
        return f"nullif($1::jsonb -> '{name}', 'null')"
    if kind.endswith("[]"):
        return f"array(select jsonb_array_elements_text($1::jsonb -> '{name}'))::{kind}"
    return f"($1::jsonb ->> '{name}')::{kind}"
