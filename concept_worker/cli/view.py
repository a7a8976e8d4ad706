"""The display of rows: progress on standard error, results on standard output."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from concept_worker.cli.text import PlainConsole, one_line, printable_json
from concept_worker.errors import mask_id
from concept_worker.models import ConceptRow, TaskRow, TaskStatus, TaskType

out = PlainConsole()
err = PlainConsole(stderr=True)

_NARROW = 70  # columns; on a narrower screen an id has a line of its own
_SWATCHES = 62  # columns of a palette's line without its name
_UNBOUNDED = 2000  # columns of a file or pipe
_COLOR = re.compile("#[0-9A-Fa-f]{6}")
_COLORS = {
    TaskStatus.PENDING: "yellow",
    TaskStatus.PROCESSING: "cyan",
    TaskStatus.COMPLETED: "green",
    TaskStatus.FAILED: "red",
    TaskStatus.CANCELED: "magenta",
}


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    out.print(printable_json(json.dumps(value, ensure_ascii=not out.is_unicode, indent=2, default=str)))


def row_as_json(row: TaskRow) -> dict[str, Any]:
    """Return the row as the database has it, with the owner's inputs."""
    return row.model_dump(mode="json")


def colored(status: TaskStatus) -> Text:
    """Return the status in its colour."""
    return Text(status.value, _COLORS[status])


def print_row(row: TaskRow) -> None:
    """Print a task row in full, with the user's id masked; the terminal wraps long lines, so they are copied whole."""
    for name, value in (
        ("task", str(row.id)),
        ("type", row.type),
        ("user", mask_id(row.user_id)),
        ("status", colored(row.status)),
        ("stage", label(row.stage)),
        ("progress", f"{row.progress} %"),
        ("run", str(row.run)),
        ("created", f"{_time(row.created_at)} ({_age(row.created_at)} ago)"),
        ("started", _time(row.started_at)),
        (row.status.value if row.status.is_terminal else "completed", _time(_ended(row))),
        ("concept", str(row.result_id) if row.result_id else "-"),
        ("error", row.error_message or "-"),
    ):
        out.print(Text.assemble((f"{name:9}  ", "dim"), value))


def print_rows(rows: Sequence[TaskRow]) -> None:
    """Print task rows, newest first, one per line; a long outcome is cut. A narrow screen has it on a second line."""
    is_narrow = _width() < _NARROW
    if rows and not is_narrow:
        out.print(Text(f"{'task':36}  {'age':6}  {'state':10}  outcome", "dim"))
    for row in rows:
        state = Text(f"{row.status.value:10}", _COLORS[row.status])
        rest = Text.assemble(f"{_age(row.created_at):6}  ", state, f"  {_outcome(row)}")
        if is_narrow:
            out.print(str(row.id))
        _print_cut(Text.assemble("  " if is_narrow else f"{row.id}  ", rest))
    if not rows:
        out.print("No tasks yet.")


def _width() -> int:
    """Return the columns of the screen; for a file or pipe the value of COLUMNS, else enough for any row."""
    return out.width if out.is_terminal or "COLUMNS" in os.environ else _UNBOUNDED


def _print_cut(line: Text) -> None:
    line.truncate(_width(), overflow="ellipsis")
    line.rstrip()
    out.print(line)


def _outcome(row: TaskRow) -> str:
    """Return the row's concept, its progress, or when and why it ended."""
    if row.status is TaskStatus.COMPLETED:
        return str(row.result_id)
    if row.status is TaskStatus.PROCESSING:
        return f"{row.progress} % {label(row.stage)}"
    if row.status is TaskStatus.PENDING:
        return "-"
    reason = f": {one_line(row.error_message)}" if row.error_message else ""
    return f"{_age(_ended(row))} ago{reason}"


def _ended(row: TaskRow) -> datetime | None:
    """Return when the row became terminal, or None."""
    return (row.completed_at or row.updated_at) if row.status.is_terminal else None


def _age(moment: datetime | None) -> str:
    """Return the time since `moment` in the largest unit that gives at least 1."""
    if moment is None:
        return "-"
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    units = ((86_400, "d"), (3600, "h"), (60, "min"))
    return next((f"{seconds // size} {name}" for size, name in units if seconds >= size), f"{seconds} s")


def print_concept(concept: ConceptRow) -> None:
    """Print a concept's provider and model, and its palettes with swatches."""
    if concept.provider:
        out.print(Text(f"drawn by {one_line(' '.join(filter(None, (concept.provider, concept.model))))}", "dim"))
    names = [one_line(variation.palette_name) for variation in concept.variations]
    widest = min(max(map(cell_len, names), default=0), max(_width() - _SWATCHES, 0))
    for variation, name in zip(concept.variations, names, strict=True):
        swatches = Text.assemble(*(_swatch(color) for color in variation.colors))
        source = (f"  {variation.palette_source.value}", "dim")
        padded = Text(name)
        if _width() < _NARROW:
            out.print(Text.assemble((f"{variation.position:2}  ", "dim"), padded))
            out.print(Text.assemble("    ", swatches))
            continue
        padded.truncate(widest, overflow="ellipsis", pad=True)
        out.print(Text.assemble((f"{variation.position:2}  ", "dim"), padded, "  ", swatches, source))


def _swatch(color: str) -> Text:
    """Return the colour's code on a ground of that colour; a value that is no colour is plain text."""
    return Text(f" {color} ", f"{_ink_on(color)} on {color}" if _COLOR.fullmatch(color) else "")


def _ink_on(color: str) -> str:
    """Choose black or white, by which reads better on the colour (perceived brightness, ITU-R BT.601)."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def print_files(paths: Sequence[Path]) -> None:
    """Print the paths of the pictures."""
    for path in paths:
        out.print(f"  {path}")


def label(stage: str | None) -> str:
    """Return a step's name in words."""
    return stage.replace("_", " ") if stage else "-"


def _time(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


def print_heading(row: TaskRow) -> None:
    """Print the task whose progress follows."""
    err.print(Text.assemble((kind_of_task(row), "bold"), f" {row.id}"))


def kind_of_task(row: TaskRow) -> str:
    """Return the kind of task, as a heading."""
    return "Refinement" if row.type == TaskType.REFINEMENT else "Generation"


class StageProgress:
    """A live view of one row on standard error: a bar on a terminal, else one line per stage; then the outcome."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("  {task.percentage:3.0f} %"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task: TaskID | None = None
        self._last: str | None = None
        self._started = time.monotonic()

    def __enter__(self) -> StageProgress:
        self._bar.start()
        self._task = self._bar.add_task("", total=100)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, row: TaskRow) -> None:
        """Show the row's stage and progress."""
        if self._task is None or row.status.is_terminal:
            return
        doing = label(row.stage) if row.status is TaskStatus.PROCESSING and row.stage else "waiting for a worker"
        retry = row.metadata.get("retry")
        if isinstance(retry, dict):
            doing += f" (waiting: {one_line(str(retry.get('reason', '')))})"
        self._bar.update(self._task, completed=row.progress, description=doing)
        if doing != self._last and not err.is_terminal:
            err.print(Text.assemble(f"  {row.progress:3d} %  ", (doing, "dim")))
        self._last = doing

    def end(self, row: TaskRow) -> None:
        """Print the row's final status and the time that it took."""
        err.print(Text.assemble("  ", colored(row.status), f" after {time.monotonic() - self._started:.1f} s"))
