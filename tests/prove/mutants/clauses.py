"""What can be taken out of an SQL text beside its conditions: locks, conflicts, what chooses between two values."""

from __future__ import annotations

from collections.abc import Iterator

from tests.prove.mutants.edits import Edit
from tests.prove.mutants.tokens import Token, behind_group, flat, split

_CHOOSING = frozenset({"coalesce", "greatest", "least"})


def clauses(tokens: list[Token]) -> Iterator[Edit]:
    """Every change that is no change of a condition."""
    words = [one.word for one in tokens]
    for at, word in enumerate(words):
        if word in _CHOOSING and words[at + 1] == "(":
            yield from _choices(tokens, at)
        elif words[at : at + 2] == ["for", "update"]:
            is_skipping = words[at + 2 : at + 4] == ["skip", "locked"]
            yield Edit.of(tokens, at, at + (4 if is_skipping else 2), "", "removed")
            if is_skipping:
                yield Edit.of(tokens, at + 2, at + 4, "", "removed")
        elif words[at : at + 2] == ["on", "conflict"]:
            yield from _conflict(tokens, at)
        elif word == "pg_advisory_xact_lock":
            yield Edit.of(tokens, at - 2, behind_group(tokens, at + 1), "1", "removed")


def _choices(tokens: list[Token], at: int) -> Iterator[Edit]:
    """Each of the values alone."""
    end = behind_group(tokens, at + 1)
    for number, (first, last) in enumerate(split(tokens, at + 2, end - 1, ","), start=1):
        before, behind = (tokens[at].start, tokens[first].start, ""), (tokens[last - 1].end, tokens[end - 1].end, "")
        yield Edit(f"only value {number}", (before, behind), (tokens[at].start, tokens[end - 1].end))


def _conflict(tokens: list[Token], at: int) -> Iterator[Edit]:
    end = next(one for one in flat(tokens, at, len(tokens)) if tokens[one].word in ("returning", ";"))
    yield Edit.of(tokens, at, end, "", "removed")
    do = next(one for one in flat(tokens, at, end) if tokens[one].word == "do")
    shown = Edit.of(tokens, at, do + 2, "", "")
    yield Edit("replaced by do nothing", ((tokens[do].start, tokens[end - 1].end, "do nothing"),), shown.shown)
