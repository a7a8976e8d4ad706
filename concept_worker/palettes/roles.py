"""Roles of colours, by the words that models use for them."""

from __future__ import annotations

import re

from concept_worker.palettes.written_colors import spoken

_ROLE_WORDS = (
    ("primary", "first", "main", "1", "c1"),
    ("secondary", "second", "2", "c2"),
    ("accent", "third", "tertiary", "3", "c3"),
    ("background", "fourth", "base", "4", "c4"),
    ("highlight", "fifth", "5", "c5"),
)
_COLOR_WORD = re.compile(r"^(?:colou?r|hex)|(?:colou?r|hex|hexcode)$")


def role_of(word: object) -> int | None:
    """Return the position of the role that a word names: `primary`, `Primary Color`, `primaryHex`, `color1`."""
    name = spoken(word)
    short = _COLOR_WORD.sub("", name)
    names = {name, short, _COLOR_WORD.sub("", short)}
    return next((at for at, words in enumerate(_ROLE_WORDS) if names.intersection(words)), None)
