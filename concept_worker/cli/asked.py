"""The output of commands that ask for a task: its row, its progress with `--wait`, and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concept_worker.cli import view
from concept_worker.cli.trouble import goes_on, watching
from concept_worker.models import TaskRow, TaskStatus

if TYPE_CHECKING:
    from concept_worker.client import ConceptClient
    from concept_worker.models import ConceptRow

PATIENCE = 600.0  # seconds; a real provider may take minutes, the offline one takes seconds


def require_output(wait: bool, output: Path) -> None:
    """Refuse an output folder that cannot be written to, before the task is sent.

    Raises:
        ValueError: pictures cannot be written there; says why.
    """
    if wait:
        from concept_worker.cli.watch import require_folder

        require_folder(output)


def show_new(client: ConceptClient, row: TaskRow, wait: bool, output: Path, as_json: bool) -> None:
    """Show a new row; with `wait`, first follow the row to its end and save its pictures."""
    if not wait:
        with watching(row.id, goes_on(row.id)):
            report(row, as_json)
        return
    from concept_worker.cli.watch import follow, save_pictures

    with watching(row.id, goes_on(row.id)):
        row = follow(client, row, give_up=PATIENCE)
    with watching(row.id, f"the task is {row.status.value}. The same with --id {row.id} fetches its pictures"):
        concept = client.get_concept(row.id, row.user_id)
        files = save_pictures(client, concept, output / str(row.id)) if concept else []
        report(row, as_json)
        if not as_json:
            _show(concept, files)
    if row.status is not TaskStatus.COMPLETED:
        raise typer.Exit(1)


def _show(concept: ConceptRow | None, files: Sequence[Path]) -> None:
    if concept is not None:
        view.print_concept(concept)
    view.print_files(files)


def report(row: TaskRow, as_json: bool) -> None:
    """Print the row, for people or as one JSON document."""
    if as_json:
        view.print_json(view.row_as_json(row))
    else:
        view.print_row(row)
