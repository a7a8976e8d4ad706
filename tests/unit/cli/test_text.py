"""Words of users and providers on a terminal: shown, never obeyed."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from concept_worker.cli import view
from concept_worker.cli.text import PlainConsole, printable_json
from concept_worker.models import ConceptRow, TaskRow, TaskStatus, VariationRow

HOSTILE = [
    "[/red]",
    "[link=https://evil.example]here[/link]",
    "pip install 'concept-worker[local]'",
    ":smiley: bad [/tmp/x]",
    "\x1b[2J\x1b]0;owned\x07",
    "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "\x9b31m\x9d8;;x\x9c",
    "over\rwritten\x08\x7f",
    "\u202egnp.exe\u2066\u2069",
    "a\u2028b\u0085c",
]
# What styles need of a terminal, and nothing else: colours on and off.
_SGR = re.compile("\x1b\\[[0-9;]*m")
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal with colours, wide enough for everything."""
    written = io.StringIO()
    for name in ("out", "err"):
        console = PlainConsole(file=written, force_terminal=True, width=400, color_system="truecolor")
        monkeypatch.setattr(view, name, console)
    return written


def a_row(words: str, status: TaskStatus = TaskStatus.FAILED) -> TaskRow:
    """A row that says these words wherever a row has words."""
    now = datetime.now(UTC)
    return TaskRow(
        id=uuid4(),
        user_id=uuid4(),
        type=words,
        status=status,
        stage=words,
        created_at=now,
        updated_at=now,
        error_message=words,
        metadata={"retry": {"reason": words}},
    )


def a_concept(words: str) -> ConceptRow:
    """A concept whose palette has these words for a name and a colour."""
    variation = VariationRow(position=1, palette_name=words, colors=("#000000", words), image_path="a/b/c.png")
    return ConceptRow(
        id=uuid4(),
        task_id=None,
        user_id=uuid4(),
        logo_description=words,
        theme_description=words,
        image_path="x",
        created_at=datetime.now(UTC),
        variations=(variation,),
    )


def print_everything(words: str) -> None:
    """Everything that shows a row."""
    view.print_row(a_row(words))
    view.print_rows([a_row(words), a_row(words, TaskStatus.PROCESSING)])
    view.print_concept(a_concept(words))
    view.print_json(view.row_as_json(a_row(words)))
    view.err.print(Text.assemble(("error:", "red"), f" {words}"))
    view.err.print(f"  {words}")


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_reaches_the_terminal_that_it_acts_on(screen: io.StringIO, words: str) -> None:
    """Only the colours that we gave."""
    print_everything(words)
    assert _ACTING.findall(_SGR.sub("", screen.getvalue())) == []


@pytest.mark.parametrize("words", HOSTILE[:4])
def test_brackets_are_shown_as_they_are(screen: io.StringIO, words: str) -> None:
    """In the row, the list, the palettes, the document and the error: a bracket is a bracket."""
    print_everything(words)
    assert _SGR.sub("", screen.getvalue()).count(words) >= 8


@pytest.mark.parametrize("words", [words for words in HOSTILE if "\x9d" not in words])
def test_progress_shows_a_reason_as_text(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Where no bar is drawn, nothing but text comes out."""
    written = io.StringIO()
    monkeypatch.setattr(view, "err", PlainConsole(file=written, force_terminal=False, width=400))
    with view.StageProgress() as progress:
        progress.show(a_row(words, TaskStatus.PROCESSING))
    assert _ACTING.findall(written.getvalue()) == []


def test_the_bar_shows_a_reason_as_text(screen: io.StringIO) -> None:
    """What moves the cursor is the bar's own; the words bring nothing."""
    with view.StageProgress() as progress:
        progress.show(a_row("\x1b]0;owned\x07[/INST]", TaskStatus.PROCESSING))
    assert "owned" in screen.getvalue()
    assert "\x1b]" not in screen.getvalue()
    assert "\x07" not in screen.getvalue()


@given(st.text())
def test_the_document_says_the_same(words: str) -> None:
    """What is escaped in JSON is read as it was."""
    document = printable_json(json.dumps({words: words}, ensure_ascii=False, indent=2))
    assert json.loads(document) == {words: words}
    assert _ACTING.findall(document) == []


@pytest.mark.parametrize("words", ["naïve café", "Ελληνικά", "日本語 の ロゴ", "مرحبا", "👩‍👩‍👧 ok"])
def test_all_scripts_stay(screen: io.StringIO, words: str) -> None:
    """Text is text, in every language."""
    view.print_concept(a_concept(words))
    assert words in screen.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("words", ["naïve café", "日本語", "👩‍👩‍👧 می‌خواهم", "a\ud800b", "\u202ex…"])
def test_no_words_end_a_list(monkeypatch: pytest.MonkeyPatch, encoding: str, words: str) -> None:
    """On a terminal that knows only its own letters, others are shown by a mark, and the document says the same."""
    written = io.BytesIO()
    for name in ("out", "err"):
        console = PlainConsole(file=io.TextIOWrapper(written, encoding, write_through=True), width=400)
        monkeypatch.setattr(view, name, console)
    rows = [a_row(words), a_row("the last one")]
    view.print_rows(rows)
    view.print_concept(a_concept(words))
    view.err.print(f"  {words}")
    assert "the last one" in written.getvalue().decode(encoding)
    written.truncate(0)
    written.seek(0)
    view.print_json({"name": words})
    assert json.loads(written.getvalue().decode(encoding)) == {"name": words}
