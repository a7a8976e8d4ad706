"""One change of a text, and what it is called."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from tests.prove.mutants.tokens import Token


class Edit(NamedTuple):
    """Words to put in the places of others; `shown` is the part of the text that its name quotes."""

    kind: str
    places: tuple[tuple[int, int, str], ...]
    shown: tuple[int, int]
    before: str = ""  # a word that the quoted part is shown behind

    @classmethod
    def of(cls, tokens: list[Token], start: int, end: int, new: str, kind: str, before: str = "") -> Self:
        """Put `new` in the place of these tokens."""
        place = tokens[start].start, tokens[end - 1].end
        return cls(kind, ((*place, new),), place, before)

    @classmethod
    def within(cls, tokens: list[Token], start: int, end: int, at: int, new: str, kind: str) -> Self:
        """Put `new` in the place of one token among these."""
        return cls(kind, ((tokens[at].start, tokens[at].end, new),), (tokens[start].start, tokens[end - 1].end))

    @classmethod
    def around(cls, tokens: list[Token], start: int, end: int, before: str, behind: str, kind: str) -> Self:
        """Put words before and behind these tokens."""
        place = tokens[start].start, tokens[end - 1].end
        return cls(kind, ((place[0], place[0], before), (place[1], place[1], behind)), place)

    def made_in(self, text: str) -> str:
        """The text with the change."""
        for start, end, new in sorted(self.places, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def name_in(self, text: str) -> str:
        """What is changed, in the text's own words."""
        quoted = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", text[slice(*self.shown)])).strip()
        if len(quoted) > 90:
            quoted = f"{quoted[:60]} … {quoted[-27:]}"
        return f'"{f"{self.before} {quoted}".strip()}" {self.kind}'
