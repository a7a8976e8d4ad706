"""Palettes by colour harmony: bounds, contrast, difference, and what words do."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_worker.models import PALETTE_ROLES, Palette, PaletteSource
from concept_worker.palettes.harmony import MARK_CONTRAST, PRIMARY_CONTRAST, harmonize, palette_distance
from concept_worker.palettes.oklch import contrast, delta_e, hex_to_rgb, rgb_to_oklch
from concept_worker.payloads import PALETTES_MAX

THEMES = (
    "warm autumn, hand-made",
    "ocean",
    "neon",
    "pastel",
    "luxury",
    "forest",
    "retro 70s",
    "monochrome",
    "black and white",
    "grau in grau",
    "xyzzy",
    "🦊🌙",
    "海の夜",
)


def hue(color: str) -> float:
    """The hue of #RRGGBB in degrees."""
    return rgb_to_oklch(hex_to_rgb(color)).hue


def chroma(color: str) -> float:
    """The chroma of #RRGGBB."""
    return rgb_to_oklch(hex_to_rgb(color)).chroma


def lightness(color: str) -> float:
    """The OKLab lightness of #RRGGBB."""
    return rgb_to_oklch(hex_to_rgb(color)).lightness


def turn(one: float, other: float) -> float:
    """Degrees between two hues."""
    return abs((one - other + 180) % 360 - 180)


def assert_sound(palettes: list[Palette]) -> None:
    """What holds for every list, whatever the words."""
    for palette in palettes:
        primary, secondary, accent, background, _ = palette.colors
        assert len(set(palette.colors)) == len(PALETTE_ROLES)
        assert contrast(primary, background) >= PRIMARY_CONTRAST
        assert min(contrast(secondary, background), contrast(accent, background)) >= MARK_CONTRAST
        assert palette.source is PaletteSource.LOCAL
        assert palette.description
    assert len({palette.name for palette in palettes}) == len(palettes)


@pytest.mark.parametrize("count", range(1, PALETTES_MAX + 1))
def test_gives_exactly_as_many_as_asked(count: int) -> None:
    """Every count from 1 to 20, each list the beginning of the longer ones."""
    palettes = harmonize("warm autumn", "a fox", count)
    assert len(palettes) == count
    assert palettes == harmonize("warm autumn", "a fox", PALETTES_MAX)[:count]


@pytest.mark.parametrize("count", [0, -1, 21])
def test_refuses_other_counts(count: int) -> None:
    """Counts out of bounds are a caller's mistake."""
    with pytest.raises(ValueError, match="between 1 and 20"):
        harmonize("warm", "a fox", count)


@pytest.mark.parametrize("theme", THEMES)
def test_every_palette_can_be_read(theme: str) -> None:
    """Contrast, distinct colours, distinct names, for themes of every kind."""
    assert_sound(harmonize(theme, "a fox leaping over a crescent moon", PALETTES_MAX))


@settings(max_examples=40, deadline=None)
@given(theme=st.text(max_size=60), logo=st.text(max_size=60), count=st.integers(1, PALETTES_MAX))
def test_any_text_gives_sound_palettes(theme: str, logo: str, count: int) -> None:
    """No text of any script breaks a rule or raises."""
    palettes = harmonize(theme, logo, count)
    assert len(palettes) == count
    assert_sound(palettes)


@pytest.mark.parametrize("theme", THEMES)
def test_palettes_of_a_list_differ_clearly(theme: str) -> None:
    """Seven palettes are apart by 0.045 in OKLab on average over the roles; twenty by 0.02."""
    palettes = harmonize(theme, "a fox", PALETTES_MAX)
    distances = {
        count: min(palette_distance(a.colors, b.colors) for a, b in combinations(palettes[:count], 2))
        for count in (7, PALETTES_MAX)
    }
    assert distances[7] >= 0.045
    assert distances[PALETTES_MAX] >= 0.02


@pytest.mark.parametrize("theme", ["warm autumn", "ocean", "forest", "luxury", "pastel"])
def test_four_palettes_hold_the_four_wishes(theme: str) -> None:
    """A complementary, a monochromatic, a high-contrast one; a white and a dark ground."""
    palettes = harmonize(theme, "a fox", 4)
    _, complementary, mono, strong = (palette.colors for palette in palettes)
    assert turn(hue(complementary[0]), hue(complementary[2])) > 110
    assert max(turn(hue(mono[0]), hue(color)) for color in mono[1:3]) < 40
    assert contrast(strong[0], strong[3]) >= 8
    grounds = [lightness(palette.colors[3]) for palette in palettes]
    assert "#FFFFFF" in {palette.colors[3] for palette in palettes}
    assert min(grounds) < 0.35


def test_same_words_same_palettes() -> None:
    """Case and outer spaces do not matter; nothing else changes between calls."""
    assert harmonize("Warm Autumn", "A Fox", 9) == harmonize(" warm autumn ", "a fox", 9)


def test_different_unknown_themes_differ() -> None:
    """Words that the lexicon does not know still steer, by their hash."""
    firsts = [harmonize(word, "zorp", 1)[0].colors for word in ("qwxz", "blarg", "ṽörtex", "кот", "猫")]
    assert min(palette_distance(a, b) for a, b in combinations(firsts, 2)) > 0.03


@pytest.mark.parametrize(
    ("theme", "centre", "reach"),
    [
        ("deep red", 27, 30),
        ("a blue brand", 258, 30),
        ("forest", 145, 45),
        ("ocean", 230, 50),
        ("warm autumn, hand-made", 45, 40),
        ("purple", 312, 30),
        ("teal and white", 195, 30),
    ],
)
def test_words_lead_the_primary(theme: str, centre: float, reach: float) -> None:
    """The first palette's primary has the hue the theme names."""
    assert turn(hue(harmonize(theme, "a shape", 1)[0].colors[0]), centre) <= reach


def test_a_named_color_leads_a_suggested_one() -> None:
    """In "italian red" the red is named and Italy only suggests."""
    assert turn(hue(harmonize("italian red", "a shape", 1)[0].colors[0]), 27) <= 30


@pytest.mark.parametrize("theme", ["not blue, ocean", "without any blue"])
def test_refused_colors_stay_away(theme: str) -> None:
    """What the words refuse is not the first palette's primary."""
    assert turn(hue(harmonize(theme, "blue whale", 1)[0].colors[0]), 258) >= 25


def test_moods_set_the_ground() -> None:
    """Night is dark, pastel is light, and "not dark" is not dark."""
    grounds = {theme: harmonize(theme, "a cat", 1)[0].colors[3] for theme in ("night", "pastel", "not dark", "neon")}
    assert lightness(grounds["night"]) < 0.35
    assert lightness(grounds["neon"]) < 0.35
    assert min(lightness(grounds["pastel"]), lightness(grounds["not dark"])) > 0.85


def test_moods_set_the_chroma() -> None:
    """Vivid is more colourful than muted."""
    vivid, muted = (harmonize(f"{word} blue", "a cat", 1)[0].colors for word in ("vivid", "muted"))
    assert chroma(vivid[0]) > 1.3 * chroma(muted[0])


def test_black_and_white_has_no_hue() -> None:
    """The first palettes of a theme without hues are grey throughout."""
    for palette in harmonize("black and white", "a cat", 3):
        assert max(chroma(color) for color in palette.colors) < 0.01


def test_names_say_what_is_seen() -> None:
    """Two nouns a palette, and the sentence begins with a capital and ends with a full stop."""
    for palette in harmonize("warm autumn", "a fox", 7):
        assert " & " in palette.name
        assert palette.description[0].isupper()
        assert palette.description.endswith(".")


def test_delta_e_of_black_and_white_is_one() -> None:
    """The measure the tests above stand on."""
    assert delta_e("#000000", "#FFFFFF") == pytest.approx(1.0, abs=0.001)
