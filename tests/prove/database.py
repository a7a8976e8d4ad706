"""The real SQL functions on a clock that stands still: a call in a state gives an answer and the next state."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple, Self

import asyncpg

_HERE = Path(__file__).resolve().parent
_FUNCTIONS = """select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as source
    from pg_catalog.pg_proc as p where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' order by 1"""
_DEFAULTS = """select c.table_name, c.column_name from information_schema.columns as c
    where c.table_schema = 'public' and c.column_default = 'now()'"""
_TIDY = 4_000  # calls after which dead rows are removed


class Answer(NamedTuple):
    """What a call returned (rows, in their order), and the state behind it as canonical JSON."""

    rows: list[Any]
    state: str


class Refused(Exception):
    """The database refused a call that the product may make."""


class Database:
    """One connection, one call at a time; what was answered before in the same state is not asked again."""

    def __init__(self, url: str) -> None:
        self.address = url
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection = self._loop.run_until_complete(asyncpg.connect(url))
        self._answers: dict[tuple[str, str], Answer] = {}
        self._there = ""  # the state that lies in the tables
        self.statements = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    def prepare(self) -> None:
        """Put every function of the product on the clock that stands still."""
        self._run((_HERE / "machine.sql").read_text())
        self._run("insert into auth.users (id) values ('00000000-0000-0000-0000-0000000000ff')")
        for row in self._loop.run_until_complete(self._connection.fetch(_DEFAULTS)):
            self._run(f"alter table public.{row['table_name']} alter {row['column_name']} set default prove.now()")
        for source in self.functions().values():
            self.replace(source)
        self._run("set synchronous_commit = off")

    def functions(self) -> dict[str, str]:
        """The source of each function of the product, by its signature."""
        rows = self._loop.run_until_complete(self._connection.fetch(_FUNCTIONS))
        return {row["name"]: row["source"] for row in rows}

    def replace(self, source: str) -> None:
        """Put another definition in the place of a function, on this clock; earlier answers are forgotten."""
        self._run(source.replace("prove.now()", "now()").replace("now()", "prove.now()"))
        self._answers.clear()

    def play(self, state: str, call: str) -> Answer:
        """The answer of `call` in `state`.

        Raises:
            Refused: with the database's words.
        """
        known = self._answers.get((state, call))
        if known is not None:
            return known
        self.statements += 1
        if self.statements % _TIDY == 0:
            self._run("vacuum public.tasks, public.task_steps, public.concepts, public.color_variations")
        there = None if state == self._there else state
        self._there = ""
        try:
            text = self._loop.run_until_complete(
                self._connection.fetchval("select prove.play($1::jsonb, $2)::text", there, call)
            )
        except asyncpg.PostgresError as exc:
            raise Refused(f"{call.partition('(')[0]}: {exc}") from exc
        found = json.loads(text)
        self._there = canonical(found["state"])
        answer = self._answers[state, call] = Answer(found["answer"], self._there)
        return answer

    def _run(self, statements: str) -> None:
        self._loop.run_until_complete(self._connection.execute(statements))


def canonical(state: Any) -> str:
    """The one spelling of a state."""
    return json.dumps(state, sort_keys=True, separators=(",", ":"))
