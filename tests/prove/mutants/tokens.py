"""The tokens of an SQL text, with their places: enough to find conditions, calls and clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\$\w*\$|[A-Za-z_]\w*|\d+(?:\.\d+)?|::|:=|=>|<=|>=|<>|!=|\?&|\?\||\|\||->>|->|\s+|."
)
OPENS, CLOSES = ("(", "["), (")", "]")


class Token(NamedTuple):
    """One word of the text, in small letters, and where it stands."""

    word: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The tokens without space and comments; of a function those of its body."""
    found = [
        Token(one.group() if one.group().startswith("'") else one.group().lower(), *one.span())
        for one in _TOKEN.finditer(text)
        if not one.group().isspace() and not one.group().startswith("--")
    ]
    quotes = [at for at, one in enumerate(found) if one.word.startswith("$") and one.word.endswith("$")]
    return found[quotes[0] + 1 : quotes[-1]] if quotes else found


def behind_group(tokens: list[Token], at: int) -> int:
    """The index behind the bracket that closes the one at `at`."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += (tokens[index].word in OPENS) - (tokens[index].word in CLOSES)
        if depth == 0:
            return index + 1
    raise ValueError("a bracket is not closed")


def flat(tokens: list[Token], start: int, end: int) -> Iterator[int]:
    """The indices of one depth; of a group only its opening bracket."""
    at = start
    while at < end:
        yield at
        at = behind_group(tokens, at) if tokens[at].word in OPENS else at + 1


def split(tokens: list[Token], start: int, end: int, word: str) -> list[tuple[int, int]]:
    """The parts between a word that stands at this depth."""
    cuts = [at for at in flat(tokens, start, end) if tokens[at].word == word]
    return list(zip([start, *(at + 1 for at in cuts)], [*cuts, end], strict=True))
