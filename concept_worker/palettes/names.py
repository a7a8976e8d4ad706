"""Names and descriptions written by a model, cleaned to one line that looks the same and cannot disturb a list."""

from __future__ import annotations

import unicodedata

NAME_MAX = 60  # characters, as `Palette` allows
DESCRIPTION_MAX = 200
_READ_MAX = 1_000  # characters of a text that are read
_MARKS_MAX = 6  # per letter; more would cover the lines around it

_JOINERS = "\u200c\u200d"  # Persian writes its half-space with the first, the second joins emoji families
_FLAG = "\U0001f3f4"  # the only sign that tags may follow; they select the flag
_MARKDOWN = ' *_`"'
# Letters and signs by category, but invisible.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
# Characters of the category "format" that are no part of the text: directions, soft hyphens, zero-width spaces.
_DIRECTING = frozenset(
    (*"\xad\u034f\u061c\u180e\u200b\u200e\u200f\ufeff\ufff9\ufffa\ufffb", *map(chr, range(0x202A, 0x202F))),
) | frozenset(map(chr, range(0x2060, 0x2070)))


def own_name(text: str, number: int, taken: set[str]) -> str:
    """Return a name that no other palette has, and add it to `taken`; a second "Fjord" becomes "Fjord 2"."""
    stem = _cut(clean(text).strip(_MARKDOWN), NAME_MAX) or f"Palette {number}"
    name, again = stem, 2
    while _comparison_key(name) in taken:
        name = f"{stem[: _boundary(stem, NAME_MAX - 4)].rstrip()} {again}"
        again += 1
    taken.add(_comparison_key(name))
    return name


def described(text: str) -> str:
    """Return the text as the description of a palette."""
    return _cut(clean(text), DESCRIPTION_MAX)


def clean(text: str) -> str:
    """Return the text as one line, without control and invisible characters; joiners between two letters stay."""
    kept: list[str] = []
    marks = 0
    for char in text[:_READ_MAX]:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        before = kept[-1] if kept else " "
        kept.append("" if marks > _MARKS_MAX else _visible_form(char, before))
        if not kept[-1]:
            kept.pop()
    words = "".join(kept).split()
    return " ".join(filter(None, (word.strip(_JOINERS) for word in words)))


def _visible_form(char: str, before: str) -> str:
    """Return the character, or its replacement in one line: a blank or nothing."""
    kind = unicodedata.category(char)
    if char in _DIRECTING or (char in _JOINERS and before.isspace()):
        return ""
    if _is_tag(char):
        return char if before == _FLAG or _is_tag(before) else ""
    if kind in ("Cc", "Cs", "Co", "Zl", "Zp") or char in _BLANKS or _is_never_a_character(char):
        return " "
    return char


def _is_tag(char: str) -> bool:
    return "\U000e0000" <= char <= "\U000e007f"


def _is_never_a_character(char: str) -> bool:
    """Return whether Unicode will never assign it; other unassigned characters may be newer than Python's tables."""
    return ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"


def _comparison_key(name: str) -> str:
    """Return the form in which names are compared: names that look the same are equal."""
    return unicodedata.normalize("NFKC", name.translate(dict.fromkeys(map(ord, _JOINERS)))).casefold()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: _boundary(text, most - 1)].rstrip()}…"


def _boundary(text: str, most: int) -> int:
    """Return the last place, at most `most`, where a cut splits no sign."""
    at = min(most, len(text))
    while 0 < at < len(text) and (_continues(text[at]) or text[at - 1] == "\u200d"):
        at -= 1
    regional = at
    while regional and "\U0001f1e6" <= text[regional - 1] <= "\U0001f1ff":
        regional -= 1
    return at - (at - regional) % 2 if at < len(text) else at


def _continues(char: str) -> bool:
    """Return whether the character belongs to the sign before it."""
    is_mark = unicodedata.category(char).startswith("M") or "\U0001f3fb" <= char <= "\U0001f3ff"
    return is_mark or char in _JOINERS or _is_tag(char)
