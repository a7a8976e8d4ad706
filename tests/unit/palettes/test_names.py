"""Names of palettes: of every script, on one line, each its own."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_worker.palettes.names import NAME_MAX, clean, described, own_name

FAMILY = "👩‍👩‍👧"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "name",
    [
        FAMILY,
        "می‌خواهم",
        "क्‍ष",
        ENGLAND,
        "❤️ Heart",
        "1️⃣ One",
        "👋🏽 Hi",
        "🇩🇪 Berlin",
        "Café",
        "日本 の 色",
        "\U0001fae8 New",
    ],
)
def test_signs_stay_whole(name: str) -> None:
    """Joiners, marks, tags and what is younger than Python's tables."""
    assert own_name(name, 1, set()) == name


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("  Fjord\nat\x00 dawn ", "Fjord at dawn"),
        ("a\u2028b\x85c\x1b[2Jd", "a b c [2Jd"),
        ("\u202eevil\u2069", "evil"),
        ("Morgen\xadrot", "Morgenrot"),
        ("\ufeffSea\u200b", "Sea"),
        ("\u200dSea\u200c \u200d Side\u200d", "Sea Side"),
        ("Sea\U000e0067\U000e0062", "Sea"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 6),
        ("x\ufffe\ufdd0\ud800y", "x y"),
        ("\u3164\u2800", ""),
        ("\u200d\u200c", ""),
    ],
)
def test_one_line_that_disturbs_nothing(written: str, shown: str) -> None:
    """Controls become blanks, what is not seen goes."""
    assert clean(written) == shown


@pytest.mark.parametrize("name", ["", " ", "\u200d", "\u3164", "\u202e", "**", '""'])
def test_what_shows_nothing_is_no_name(name: str) -> None:
    """It gets a number instead."""
    assert own_name(name, 3, set()) == "Palette 3"


def test_markdown_is_no_part_of_a_name() -> None:
    """Models write bold inside of JSON, too."""
    assert own_name("**Fjord**", 1, set()) == own_name("`Fjord`", 1, set()) == "Fjord"


def test_names_that_look_alike_are_told_apart() -> None:
    """Capitals, full-width letters and joiners make no difference to see."""
    taken: set[str] = set()
    names = [own_name(name, 1, taken) for name in ("Fjord", "FJORD", "Ｆｊｏｒｄ", "Fj\u200dord")]
    assert [name[-2:] for name in names] == ["rd", " 2", " 3", " 4"]


@pytest.mark.parametrize("sign", [FAMILY, ENGLAND, "🇩🇪", "e\u0301", "👋🏽"])
def test_a_cut_takes_no_sign_apart(sign: str) -> None:
    """However the signs before it lie."""
    for shift in range(len(sign)):
        name = own_name("x" * shift + sign * NAME_MAX, 1, set())
        assert name.endswith("…")
        assert len(name) <= NAME_MAX
        assert name[shift:-1] == sign * ((len(name) - 1 - shift) // len(sign))


def test_descriptions_are_cut() -> None:
    """At the length that a palette allows."""
    assert described("a\n\tb\x07" + "c" * 500) == "a b " + "c" * 195 + "…"


@settings(deadline=None)  # a busy machine fails nothing
@given(st.lists(st.text() | st.sampled_from([FAMILY, "Fjord", "fjord", "\u200d", "x" * 80]), max_size=20))
def test_any_names_are_sound(texts: list[str]) -> None:
    """One line, something to see, short enough, each its own."""
    taken: set[str] = set()
    names = [own_name(text, number, taken) for number, text in enumerate(texts)]
    assert len(set(names)) == len(names)
    for name in names:
        assert 1 <= len(name) <= NAME_MAX
        assert name == name.strip()
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name)
