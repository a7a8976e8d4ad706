"""Docstrings say what a thing is or does at first reading; ruff holds that a function's begins with a verb."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import concept_worker

_PACKAGE = Path(concept_worker.__file__).parent
# Openings that make a riddle of a sentence, and people who act where processes do.
_OPENING = re.compile(r"(?:What|Who|Whoever|Whose|Whether|Whence|As|Of)\b")
_ACTORS = re.compile(r"\b(?:whoever|somebody|anybody|whosoever)\b", re.IGNORECASE)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Line and first paragraph of every docstring, also of constants."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value.strip().split("\n\n")[0]


def riddles(source: str) -> list[int]:
    """Lines of docstrings that open so, or in which such people act."""
    return [line for line, text in docstrings(source) if _OPENING.match(text) or _ACTORS.search(text)]


@pytest.mark.parametrize(
    "path", sorted(_PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(_PACKAGE)).replace("/", ".")
)
def test_a_docstring_is_no_riddle(path: Path) -> None:
    """Begin with the thing or the verb; name the process, caller or server that acts."""
    assert riddles(path.read_text()) == []


def test_a_riddle_is_seen() -> None:
    """Each kind."""
    assert riddles('"""What is left."""\ndef f():\n    """Whoever asks gets it."""\n') == [1, 3]
    assert riddles('"""Rows for somebody."""') == [1]
    assert riddles('"""Assets of a concept."""') == []


def test_no_file_is_longer_than_a_few_screens() -> None:
    """350 lines: what is longer has two subjects."""
    assert {path.name: n for path in _PACKAGE.rglob("*.py") if (n := len(path.read_text().splitlines())) > 350} == {}
