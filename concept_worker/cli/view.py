"""How rows look to a person: on standard error while something runs, on standard output what it came to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from concept_worker.cli.text import PlainConsole, one_line, printable_json
from concept_worker.errors import mask_id
from concept_worker.models import ConceptRow, TaskRow, TaskStatus

out = PlainConsole()
err = PlainConsole(stderr=True)

_COLOR = re.compile("#[0-9A-Fa-f]{6}")
_COLORS = {
    TaskStatus.PENDING: "yellow",
    TaskStatus.PROCESSING: "cyan",
    TaskStatus.COMPLETED: "green",
    TaskStatus.FAILED: "red",
    TaskStatus.CANCELED: "magenta",
}


def print_json(value: Any) -> None:
    """One JSON document on standard output, nothing else."""
    out.print(printable_json(json.dumps(value, ensure_ascii=not out.is_unicode, indent=2, default=str)))


def row_as_json(row: TaskRow) -> dict[str, Any]:
    """The row as it stands in the database, for its owner."""
    return row.model_dump(mode="json")


def colored(status: TaskStatus) -> Text:
    """The status in its colour."""
    return Text(status.value, _COLORS[status])


def print_row(row: TaskRow) -> None:
    """One task row, in full but for the user's id."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in (
        ("task", str(row.id)),
        ("type", row.type),
        ("user", mask_id(row.user_id)),
        ("status", colored(row.status)),
        ("stage", label(row.stage)),
        ("progress", f"{row.progress} %"),
        ("run", str(row.run)),
        ("created", _time(row.created_at)),
        ("started", _time(row.started_at)),
        ("completed", _time(row.completed_at)),
        ("concept", str(row.result_id) if row.result_id else "-"),
        ("error", row.error_message or "-"),
    ):
        table.add_row(name, value)
    out.print(table)


def print_rows(rows: Sequence[TaskRow]) -> None:
    """Task rows, newest first, one a line."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("created", "task", "status", "%"):
        table.add_column(heading, no_wrap=True)
    table.add_column("concept, stage or error", no_wrap=True, overflow="ellipsis")
    for row in rows:
        created = row.created_at.astimezone().strftime("%m-%d %H:%M")
        table.add_row(created, str(row.id), colored(row.status), str(row.progress), _outcome(row))
    out.print(table if rows else "No tasks yet.")


def _outcome(row: TaskRow) -> str:
    if row.status is TaskStatus.COMPLETED:
        return str(row.result_id)
    return label(row.stage) if row.status is TaskStatus.PROCESSING else one_line(row.error_message or "-")


def print_concept(concept: ConceptRow) -> None:
    """The palettes of a concept with their colours as they look."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("#", "palette", "colours", "from"):
        table.add_column(heading, no_wrap=True)
    for variation in concept.variations:
        swatches = Text.assemble(*(_swatch(color) for color in variation.colors))
        table.add_row(
            str(variation.position), one_line(variation.palette_name), swatches, variation.palette_source.value
        )
    out.print(table)


def _swatch(color: str) -> Text:
    """The colour on itself; what is no colour is text without one."""
    return Text(f" {color} ", f"{_ink_on(color)} on {color}" if _COLOR.fullmatch(color) else "")


def _ink_on(color: str) -> str:
    """Black or white, whichever reads better on the colour (perceived brightness, ITU-R BT.601)."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def print_files(paths: Sequence[Path]) -> None:
    """Where the pictures are."""
    for path in paths:
        out.print(f"  {path}")


def label(stage: str | None) -> str:
    """A step's name in words."""
    return stage.replace("_", " ") if stage else "-"


def _time(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


class StageProgress:
    """Live progress of one row on standard error: a bar on a terminal, a line a stage everywhere."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("  {task.percentage:3.0f} %"),
            BarColumn(bar_width=32),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=err,
            transient=True,
        )
        self._task: TaskID | None = None
        self._last: tuple[str, str | None] | None = None

    def __enter__(self) -> StageProgress:
        self._bar.start()
        self._task = self._bar.add_task("waiting for a worker", total=100)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, row: TaskRow) -> None:
        """Show where the row stands."""
        if self._task is None:
            return
        doing = label(row.stage) if row.status is TaskStatus.PROCESSING and row.stage else row.status.value
        retry = row.metadata.get("retry")
        if isinstance(retry, dict):
            reason = one_line(str(retry.get("reason", "")))
            doing += f" (waiting: {reason})"
        self._bar.update(self._task, completed=row.progress, description=doing)
        state = (row.status.value, row.stage)
        if state != self._last:
            self._last = state
            line = Text.assemble(f"  {row.progress:3d} %  ", colored(row.status), "  ", (doing, "dim"))
            self._bar.console.print(line)
