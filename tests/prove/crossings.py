"""All crossings of two verbs: a line of figures for each state."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.prove.database import Database
from tests.prove.interleaving import Crossed, Interleaving, held_open, stopped_midway
from tests.prove.lock_verbs import STATES


class Crossings:
    """Every crossing, and what is wrong with some of them."""

    def __init__(self, database: Database, *, is_deep: bool) -> None:
        self._database = database
        self._is_deep = is_deep
        self.troubles: list[str] = []

    def told(self) -> Iterator[str]:
        """A line for each state and way to meet."""
        with Interleaving(self._database.address) as crossing:
            for state in STATES:
                yield self._line(
                    f"{state}, beside an open transaction", held_open(crossing, state, is_deep=self._is_deep)
                )
                yield self._line(f"{state}, stopped midway", stopped_midway(crossing, state))

    def _line(self, name: str, crossed: Iterator[Crossed]) -> str:
        started, number, waited = time.monotonic(), 0, 0
        for one in crossed:
            number, waited = number + 1, waited + one.has_waited
            self.troubles += [one.trouble] if one.trouble else []
        seconds = time.monotonic() - started
        return f"{name}: {number} meetings, {waited} waits, {seconds:.0f} s, {len(self.troubles)} violations so far"
