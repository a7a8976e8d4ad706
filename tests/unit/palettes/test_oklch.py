"""OKLCH and back, the gamut, and contrast."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_worker.palettes.oklch import (
    Oklch,
    contrast,
    hex_to_rgb,
    luminance,
    max_chroma,
    oklch_to_rgb,
    rgb_to_hex,
    rgb_to_oklab,
    rgb_to_oklch,
    with_contrast,
)

CHANNEL = st.integers(0, 255)


@settings(max_examples=150, deadline=None)
@given(st.tuples(CHANNEL, CHANNEL, CHANNEL))
def test_every_color_survives_the_round_trip(rgb: tuple[int, int, int]) -> None:
    """Bytes to OKLCH and back are the same bytes."""
    assert oklch_to_rgb(rgb_to_oklch(rgb)) == rgb
    assert hex_to_rgb(rgb_to_hex(rgb)) == rgb


@pytest.mark.parametrize(
    ("color", "lab"),
    [
        ("#FFFFFF", (1.0, 0.0, 0.0)),
        ("#FF0000", (0.62796, 0.22486, 0.12585)),
        ("#00FF00", (0.86644, -0.23389, 0.17950)),
        ("#0000FF", (0.45201, -0.03246, -0.31153)),
    ],
)
def test_known_colors(color: str, lab: tuple[float, float, float]) -> None:
    """The primaries as Ottosson's code gives them."""
    assert rgb_to_oklab(hex_to_rgb(color)) == pytest.approx(lab, abs=2e-4)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 0.95), st.floats(0, 360))
def test_out_of_gamut_keeps_lightness_and_hue(lightness: float, hue: float) -> None:
    """Only chroma gives way."""
    seen = rgb_to_oklch(hex_to_rgb(Oklch(lightness, 0.5, hue).hex))
    assert seen.lightness == pytest.approx(lightness, abs=0.012)
    assert seen.chroma <= max_chroma(lightness, hue) + 0.01


@settings(max_examples=60, deadline=None)
@given(st.tuples(CHANNEL, CHANNEL, CHANNEL), st.tuples(CHANNEL, CHANNEL, CHANNEL), st.sampled_from((1.5, 3.0, 4.5)))
def test_contrast_is_always_found(mark: tuple[int, int, int], ground: tuple[int, int, int], ratio: float) -> None:
    """Up to 4.5:1 there is a lightness for any mark on any ground."""
    moved = with_contrast(rgb_to_oklch(mark), rgb_to_hex(ground), ratio)
    assert contrast(moved.hex, rgb_to_hex(ground)) >= ratio


def test_wcag_ends() -> None:
    """Black on white is 21:1, and luminance runs from 0 to 1."""
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert (luminance("#000000"), luminance("#FFFFFF")) == pytest.approx((0, 1))
