"""Runs that wait at an exact point until the test has done with their worker what it wants."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from concept_worker.models import TaskRow
from tests.chaos import points
from tests.chaos.journal import SETTING
from tests.waiting import until

APP = "tests.chaos.app"


@dataclass(frozen=True)
class Moment:
    """A point in a step; `tests/chaos/points.py` has the points."""

    step: str
    point: str

    def __str__(self) -> str:
        return f"{self.step} {self.point}"


class Holds:
    """Who waits where, for workers of `APP` that were started with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """What a worker must be told."""
        folder = {points.FOLDER: str(self._folder), SETTING: str(self._folder / "journal.jsonl")}
        return {**folder, points.DRIVER: str(os.getpid())}

    def hold(self, row: TaskRow, moment: Moment) -> None:
        """Whoever of this row's run comes to that moment waits there."""
        self._file(row, moment).touch()

    def release(self, row: TaskRow, moment: Moment) -> None:
        """Go on; later comers do not wait."""
        self._file(row, moment).unlink()

    def held(self, row: TaskRow, moment: Moment) -> int | None:
        """The process that waits there; None as long as nobody has come."""
        return int(self._file(row, moment).read_text() or 0) or None

    def until_held(self, row: TaskRow, moment: Moment) -> int:
        """The process that waits there, once it does."""
        return until(lambda: self.held(row, moment) or 0, f"a run to come to: {moment}")

    def _file(self, row: TaskRow, moment: Moment) -> Path:
        return points.hold_file(self._folder, moment.point, moment.step, row.id)
