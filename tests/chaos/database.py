"""Straight to PostgreSQL, past everything under test."""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType
from typing import Any, Self

import asyncpg

_LOOK = 0.1  # seconds between the observer's looks
_ANSWER = 5.0
DATABASE_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
TERMINAL = ("completed", "failed", "canceled")


def fetch(database: str, statement: str, *arguments: Any) -> list[dict[str, Any]]:
    """The rows of one statement."""

    async def ask() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(database, timeout=_ANSWER)
        try:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(ask())


class Observer:
    """Looks at all rows again and again; remembers how each terminal one looked first, and every later difference."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._closing = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()), name="observer", daemon=True)
        self._first: dict[str, str] = {}
        self.over: dict[str, float] = {}  # when each row was first seen terminal
        self.statuses: dict[str, str] = {}  # as last seen
        self.changed: dict[str, str] = {}  # terminal rows that looked different later
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()

    @property
    def open_rows(self) -> int:
        """Rows that were not terminal at the last look."""
        return sum(status not in TERMINAL for status in list(self.statuses.values()))

    async def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                connection = await asyncpg.connect(self._database, timeout=_ANSWER)
            except (OSError, TimeoutError, *DATABASE_TROUBLE):
                self._closing.wait(_LOOK)
                continue
            try:
                while not self._closing.is_set():
                    self._note(await connection.fetch("select id, status, t::text as whole from public.tasks as t"))
                    self._closing.wait(_LOOK)  # nothing else runs in this loop
            except (OSError, TimeoutError, *DATABASE_TROUBLE):
                connection.terminate()
            else:
                await connection.close()

    def _note(self, rows: list[Any]) -> None:
        self.looks += 1
        seen = {}
        for row in rows:
            task, whole = str(row["id"]), row["whole"]
            seen[task] = row["status"]
            if task in self._first and whole != self._first[task]:
                self.changed.setdefault(task, f"first {self._first[task]}, later {whole}")
            if row["status"] in TERMINAL:
                self._first.setdefault(task, whole)
                self.over.setdefault(task, time.time())
        for task in self.statuses.keys() - seen.keys():
            self.over.setdefault(task, time.time())  # deleted
        self.statuses = seen
