"""One moment of the database: a transaction in which the clock stands still; it begins empty, and nothing is left."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg

from concept_worker.devstack import Stack

TABLES = ("tasks", "task_steps", "concepts", "color_variations")


class Moment:
    """The owner's connection to the database, and rows by what they have that is not ordinary."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.environment["DATABASE_URL"]
        self._runner = asyncio.Runner()
        self._connection = self._connected()
        self.user = UUID(int=0)

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._connection.close())
        self._runner.close()

    def __enter__(self) -> Self:
        if self._connection.is_closed():
            self._connection = self._connected()
        try:
            self.run("begin")
            self.run("delete from public.tasks; delete from public.concepts; delete from storage.objects")
            (user,) = self.rows("insert into auth.users default values returning id")
        except BaseException:
            self.__exit__()
            raise
        self.user = user["id"]
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run("rollback")
        except asyncpg.InterfaceError:  # a test that ran out of time left it in the middle of a statement
            self._connection.terminate()

    def _connected(self) -> asyncpg.Connection:
        return self._runner.run(asyncpg.connect(self._url, statement_cache_size=0))

    def run(self, statement: str) -> None:
        """Run a statement."""
        self._runner.run(self._connection.execute(statement))

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a statement."""
        return [dict(row) for row in self._runner.run(self._connection.fetch(statement))]

    def value(self, expression: str) -> Any:
        """The value of an expression; a JSON one as Python has it."""
        value = self._runner.run(self._connection.fetchval(f"select {expression}"))
        return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value

    def refusal(self, *statements: str) -> str:
        """The name of the constraint that refuses one of the statements; empty: they are allowed. Nothing is left."""
        self.run("savepoint try")
        try:
            for statement in statements:
                self.run(statement)
            self.run("set constraints all immediate")
        except asyncpg.IntegrityConstraintViolationError as exc:
            return str(exc.constraint_name)
        finally:
            self.run("rollback to savepoint try")
        return ""

    def row(self, task: UUID) -> dict[str, Any]:
        """A task's row; its lease in seconds from now."""
        (row,) = self.rows(
            f"""select *, extract(epoch from lease_expires_at - now())::float as lease,
            metadata -> 'retry' is not null as waits from public.tasks where id = '{task}'"""
        )
        return row

    def step_of(self, task: UUID, name: str) -> dict[str, Any]:
        """A step's row; its lease in seconds from now."""
        (row,) = self.rows(
            f"""select *, extract(epoch from lease_expires_at - now())::float as lease from public.task_steps
            where task_id = '{task}' and step = '{name}'"""
        )
        return row

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of the product."""
        return {table: self.rows(f"select * from public.{table} order by 1, 2") for table in TABLES}

    def task(self, status: str = "processing", **columns: str) -> UUID:
        """A row: as SQL texts what it has that is not ordinary for its status."""
        task = uuid4()
        self.run(insert("tasks", **(ordinary(status) | {"id": f"'{task}'", "user_id": f"'{self.user}'"} | columns)))
        return task

    def step(self, task: UUID, name: str, state: str = "running", **columns: str) -> None:
        """A step of a task: with a lease while it runs, with an output when it is done."""
        has = {"task_id": f"'{task}'", "step": f"'{name}'", "state": f"'{state}'", "run": "1", "owner": "'one'"}
        if state == "running":
            has["lease_expires_at"] = "now() + interval '1 minute'"
        elif state == "done":
            has["output"] = f"""'{{"of": "{name}"}}'"""
        self.run(insert("task_steps", **(has | columns)))

    def concept(self, **columns: str) -> UUID:
        """A concept of nothing in particular."""
        concept = uuid4()
        has = {name: "'x'" for name in ("logo_description", "theme_description", "image_path")}
        self.run(insert("concepts", **(has | {"id": f"'{concept}'", "user_id": f"'{self.user}'"} | columns)))
        return concept


def ordinary(status: str) -> dict[str, str]:
    """The columns that a row of this status needs."""
    columns = {"type": "'concept_generation'", "status": f"'{status}'", "run": "1"}
    match status:
        case "pending":
            columns["run"] = "0"
        case "processing":
            columns["lease_expires_at"] = "now() + interval '1 minute'"
        case "completed":
            columns |= {"result_id": "gen_random_uuid()", "completed_at": "now()"}
        case "failed":
            columns["error_message"] = "'no'"
    return columns


def insert(table: str, **columns: str) -> str:
    """A statement that inserts one row."""
    return f"insert into public.{table} ({', '.join(columns)}) values ({', '.join(columns.values())})"


def at(seconds: float) -> str:
    """A time, so many seconds from now."""
    return f"now() + interval '{seconds} seconds'"
