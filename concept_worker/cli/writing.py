"""Lines of text in any script, as pictures."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import resvg_py
from PIL import Image
from rich.cells import split_graphemes

_ELLIPSIS = "…"
_LATIN, _EMOJI, _SYMBOLS = "Noto Sans", "Noto Emoji", "Noto Sans Symbols"
# The first words of the Unicode names of a script's characters. The font packages have a family for each of these.
_BROUGHT = frozenset(
    (
        *("ARABIC", "ARMENIAN", "BENGALI", "DEVANAGARI", "ETHIOPIC", "GEORGIAN", "GUJARATI", "GURMUKHI", "HEBREW"),
        *("KANNADA", "KHMER", "LAO", "MALAYALAM", "MYANMAR", "ORIYA", "SINHALA", "TAMIL", "TELUGU", "THAI"),
    )
)
_EAST_ASIAN = frozenset(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH", "IDEOGRAPHIC"))
# The first font that is installed is used: the package's, then those of Linux, macOS and Windows, else any other.
_CJK = "Noto Sans CJK SC,Noto Sans CJK JP,Noto Sans SC,PingFang SC,Hiragino Sans,Microsoft YaHei"
_SYSTEM = "system-ui"  # no font has this name, so the renderer takes the first one that has the letters
_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
_NEVER_ASSIGNED = "\u0378"  # no character; drawn as the box for missing glyphs
_SPACE = 0.27  # em, between two runs
_BEARING = 0.06  # em, beside the ink of a run
_ROW, _BASELINE = 2.0, 1.3  # em, height of a line's picture and of its baseline below the top
_NARROWEST = 0.2  # em, width of the narrowest letter; a line that is too long even so is cut before it is measured


@dataclass(frozen=True)
class WrittenLine:
    """A line's picture with alpha, the pixels from its top to its baseline, and the scripts that no font has."""

    image: Image.Image
    baseline: int
    missing: frozenset[str]


@dataclass(frozen=True)
class _Run:
    """A run of letters in one typeface, or one space."""

    text: str
    family: str


def write_line(words: str, *, size: int, color: str, room: int) -> WrittenLine:
    """Draw the words on one line, each script in its typeface and direction; cut a long line with an ellipsis.

    `size` and `room` (the available width) are in pixels.
    """
    letters = _letters(words)
    kept = letters[: round(room / (size * _NARROWEST))]
    while True:
        line = "".join(kept).rstrip() + (_ELLIPSIS if len(kept) < len(letters) else "")
        image = _compose(_runs(line), size, color, room * 2)
        if image.width <= room or not kept:
            break
        kept = kept[: min(len(kept) - 1, round(len(kept) * room / image.width))]
    return WrittenLine(
        image.crop((0, 0, min(image.width, room), image.height)), round(size * _BASELINE), _missing(line)
    )


def _letters(words: str) -> list[str]:
    """Split into letters as a reader counts them: with accents, joined parts and skin tone."""
    shown = "".join(character if _is_written(character) else " " for character in words)
    line = " ".join(shown.split())
    return [line[start:end] for start, end, _ in split_graphemes(line)[0]]


def _is_written(character: str) -> bool:
    """Return whether the character is printable or joins letters; XML refuses the others."""
    return character in "\u200c\u200d" or 0xE0020 <= ord(character) <= 0xE007F or character.isprintable()


def _runs(line: str) -> list[_Run]:
    """Split the line into runs and spaces, ordered from left to right as they are seen."""
    letters = [_Run(letter, _family(letter)) for letter in _letters(line)]
    runs = [
        _Run("".join(one.text for one in same), family) for family, same in groupby(letters, lambda one: one.family)
    ]
    spaces = "( )" if _direction_changes(runs) else "(^ | $)"  # only a line of two directions reorders words
    words = [_Run(text, run.family) for run in runs for text in re.split(spaces, run.text) if text]
    return _as_seen(words)


@lru_cache(maxsize=4096)
def _family(letter: str) -> str:
    """Return a letter's typeface: its script's if that has the letter, else any that has the letter."""
    first = _family_of_script(letter)
    if first == _CJK or _is_common(letter[0]) or _has(letter[0], first):
        return first
    return next((family for family in (_LATIN, _SYMBOLS, _EMOJI) if _has(letter[0], family)), _SYSTEM)


def _family_of_script(letter: str) -> str:
    script, code = _script(letter[0]), ord(letter[0])
    if "\ufe0f" in letter or 0x1F000 <= code < 0x1FB00 or 0x2600 <= code < 0x27C0:
        return _EMOJI
    if script in _BROUGHT:
        return f"Noto Sans {script.title()}"
    if script in _EAST_ASIAN:
        return _CJK
    return _SYMBOLS if unicodedata.category(letter[0]) in ("So", "Sm") and code > 0xFF else _LATIN


def _script(character: str) -> str:
    return unicodedata.name(character, "UNASSIGNED").partition(" ")[0].partition("-")[0]


def _as_seen(runs: Sequence[_Run]) -> list[_Run]:
    """Order the runs from left to right, by Unicode's bidirectional algorithm without explicit marks (two levels)."""
    directions = [_direction(run.text) for run in runs]
    base = next((direction for direction in directions if direction), "L")
    directions = _paired(runs, directions, base)
    resolved = [one or _between(directions, at, base) for at, one in enumerate(directions)]
    groups = [
        (direction, [run for run, _ in same])
        for direction, same in groupby(zip(runs, resolved, strict=True), lambda one: one[1])
    ]
    ordered = reversed(groups) if base == "R" else groups
    return [run for direction, group in ordered for run in (_mirrored(group) if direction == "R" else group)]


def _mirrored(runs: Sequence[_Run]) -> list[_Run]:
    """Order the runs from right to left and mirror brackets that are runs; the renderer mirrors those inside words."""
    return [run if _direction(run.text) else _Run(run.text.translate(_MIRRORED), run.family) for run in reversed(runs)]


def _direction_changes(runs: Sequence[_Run]) -> bool:
    return any(_direction(run.text) == "R" for run in runs)


def _direction(text: str) -> str:
    """Return L or R, the direction of the first letter that has one; else an empty text."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next(("L" if kind == "L" else "R" for kind in kinds if kind in ("L", "R", "AL")), "")


def _paired(runs: Sequence[_Run], directions: Sequence[str], base: str) -> list[str]:
    """Add the directions of brackets that are runs: both brackets of a pair get the direction of their content."""
    paired, open_brackets = list(directions), []
    for at, run in enumerate(runs):
        if run.text in ("(", "[", "{"):
            open_brackets.append(at)
        elif run.text in (")", "]", "}") and open_brackets:
            opening = open_brackets.pop()
            before = next((one for one in reversed(paired[:opening]) if one), base)
            inside = set(paired[opening + 1 : at])
            paired[opening] = paired[at] = before if before in inside and base not in inside else base
    return paired


def _between(directions: Sequence[str], at: int, base: str) -> str:
    """Return the direction of a run without one: that of both neighbours if they agree, else the line's."""
    before = next((one for one in reversed(directions[:at]) if one), base)
    after = next((one for one in directions[at:] if one), base)
    return before if before == after else base


def _compose(runs: Sequence[_Run], size: int, color: str, widest: int) -> Image.Image:
    """Draw the runs side by side; a run wider than `widest` pixels is cut."""
    pictures = iter(_draw([run for run in runs if run.text != " "], size, color, widest))
    bearing = round(size * _BEARING)
    placed, left = [], 0
    for run in runs:
        if run.text == " ":
            left += round(size * _SPACE)
            continue
        picture = next(pictures)
        placed.append((left + bearing, picture))
        left += picture.width + 2 * bearing
    line = Image.new("RGBA", (max(left, 1), round(size * _ROW)))
    for at, picture in placed:
        line.alpha_composite(picture, (at, 0))
    return line


def _draw(runs: Sequence[_Run], size: int, color: str, widest: int) -> list[Image.Image]:
    """Draw each run as a picture as wide as its ink. Each is a text of its own: in one text, a single fallback font
    would draw all letters.
    """
    if not runs:
        return []
    row, margin = round(size * _ROW), size
    texts = "".join(
        f'<text x="{margin}" y="{at * row + round(size * _BASELINE)}" font-size="{size}" fill="{color}" '
        f'font-family="{run.family},{_LATIN}" xml:space="preserve">{escape(run.text)}</text>'
        for at, run in enumerate(runs)
    )
    needs_system = any(run.family in (_CJK, _SYSTEM) for run in runs)
    page = _render(texts, widest + 2 * margin, row * len(runs), needs_system=needs_system)
    rows = [page.crop((0, at * row, page.width, (at + 1) * row)) for at in range(len(runs))]
    return [_cropped(picture) for picture in rows]


def _cropped(picture: Image.Image) -> Image.Image:
    ink = picture.getbbox()
    return picture.crop((ink[0], 0, ink[2], picture.height)) if ink else Image.new("RGBA", (1, picture.height))


def _render(texts: str, width: int, height: int, *, needs_system: bool) -> Image.Image:
    """Draw the SVG texts on a transparent page; load the system's fonts only for letters that the packages lack."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{texts}</svg>'
    png = resvg_py.svg_to_bytes(
        svg_string=svg, font_family=_LATIN, skip_system_fonts=not needs_system, font_dirs=_font_folders()
    )
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _is_common(character: str) -> bool:
    """Return whether Noto Sans, or the typeface of its script, certainly has the character."""
    code = ord(character)
    return code < 0x530 or 0x1E00 <= code < 0x2060 or _script(character) in _BROUGHT or not _is_drawn(character)


def _is_drawn(character: str) -> bool:
    """Return whether the character has ink: it is no joiner, variation selector or space."""
    return unicodedata.category(character) not in ("Cf", "Mn", "Me", "Zs") and character != "\ufe0f"


def _missing(line: str) -> frozenset[str]:
    """Return the scripts of the letters that neither the packages' fonts nor the system's have."""
    return frozenset(_script(one) for one in set(line) if not _is_common(one) and not _has(one, None))


@lru_cache(maxsize=4096)
def _has(character: str, family: str | None) -> bool:
    """Return whether the packages' `family` has the character; without a family, whether any font here has it."""
    return _glyph(character, family) not in (_glyph(_NEVER_ASSIGNED, family), b"")


@lru_cache(maxsize=4096)
def _glyph(character: str, family: str | None) -> bytes:
    text = f'<text x="8" y="40" font-size="32" font-family="\'{family or _LATIN}\'">{escape(character)}</text>'
    return _cropped(_render(text, 96, 64, needs_system=family is None)).tobytes()


@cache
def _font_folders() -> list[str]:
    """Return the folders of the packages' fonts."""
    specs = [find_spec(name) for name in _PACKAGES]
    return [str(Path(spec.origin).parent) for spec in specs if spec and spec.origin]
