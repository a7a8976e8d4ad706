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


_LOOK_AT = "select id, status, run, progress, t::text as whole from public.tasks as t"
# A row that is seen completed for the first time: the paths of its pictures, and those that are no objects.
_PICTURES = """
select t.id, count(p.path) as pictures, array_agg(p.path) filter (where o.name is null) as missing
from public.tasks t
left join public.concepts c on c.id = t.result_id
left join lateral (
    select c.image_path as path union all
    select v.image_path from public.color_variations v where v.concept_id = c.id
) p on true
left join storage.objects o on o.name = p.path
where t.id = any ($1::uuid[]) and t.status = 'completed' group by t.id
"""
_RANKS = {"pending": 0, "processing": 1, **dict.fromkeys(TERMINAL, 2)}


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
        self.backward: dict[str, str] = {}  # rows that went back, or were completed without their pictures
        self._reached: dict[str, tuple[int, int, int]] = {}  # rank of the status, run, progress
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
                    fresh = self._note(await connection.fetch(_LOOK_AT))
                    if fresh:
                        self._note_pictures(await connection.fetch(_PICTURES, fresh))
                    self._closing.wait(_LOOK)  # nothing else runs in this loop
            except (OSError, TimeoutError, *DATABASE_TROUBLE):
                connection.terminate()
            else:
                await connection.close()

    def _note_pictures(self, rows: list[Any]) -> None:
        for row in rows:
            if row["missing"] or row["pictures"] < 1:
                what = f"completed with {row['pictures']} pictures, of which are no objects: {row['missing']}"
                self.backward.setdefault(str(row["id"]), what)

    def _note(self, rows: list[Any]) -> list[Any]:
        """Remember the rows; return the ids of those that are completed for the first time."""
        self.looks += 1
        fresh = [row["id"] for row in rows if row["status"] == "completed" and str(row["id"]) not in self._first]
        seen = {}
        for row in rows:
            task, whole = str(row["id"]), row["whole"]
            seen[task] = row["status"]
            reached = (_RANKS[row["status"]], row["run"], row["progress"])
            before = self._reached.get(task, reached)
            if any(now < then for now, then in zip(reached, before, strict=True)):
                self.backward.setdefault(task, f"status, run, progress went from {before} to {reached}")
            self._reached[task] = reached
            if task in self._first and whole != self._first[task]:
                self.changed.setdefault(task, f"first {self._first[task]}, later {whole}")
            if row["status"] in TERMINAL:
                self._first.setdefault(task, whole)
                self.over.setdefault(task, time.time())
        for task in self.statuses.keys() - seen.keys():
            self.over.setdefault(task, time.time())  # deleted
        self.statuses = seen
        return fresh
