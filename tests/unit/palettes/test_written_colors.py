"""Colours in the writings that language models really use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL.ImageColor import colormap, getrgb

from concept_worker.palettes.oklch import hex_to_rgb, rgb_to_oklch
from concept_worker.palettes.written_colors import colors_in, parse_color

SEA = "#12AB9F"  # rgb(18, 171, 159)
STEEL = "#4080BF"  # hsl(210, 50%, 50%)

READ_BEFORE: list[tuple[object, str | None]] = [
    ("#12ab9F", SEA),
    ("12ab9f", SEA),
    ("0x12ab9f", SEA),
    (" #12AB9F ", SEA),
    ("#abc", "#AABBCC"),
    ("abc", "#AABBCC"),
    ("#abcd", "#AABBCC"),
    ("#12ab9fcc", SEA),
    ("#12ab9f;", SEA),
    ("'#12ab9f'", SEA),
    ("\\#12ab9f", SEA),
    ("Teal", "#008080"),
    ("TEAL", "#008080"),
    ("Dark Slate Gray", "#2F4F4F"),
    ("rebecca-purple", "#663399"),
    ("light_grey", "#D3D3D3"),
    ("rgb(18, 171, 159)", SEA),
    ("RGB(18,171,159)", SEA),
    ("rgba(18,171,159,0.5)", SEA),
    ("rgb(18 171 159)", SEA),
    ("rgb(18 171 159 / 50%)", SEA),
    ("Deep sea (#12ab9f)", SEA),
    ("#12ab9f (deep sea)", SEA),
    ("Navy (#abc)", "#AABBCC"),
    ("color: #12ab9f;", SEA),
    ({"hex": "#12ab9f"}, SEA),
    ({"name": "Sea", "value": "12ab9f"}, SEA),
]
LOST_BEFORE: list[tuple[object, str | None]] = [
    ("0X12AB9F", SEA),
    ("0xFF12AB9F", SEA),  # Flutter and Android write the opacity first
    ("# 12ab9f", SEA),
    ("＃１２ａｂ９ｆ", SEA),
    ("Deep sea (12ab9f)", SEA),
    ("18, 171, 159", SEA),
    ("(18, 171, 159)", SEA),
    ("rgb: 18, 171, 159", SEA),
    ("rgb(18.0, 171.2, 158.9)", SEA),
    ("rgb(7%, 67%, 62.4%)", SEA),
    ("rgb(0.0706, 0.6706, 0.6235)", SEA),
    ("hsl(210, 50%, 50%)", STEEL),
    ("hsl(210deg 50% 50% / 0.3)", STEEL),
    ("hsla(210, 50%, 50%, 1)", STEEL),
    ("hsl(210, 50, 50)", STEEL),
    ("hsl(210, 0.5, 0.5)", STEEL),
    ("hsl(-150, 50%, 50%)", STEEL),
    ("hsl(0.5turn 50% 50%)", "#40BFBF"),
    ("hsl(200grad 50% 50%)", "#40BFBF"),
    ("hsv(210, 50%, 50%)", "#406080"),
    ("hsb(210, 50%, 50%)", "#406080"),
    ("hwb(210 20% 30%)", "#3373B3"),
    ("oklch(0.6 0.1 200)", "#0D9298"),
    ("oklch(60% 0.1 200deg)", "#0D9298"),
    ("oklab(0.6 0.05 -0.1)", "#8771BB"),
    ("lab(50% 40 59.5)", "#BF5700"),
    ("lch(52.2% 72.2 50)", "#CD561A"),
    ("teal;", "#008080"),
    ("“Teal”", "#008080"),
    ("Primary: teal", "#008080"),
    ("Teal (calm)", "#008080"),
    ({"hexCode": "#12ab9f"}, SEA),
    ({"hex_code": "#12ab9f"}, SEA),
    ({"Hex Value": "#12ab9f"}, SEA),
    ({"HEX": "12ab9f"}, SEA),
    ({"rgb": {"r": 18, "g": 171, "b": 159}}, SEA),
    ({"rgb": [18, 171, 159]}, SEA),
    ({"rgb": "18, 171, 159"}, SEA),
    ({"r": 18, "g": 171, "b": 159}, SEA),
    ({"R": "18", "G": "171", "B": "159", "A": "1"}, SEA),
    ({"red": 18, "green": 171, "blue": 159}, SEA),
    ({"h": 210, "s": 50, "l": 50}, STEEL),
    ({"hsl": "hsl(210, 50%, 50%)"}, STEEL),
    ({"color": {"hex": "#12ab9f", "name": "Sea"}}, SEA),
    ({"$type": "color", "$value": "#12ab9f"}, SEA),  # design tokens
    ({"Deep sea": "#12ab9f"}, SEA),
    ([18, 171, 159], SEA),
    ([18, 171, 159, 0.5], SEA),
    ([0.0706, 0.6706, 0.6235], SEA),
]
NO_COLORS: list[object] = [
    *("#12345", "#1234567", "#12ab9g", "#", "", " ", "#" * 300, "brownish", "transparent", "null"),
    *("rgb(300, 0, 0)", "rgb(-1, 0, 0)", "rgb(1, 2)", "rgb(101%, 0%, 0%)", "hsl(1, 200%, 3%)", "hsl(a, b, c)"),
    *("1, 2", "1, 2, 999", "lab: results are in", "oklch(2e9 1 1)"),
    # Numbers that are no colours.
    *("#1 choice", "our #1", "issue #123", "Issue #123456", "order #123456", "#bad idea", "see #404 of the list"),
    *("$120", "120", "1200", "5 colors", "3 of 5", "2024", "&#123456;", "page#123456"),
    *(None, 7, 0x12AB9F, 1.5, True, [], {}, ["#12ab9f"], [True, True, True], [1, 2], [300, 0, 0], [1, 2, "x"]),
    *({"hex": {"hex": "#12ab9f"}}, {"name": "Teal"}, {"hex": None}, {"r": 1, "g": 2}, {"count": 5}, {"a": {}}),
]


@pytest.mark.parametrize(("written", "color"), READ_BEFORE + LOST_BEFORE, ids=repr)
def test_colors_in_every_usual_writing(written: object, color: str | None) -> None:
    """Digits of any length, functions, names, phrases, objects and lists."""
    assert parse_color(written) == color


@pytest.mark.parametrize("written", NO_COLORS, ids=repr)
def test_nothing_is_invented(written: object) -> None:
    """A number, a word or a broken colour is none."""
    assert parse_color(written) is None


@pytest.mark.parametrize("name", colormap)
def test_every_name_of_css(name: str) -> None:
    """All 148, in capitals, too."""
    before = parse_color(name), parse_color(name.upper())
    channels = getrgb(name)  # Pillow remembers them in the place of the name's text
    assert {*before, parse_color(name)} == {"#{:02X}{:02X}{:02X}".format(*channels[:3])}


@settings(deadline=None)  # a busy machine fails nothing
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_oklch_comes_back(rgb: tuple[int, int, int]) -> None:
    """A colour written as our own harmony thinks of it."""
    color = rgb_to_oklch(rgb)
    read = parse_color(f"oklch({color.lightness:.6f} {color.chroma:.6f} {color.hue:.4f})")
    assert read is not None
    assert max(abs(a - b) for a, b in zip(hex_to_rgb(read), rgb, strict=True)) <= 1


@settings(deadline=None)  # a busy machine fails nothing
@given(
    st.text(max_size=80) | st.from_regex(r"(rgb|hsl|lab|lch|oklch|hwb)a?\([-0-9.,% ndegru/]{0,40}\)?", fullmatch=True)
)
def test_any_text_is_a_color_or_none(text: str) -> None:
    """Never an error, and never anything but six digits."""
    color = parse_color(text)
    assert color is None or (len(color) == 7 and int(color[1:], 16) >= 0)
    assert all(0 <= start < end <= len(text) for start, end, _ in colors_in(text))


def test_colors_of_a_sentence() -> None:
    """Where each begins and ends; numbers beside them are none."""
    text = "Our #1: #12ab9f on hsl(210, 50%, 50%), see issue #123456 and $120."
    assert [(text[start:end], color) for start, end, color in colors_in(text)] == [
        ("#12ab9f", SEA),
        ("hsl(210, 50%, 50%", STEEL),
    ]
