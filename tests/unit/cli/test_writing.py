"""Lines of text in any script."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image, ImageChops

from concept_worker.cli.writing import WrittenLine, write_line

WIDE = 4000


def written(words: str, room: int = WIDE) -> WrittenLine:
    return write_line(words, size=40, color="#000000", room=room)


def look(words: str) -> bytes:
    return written(words).image.tobytes()


def ink_from(line: WrittenLine, left: int, right: int) -> Image.Image:
    return line.image.crop((left, 0, right, line.image.height))


@pytest.mark.parametrize(
    ("words", "bare"),
    [
        ("Größe", "Grosse"),
        ("café", "cafe"),
        ("naı̈ve", "naıve"),
        ("Łódź", "Lodz"),
        ("Ґрунт", "Грунт"),
        ("άνθρωπος", "ανθρωπος"),
        ("मिल", "मल"),
        ("ที่", "ท"),
    ],
)
def test_marks_are_written(words: str, bare: str) -> None:
    """Umlauts, accents, and vowel signs are seen, and no letter is missing."""
    assert look(words) != look(bare)
    assert written(words).missing == frozenset()


@pytest.mark.parametrize(
    "words", ["Привет", "λόγος", "שלום", "مرحبا", "हिन्दी", "ไทย", "தமிழ்", "ქართული", "Հայ", "🦊", "→ ∑ ★", "“—…”"]
)
def test_scripts_have_their_letters(words: str) -> None:
    """Each letter is another picture than the box that stands for a missing one."""
    line = written(words)
    assert line.missing == frozenset()
    assert line.image.tobytes() != look("\u0378" * len(words))


def test_joined_emoji_are_one_picture() -> None:
    """A family is one sign, narrower than its members one beside another."""
    assert written("👩‍👩‍👧‍👦").image.width < written("👩👩👧👦").image.width / 2


def test_arabic_letters_join() -> None:
    """A word is narrower than its letters that stand alone."""
    assert written("محمد").image.width < written("م ح م د").image.width * 0.8


@pytest.mark.parametrize("words", ["abc שלום def", "abc (שלום) def", "abc 狐 def"])
def test_a_line_that_goes_right_keeps_its_ends(words: str) -> None:
    """Its first and its last word stay where they are read."""
    line, first, last = written(words), written("abc").image.width - 10, written("def")
    assert not ImageChops.difference(ink_from(line, 0, first), ink_from(written("abc"), 0, first)).getbbox()
    tail = ink_from(line, line.image.width - last.image.width + 10, line.image.width)
    assert not ImageChops.difference(tail, ink_from(last, 10, last.image.width)).getbbox()


def test_a_line_that_goes_left_starts_at_the_right() -> None:
    """The Latin word after a Hebrew one stands left of it."""
    line, word = written("שלום abc"), written("abc")
    ends = word.image.width - 10
    assert not ImageChops.difference(ink_from(line, 0, ends), ink_from(word, 0, ends)).getbbox()


def test_brackets_turn_with_their_line() -> None:
    """In a line that goes left, the bracket that opens is drawn as the one that closes, at the right."""
    line, closing = written("(שלום"), written(")")
    assert not ImageChops.difference(
        ink_from(line, line.image.width - 10, line.image.width),
        ink_from(closing, closing.image.width - 10, closing.image.width),
    ).getbbox()


@pytest.mark.parametrize("words", ["x" * 2000, "狐" * 900, "مرحبا " * 90, "👩‍👩‍👧‍👦" * 90, "Ẑ̈̃" * 300, "i" * 3000])
def test_long_lines_are_cut_to_the_room(words: str) -> None:
    """No line is wider than its room, and a cut one uses most of it."""
    assert 400 < written(words, room=600).image.width <= 600


@pytest.mark.parametrize("words", ["", " ", "\x00\x1b", "\u202e", "\ud800", "\u0301", "\ufffe", "<b>&amp;", "a\u2028b"])
def test_no_text_is_too_odd(words: str) -> None:
    """Controls, overrides, lone surrogates and markup are no trouble: one line, whatever is in it."""
    line = written(words)
    assert line.image.height == written("a").image.height
    assert line.image.width <= written("<b>&amp;").image.width


def test_controls_are_no_letters() -> None:
    """What acts on a line rather than being seen leaves a space."""
    assert look("a\u202eb\x07c\nd") == look("a b c d")


def test_missing_scripts_are_named() -> None:
    """A script without a font is told by its name, in a process that has no font but ours."""
    code = (
        "import concept_worker.cli.writing as w, resvg_py\n"
        "render = resvg_py.svg_to_bytes\n"
        "w.resvg_py.svg_to_bytes = lambda **asked: render(**{**asked, 'skip_system_fonts': True})\n"
        "line = w.write_line('fox 狐 の ᚠ Ж', size=40, color='#000', room=4000)\n"
        "print(sorted(line.missing))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() in ("['CJK', 'HIRAGANA', 'RUNIC']", "['RUNIC']")  # the second with the extra `cjk`


def test_a_cut_line_ends_in_an_ellipsis() -> None:
    """Three dots at the baseline, no half letter."""
    line = written("H" * 200, room=600)
    end = ink_from(line, line.image.width - 20, line.image.width)
    assert end.getbbox()
    assert not end.crop((0, 0, end.width, line.baseline - 10)).getbbox()
