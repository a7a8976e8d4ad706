"""Pictures of the offline generator: the same for the same words, different for different ones, and clean."""

from __future__ import annotations

import io
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from concept_worker.offline.drawing import Dice, Ink
from concept_worker.offline.generator import OfflineGenerator
from concept_worker.offline.letters import has_letter, monogram
from concept_worker.offline.motifs import MOTIFS
from concept_worker.offline.raster import rasterize
from concept_worker.palettes.harmony import harmonize
from concept_worker.palettes.oklch import hex_to_rgb
from concept_worker.payloads import Brief
from concept_worker.services.concept_generator import ConceptGenerator
from tests.drawing import drawn

BRIEFS = (
    ("a fox leaping over a crescent moon", "warm autumn, hand-made"),
    ("an owl reading a book", "night"),
    ("mountain and sun", "outdoor"),
    ("a lighthouse with waves", "nautical"),
    ("a cat in a coffee cup", "pastel"),
    ("a lion with a crown", "royal"),
    ("a deer in the forest", "winter"),
    ("a rabbit under a mushroom", "spring"),
    ("a ship on a wave", "ocean"),
    ("eagle shield", "luxury"),
    ("a brand for Nova Ledger", "finance"),
    ("something abstract", "bauhaus"),
    ("the letter K", "minimal"),
    ("日本の庭", "秋"),
)


def pixels(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """The picture as signed numbers."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(np.int16)


def changed(one: bytes, other: bytes) -> float:
    """The share of pixels that differ visibly."""
    return float((np.abs(pixels(one) - pixels(other)).max(axis=2) > 24).mean())


def test_keeps_the_contract() -> None:
    """It is a `ConceptGenerator` called "offline", and closes without ado."""
    generator: ConceptGenerator = OfflineGenerator()
    generator.close()


def test_picture_as_promised() -> None:
    """1024 x 1024 RGB PNG, under 200 kB."""
    data = drawn("a fox leaping over a crescent moon", "warm autumn, hand-made", seed=1, size=1024)
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (1024, 1024))
    assert len(data) < 200_000


@pytest.mark.parametrize(("logo", "theme"), BRIEFS)
def test_same_brief_same_bytes(logo: str, theme: str) -> None:
    """Drawn twice, by two generators, the bytes are equal."""
    first = drawn(logo, theme, seed=7, size=96)
    assert drawn(logo, theme, seed=7, size=96) == first


def test_different_briefs_differ_visibly() -> None:
    """Of any two briefs at least a tenth of the pixels differ."""
    pictures = [drawn(logo, theme, seed=7, size=96) for logo, theme in BRIEFS]
    assert min(changed(a, b) for a, b in combinations(pictures, 2)) > 0.1


def test_same_colors_different_subject() -> None:
    """The subject alone changes the picture."""
    one, other = (drawn(f"a {word}", "deep red", seed=7, size=96) for word in ("cat", "rocket"))
    assert changed(one, other) > 0.05


def test_seed_varies_the_picture() -> None:
    """Among some seeds there are several pictures of the same brief."""
    pictures = {drawn("a fox leaping over a crescent moon", "warm autumn", seed=seed, size=96) for seed in range(8)}
    assert len(pictures) >= 4


@pytest.mark.parametrize(("logo", "theme"), BRIEFS)
def test_ground_is_plain_and_colors_are_the_themes(logo: str, theme: str) -> None:
    """The rim is one colour, the theme's background; flat pixels have the palette's colours only."""
    data = drawn(logo, theme, seed=3, size=256)
    colors = {hex_to_rgb(color) for color in harmonize(theme, logo, 1)[0].colors}
    picture = pixels(data)
    rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert {tuple(pixel) for pixel in rim.tolist()} == {hex_to_rgb(harmonize(theme, logo, 1)[0].colors[Ink.GROUND])}
    counted = Counter(map(tuple, picture.reshape(-1, 3).tolist()))
    assert sum(counted[color] for color in colors) / counted.total() > 0.85
    assert 3 <= len(counted.keys() & colors) <= 6


def test_edges_are_smooth() -> None:
    """Between two flat colours there are mixed pixels."""
    data = drawn("a circle with a heart", "red", seed=3, size=256)
    colors = {hex_to_rgb(color) for color in harmonize("red", "a circle with a heart", 1)[0].colors}
    mixed = [tuple(pixel) not in colors for pixel in pixels(data).reshape(-1, 3).tolist()]
    assert 0.002 < sum(mixed) / len(mixed) < 0.1


@pytest.mark.parametrize("name", MOTIFS)
def test_every_motif_fills_its_box(name: str) -> None:
    """Each is drawn in at least two inks, near its box of 100 x 100 units, and covers a fair part of it."""
    for seed in range(4):
        drawing = MOTIFS[name].sketch(Dice(name, seed))
        left, top, right, bottom = drawing.box
        assert max(right - left, bottom - top) >= 40
        assert left >= -25
        assert top >= -25
        assert right <= 125
        assert bottom <= 125
        assert len({layer.ink for layer in drawing.layers}) >= 2
    inks = [(0, 0, 0), (60, 60, 60), (120, 120, 120), (255, 255, 255), (200, 200, 200)]
    picture = pixels(rasterize(drawing.fit(5, 5, 95, 95), inks, 64))
    assert 0.06 < float((picture.max(axis=2) < 250).mean()) < 0.85


@pytest.mark.parametrize("character", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
def test_every_letter_is_drawn(character: str) -> None:
    """A monogram of each capital and digit has a body."""
    assert has_letter(character)
    left, top, right, bottom = monogram(character, Dice(character)).box
    assert bottom - top > 60
    assert right - left > 10


def test_a_name_is_set_below() -> None:
    """With a name, the lower part of the picture holds letters; letters the font lacks do no harm."""
    with_name = pixels(drawn('a fox "Rusty"', "red", seed=1, size=96))
    strip = with_name[78:88]
    assert len({tuple(pixel) for pixel in strip.reshape(-1, 3).tolist()}) > 3
    assert drawn('a fox "キツネ"', "red", seed=1, size=96)


@settings(max_examples=60, deadline=None)
@given(logo=st.text(max_size=80), theme=st.text(max_size=40), seed=st.integers(0, 2**31 - 1))
def test_any_text_gives_a_picture(logo: str, theme: str, seed: int) -> None:
    """No text of any script raises."""
    picture = Image.open(io.BytesIO(drawn(logo, theme, seed=seed, size=96)))
    assert picture.size == (96, 96)


def test_palettes_are_the_local_ones() -> None:
    """As many as asked for, by colour harmony."""
    assert OfflineGenerator().propose_palettes(
        Brief(logo_description="a whale", theme_description="ocean"), 5
    ) == harmonize("ocean", "a whale", 5)
