"""Rows, palettes and progress on screens of several widths, in files, and without colours."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from rich.cells import cell_len

from tests.terminal import in_terminal, without_escapes

TASK = "11111111-2222-4333-8444-555555555555"
PROGRAM = f"""
from datetime import UTC, datetime, timedelta
from uuid import UUID
from concept_worker.cli import view
from concept_worker.models import ConceptRow, TaskRow, TaskStatus, VariationRow
now, some = datetime.now(UTC), UUID("{TASK}")
def row(status, **more):
    then = now - timedelta(hours=50)
    return TaskRow(id=some, user_id=some, type="concept_generation", status=status, created_at=then,
                   updated_at=now - timedelta(minutes=90), **more)
failed = row(TaskStatus.FAILED, error_message="The provider declined what was described. " * 4)
drawing = row(TaskStatus.PROCESSING, stage="generate_base_image", progress=5)
palette = VariationRow(position=1, palette_name="秋の夕暮れ and a long, long, long name", image_path="a",
                       colors=("#112233", "#AA3344", "#33AA66", "#FFFFFF", "#FFC20E"))
concept = ConceptRow(id=some, task_id=None, user_id=some, logo_description="x", theme_description="y",
                     image_path="x", created_at=now, variations=(palette,))
"""
ROWS = PROGRAM + "view.print_rows([failed, drawing])"
PALETTES = PROGRAM + "view.print_concept(concept)"
PROGRESS = PROGRAM + (
    "view.print_heading(drawing)\n"
    "with view.StageProgress() as progress:\n"
    "    progress.show(drawing); progress.show(drawing); progress.show(failed)\n"
    "progress.end(failed)"
)
ENVIRONMENT = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


def on_screen(program: str, columns: int, **more: str) -> str:
    command = [sys.executable, "-c", program]
    return in_terminal(command, columns=columns, environment=ENVIRONMENT | more)


def in_a_file(program: str, **more: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env=ENVIRONMENT | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    ).stdout.decode()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_id_age_and_state_are_whole_and_the_rest_is_cut(columns: int) -> None:
    """No line of a list is wider than the screen."""
    shown = without_escapes(on_screen(ROWS, columns))
    assert shown.count(TASK) == 2
    assert shown.count("2 d ") == 2
    assert "failed" in shown
    assert "processing" in shown
    assert max(cell_len(line) for line in shown.splitlines()) <= columns
    assert "…" in shown


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_failed_row_says_when(columns: int) -> None:
    """The list tells how long ago, beside how old the row is."""
    assert "1 h ago" in without_escapes(on_screen(ROWS, columns))


def test_a_file_gets_whole_rows() -> None:
    """What no screen shows is not cut, whatever its letters."""
    assert in_a_file(ROWS, LC_ALL="C").count("declined what was described.") == 4


def test_columns_count_for_a_file_too() -> None:
    """Somebody who says how wide a page is gets lines for it."""
    assert max(map(cell_len, in_a_file(ROWS, COLUMNS="80").splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_palettes_are_shown_with_all_their_colours(columns: int) -> None:
    """Names give way to colours, which are chips in those colours."""
    shown = on_screen(PALETTES, columns, COLORTERM="truecolor")
    assert "48;2;170;51;68" in shown
    lines = without_escapes(shown).splitlines()
    assert all(color in " ".join(lines) for color in ("#112233", "#FFC20E", "秋の夕暮れ"))
    assert cell_len(lines[-1].rstrip()) <= max(columns, 52)


def test_no_color_means_none() -> None:
    """Colours are told by their numbers alone."""
    shown = on_screen(PALETTES + "\n" + ROWS, 80, NO_COLOR="1", COLORTERM="truecolor")
    assert "#AA3344" in shown
    assert "48;2" not in shown
    assert "\x1b[31m" not in shown


def test_progress_in_a_file_is_a_line_a_stage() -> None:
    """A heading, each stage once, and the end once."""
    *lines, last = in_a_file(PROGRESS).splitlines()
    assert lines == [f"Generation {TASK}", "    5 %  generate base image"]
    assert last.startswith("  failed after ")


def test_progress_on_a_screen_is_one_bar() -> None:
    """What stays is the heading and the end: the bar goes, and no stage stays."""
    shown = on_screen(PROGRESS, 80)
    assert "generate base image" in shown
    after = without_escapes(shown.rpartition("\x1b[2K")[2])
    assert after.strip().startswith("failed after")
    assert "completed" not in shown
