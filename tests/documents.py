"""What the documents hold, read as a Markdown reader does: blocks, words in code font, links, headings."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt  # comes with rich
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    document: str
    line: int  # of its first line of code
    language: str
    code: str

    @property
    def lines(self) -> list[str]:
        """Its lines, those that a backslash joins as one, without empty ones."""
        joined = re.sub(r"\\\n\s*", "", self.code)
        return [line for line in joined.splitlines() if line.strip()]


@dataclass(frozen=True)
class Link:
    """A link or a picture."""

    document: str
    target: str
    is_picture: bool


@cache
def _tokens(document: str) -> Sequence[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / document).read_text())


def _inline(document: str) -> Iterator[Token]:
    return (child for token in _tokens(document) for child in token.children or ())


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a document, in order."""
    found = (token for token in _tokens(document) if token.type in ("fence", "code_block"))
    return [Block(document, (token.map or [0])[0] + 2, token.info.strip(), token.content) for token in found]


def code_words(document: str) -> list[str]:
    """What stands in code font in a document's text, each once, in order."""
    return list(dict.fromkeys(token.content for token in _inline(document) if token.type == "code_inline"))


def links(document: str) -> list[Link]:
    """Where a document's links and pictures lead."""
    named = {"link_open": "href", "image": "src"}
    found = [token for token in _inline(document) if token.type in named]
    return [Link(document, str(token.attrGet(named[token.type])), token.type == "image") for token in found]


def anchors(document: str) -> set[str]:
    """The names that a forge gives to a document's headings."""
    tokens = _tokens(document)
    titles = [after.content for before, after in itertools.pairwise(tokens) if before.type == "heading_open"]
    named = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    return {name if not named[:at].count(name) else f"{name}-{named[:at].count(name)}" for at, name in enumerate(named)}


def shell_words(document: str, program: str) -> list[str]:
    """Commands of a program that a document names, in blocks and in code font, without their comments."""
    written = [line for block in blocks(document) for line in block.lines] + code_words(document)
    stripped = (re.sub(r"\s+#.*", "", line).strip() for line in written)
    return list(dict.fromkeys(line for line in stripped if line.split()[:1] == [program]))
