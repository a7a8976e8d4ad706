"""The promises of docs/reliability.md, seen from beside the Python: after every effect, at the end, after the sweep."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.prove.between.parts import CONCEPTS, PALETTES, Parts
from tests.prove.between.sql import SqlClient
from tests.prove.world import TERMINAL

_STEPS = """select s.step, s.output, t.status from public.task_steps as s join public.tasks as t on t.id = s.task_id
    where t.id = $1 and s.state = 'done'"""
_PATHS = """select image_path from public.concepts union all select image_path from public.color_variations"""
_VARIATIONS = "select v.image_path from public.color_variations as v join public.concepts as c on c.id = v.concept_id"
_MOVES_BYTES = ("finish_step", "unstage", "remove", "store_concept")  # after these, what rows say is looked up


class Watch:
    """Looks after every effect, and keeps the first thing that is wrong."""

    def __init__(self, sql: SqlClient, parts: Parts, task: UUID) -> None:
        self._sql = sql
        self._parts = parts
        self._task = str(task)
        self._paid: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()  # why something was paid for again
        self._in_hand = ""  # a paid answer that nobody else has
        self._has_wish = False  # the user canceled or deleted
        self._outputs: dict[str, Any] = {}
        self.violation = ""

    @property
    def is_ended(self) -> bool:
        """Whether the row will never change again."""
        row = self._row()
        return row is None or row["status"] in TERMINAL

    def break_off(self, words: str) -> None:
        """Something is wrong; the first such thing is kept."""
        self.violation = self.violation or words

    def see(self, effect: str) -> None:
        """An effect has happened."""
        verb, _, what = effect.partition(" ")
        if verb == "pay":
            self._see_payment(what)
        elif self._in_hand:
            if verb not in ("stage", "keep_receipt"):
                self.break_off(f"{effect}, before the paid {self._in_hand} is kept")
            self._in_hand = ""
        if verb in _MOVES_BYTES:
            for words in self._lost_bytes():
                self.break_off(f"{words}, after {effect}")

    def see_death(self) -> None:
        """The process was killed: what only it had is lost, and may be paid for once more."""
        if self._in_hand:
            self._reasons[self._in_hand] += 1
        self._in_hand = ""

    def see_wish(self) -> None:
        """The user cancels or deletes: the row may end so, and without a concept."""
        self._has_wish = True

    def judge_end(self) -> None:
        """The row has ended, and housekeeping has come."""
        if self._parts.staging.keys():
            self.break_off(f"left in staging: {self._parts.staging.keys()}")
        row = self._row()
        if self._has_wish and (row is None or row["status"] == "canceled"):
            if row and self._sql.rows("select id from public.concepts where task_id = $1", self._task):
                self.break_off("the row is canceled and has a concept")
        elif row is None:
            self.break_off("the row is gone, and nobody asked for it")
        else:
            self._judge_completed(row)

    def _judge_completed(self, row: dict[str, Any]) -> None:
        if (row["status"], row["progress"]) != ("completed", 100):
            self.break_off(f"the row is {row['status']} at {row['progress']} percent: {row['error_message']}")
        concepts = self._sql.rows("select id from public.concepts where task_id = $1", self._task)
        if [one["id"] for one in concepts] != [row["result_id"]]:
            self.break_off(f"the row's concept is {row['result_id']}, stored are {len(concepts)}")
        pictures = self._sql.rows(f"{_VARIATIONS} where c.task_id = $1", self._task)
        if len({one["image_path"] for one in pictures}) != 2:
            self.break_off(f"{len(pictures)} variations are stored")

    def judge_sweep(self) -> None:
        """A day later, after the sweep."""
        named = {row["image_path"] for row in self._sql.rows(_PATHS)}
        there = {path for _, path in self._parts.objects.stored}
        if there - named:
            self.break_off(f"objects without a row: {sorted(there - named)}")
        if named - there:
            self.break_off(f"rows without an object: {sorted(named - there)}")

    def _row(self) -> dict[str, Any] | None:
        found = self._sql.rows("select * from public.tasks where id = $1", self._task)
        return found[0] if found else None

    def _see_payment(self, what: str) -> None:
        self._paid[what] += 1
        if self._paid[what] > 1 + self._reasons[what]:
            self.break_off(f"{what} paid {self._paid[what]} times, with {self._reasons[what]} reasons to pay again")
        self._in_hand = what

    def _lost_bytes(self) -> Iterator[str]:
        """What checkpoints of an open row, or the rows of a concept, say to be there and is not."""
        for one in self._sql.rows(_STEPS, self._task):
            first = self._outputs.setdefault(one["step"], one["output"])
            if first != one["output"]:
                yield f"the checkpoint of {one['step']} changed"
            if one["status"] in TERMINAL:
                continue
            for words in self._missing(one["output"]):
                yield f"the checkpoint of {one['step']} names {words}, which is not there"
        there = {path for _, path in self._parts.objects.stored}
        for row in self._sql.rows(_PATHS):
            if row["image_path"] not in there:
                yield f"a row names {row['image_path'].rpartition('/')[2]}, which is not there"

    def _missing(self, output: Any) -> Iterator[str]:
        """Bytes that a checkpoint names: in staging or, of the base image, in the bucket; and stored pictures."""
        if isinstance(output, list):
            for one in output:
                yield from self._missing(one)
        if not isinstance(output, dict):
            return
        if "sha256" in output:
            waiting = self._parts.staging.waiting.get(f"{output['task_id']}:{output['name']}")
            stored = self._stored("base.png") if output["name"] == "base" else None
            sums = {hashlib.sha256(one).hexdigest() for one in (waiting and waiting.content, stored) if one}
            if output["sha256"] not in sums:
                yield f"the staged {output['name']}"
            return
        if str(output.get("name", "")).endswith(".png") and self._stored(output["name"]) is None:
            yield output["name"]
        for one in output.values():
            yield from self._missing(one)

    def _stored(self, name: str) -> bytes | None:
        bucket = PALETTES if name.startswith("variation-") else CONCEPTS
        return self._parts.objects.stored.get((bucket, f"{self._sql.user}/{self._task}/{name}"))
