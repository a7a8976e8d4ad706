"""Refinement without a provider: what the words ask for is what changes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from concept_worker.errors import InvalidImage
from concept_worker.offline.refinement import refine
from concept_worker.offline.refinement.colors import flats_of
from concept_worker.offline.refinement.wishes import Change, wishes_of
from concept_worker.palettes.oklch import contrast, luminance, rgb_to_hex, rgb_to_oklch
from tests.drawing import drawn

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


def opened(data: bytes) -> Image.Image:
    """The picture as RGB."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def pixels(data: bytes) -> Pixels:
    """The picture as signed numbers."""
    return np.asarray(opened(data)).astype(np.int16)


def png(picture: Image.Image) -> bytes:
    """The picture as PNG bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def fox() -> bytes:
    """A drawn logo, small."""
    return drawn("a fox", "warm autumn", seed=4, size=192)


@pytest.fixture(scope="module")
def sign() -> bytes:
    """A picture not drawn by us: a dark red sign, off the middle, on white."""
    picture = Image.new("RGB", (800, 800), "white")
    pen = ImageDraw.Draw(picture)
    pen.polygon([(120, 500), (260, 140), (420, 500)], fill=(150, 20, 30))
    pen.rectangle((300, 380, 460, 560), fill=(40, 60, 150))
    return png(picture.reduce(4))


def asked(original: bytes, prompt: str, *preserve: str, seed: int = 1) -> bytes:
    """The refinement."""
    return refine(original, prompt, preserve, seed)


def mark_box(data: bytes) -> tuple[int, int, int, int]:
    """Where the picture is not its ground."""
    picture = pixels(data)
    ground = np.array(flats_of(opened(data))[0].rgb)
    ys, xs = np.nonzero(np.abs(picture - ground).max(axis=2) > 24)
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def mark_share(data: bytes) -> float:
    """The share of the picture that is not its ground."""
    ground = np.array(flats_of(opened(data))[0].rgb)
    return float((np.abs(pixels(data) - ground).max(axis=2) > 24).mean())


def lead(data: bytes) -> tuple[int, int, int]:
    """The largest mark's colour."""
    return flats_of(opened(data))[1].rgb


def ground(data: bytes) -> tuple[int, int, int]:
    """The ground's colour."""
    return flats_of(opened(data))[0].rgb


@pytest.mark.parametrize(
    "prompt",
    ["make it blue", "bolder", "rounder", "sharper", "add a circle", "bigger", "tilt it", "mirrored", "pastel", "hmm?"],
)
def test_same_request_same_bytes_and_a_visible_change(fox: bytes, prompt: str) -> None:
    """Deterministic, and never the original again; an unknown prompt changes something too."""
    refined = asked(fox, prompt)
    assert asked(fox, prompt) == refined
    assert opened(refined).size == opened(fox).size
    assert float((np.abs(pixels(refined) - pixels(fox)).max(axis=2) > 16).mean()) > 0.01


@pytest.mark.parametrize(("word", "hue"), [("blue", 258), ("green", 150), ("red", 27), ("purple", 312)])
def test_color_words_recolor_the_marks(sign: bytes, word: str, hue: float) -> None:
    """The largest mark takes the hue; the ground stays."""
    refined = asked(sign, f"make it {word}")
    assert abs((rgb_to_oklch(lead(refined)).hue - hue + 180) % 360 - 180) < 30
    assert ground(refined) == (255, 255, 255)


def test_background_words_recolor_the_ground(sign: bytes) -> None:
    """ "Blue background" leaves the marks as they are, or as near as their contrast allows."""
    refined = asked(sign, "a light blue background")
    assert rgb_to_oklch(ground(refined)).chroma > 0.03
    assert abs(rgb_to_oklch(lead(refined)).hue - rgb_to_oklch(lead(sign)).hue) < 15


def test_darker_background_keeps_the_marks_readable(sign: bytes) -> None:
    """The ground turns dark and the marks keep 3:1."""
    refined = asked(sign, "darker background")
    assert luminance(rgb_to_hex(ground(refined))) < 0.05
    assert contrast(rgb_to_hex(lead(refined)), rgb_to_hex(ground(refined))) > 2.9


def test_black_and_white_has_no_color(fox: bytes) -> None:
    """Every pixel is grey."""
    picture = pixels(asked(fox, "make it black and white"))
    assert int((picture.max(axis=2) - picture.min(axis=2)).max()) <= 6


def test_more_contrast_has_more(sign: bytes) -> None:
    """The largest mark stands out more; with less contrast, less."""
    less, same, more = (
        contrast(rgb_to_hex(lead(data)), rgb_to_hex(ground(data)))
        for data in (asked(sign, "less contrast"), sign, asked(sign, "more contrast"))
    )
    assert less < same < more


def test_weight_words_change_the_weight(sign: bytes) -> None:
    """Bolder covers more, thinner less, and "less bold" is thinner."""
    assert mark_share(asked(sign, "bolder")) > mark_share(sign) > mark_share(asked(sign, "thinner"))
    assert asked(sign, "less bold") == asked(sign, "thinner")


def test_rounder_loses_its_corners(sign: bytes) -> None:
    """The triangle's tip is gone; "sharper" keeps it."""
    top = mark_box(sign)[1]
    assert mark_box(asked(sign, "rounder"))[1] > top
    assert abs(mark_box(asked(sign, "sharper"))[1] - top) <= 3


@pytest.mark.parametrize("word", ["circle", "ring badge", "shield", "hexagon", "square tile"])
def test_frames_go_round_the_mark(sign: bytes, word: str) -> None:
    """The frame reaches near the rim on all sides, the corners stay ground."""
    refined = asked(sign, f"put it in a {word}")
    left, top, right, bottom = mark_box(refined)
    side = opened(refined).width
    assert max(left, top) < 0.12 * side
    assert min(right, bottom) > 0.86 * side
    assert tuple(pixels(refined)[0, 0].tolist()) == ground(sign)


def test_size_words_change_the_size(sign: bytes) -> None:
    """Bigger is wider, smaller is narrower, and "more space" is smaller, not cosmic."""

    def width(data: bytes) -> int:
        return mark_box(data)[2] - mark_box(data)[0]

    assert width(asked(sign, "bigger")) > width(sign) > width(asked(sign, "smaller"))
    assert asked(sign, "more space") == asked(sign, "smaller")


def test_centered_is_in_the_middle(sign: bytes) -> None:
    """The mark's box has even margins."""
    refined = asked(sign, "center it")
    left, top, right, bottom = mark_box(refined)
    assert abs(left + right + 1 - opened(refined).width) <= 2
    assert abs(top + bottom + 1 - opened(refined).height) <= 2


def test_mirrored_is_the_mirror_image(sign: bytes) -> None:
    """Left and right change places, nothing else."""
    assert np.array_equal(pixels(asked(sign, "mirror it")), pixels(sign)[:, ::-1])


def test_border_runs_along_the_rim(sign: bytes) -> None:
    """All four sides, in the largest mark's colour."""
    picture = pixels(asked(sign, "add a border"))
    at = round(0.045 * picture.shape[0])
    middle = picture.shape[0] // 2
    for x, y in ((middle, at), (middle, -at - 1), (at, middle), (-at - 1, middle)):
        assert tuple(picture[y, x].tolist()) == lead(sign)


@pytest.mark.parametrize(
    ("prompt", "aspect"),
    [
        ("make it blue", "colors"),
        ("warmer", "the colour palette"),
        ("bigger", "layout"),
        ("bolder", "style"),
        ("rounder", "shapes"),
    ],
)
def test_preserved_aspects_stay(prompt: str, aspect: str) -> None:
    """A change of a preserved aspect is left out; another, quiet one comes instead."""
    free, kept = wishes_of(prompt, (), 1), wishes_of(prompt, (aspect,), 1)
    assert not set(free.changes) & set(kept.changes)
    assert kept.marks is None
    assert kept.changes


def test_only_the_preserved_aspect_is_suppressed() -> None:
    """The rest of the prompt still counts."""
    wishes = wishes_of("make it blue and bigger", ("colors",), 1)
    assert (wishes.changes, wishes.marks) == ((Change.BIGGER,), None)


def test_negated_changes_are_left_out() -> None:
    """ "Not bigger, but bolder" is bolder."""
    assert wishes_of("not bigger, but bolder", (), 1).changes == (Change.BOLDER,)


def test_seed_and_prompt_choose_the_quiet_variation() -> None:
    """Prompts without a word we know do not all get the same."""
    assert len({wishes_of(f"qwx {i}", (), 1).changes for i in range(12)}) > 2


@settings(max_examples=60, deadline=None)
@given(prompt=st.text(max_size=80), aspects=st.lists(st.text(max_size=12), max_size=3), seed=st.integers(0, 2**31 - 1))
def test_any_prompt_gives_a_picture(prompt: str, aspects: list[str], seed: int) -> None:
    """No text of any script raises."""
    original = png(Image.linear_gradient("L").resize((40, 32)).convert("RGB"))
    assert opened(refine(original, prompt, tuple(aspects), seed)).size == (40, 32)


@pytest.mark.parametrize(
    "prompt", ["blue", "bolder", "sharper", "rounder", "ring", "border", "bigger", "tilt", "invert"]
)
@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (1, 1), "red"),
        Image.new("RGB", (64, 20), "white"),
        Image.new("RGBA", (32, 48), (200, 30, 30, 90)),
        Image.effect_noise((48, 48), 90),
        Image.radial_gradient("L").resize((48, 48)).convert("P"),
    ],
    ids=["dot", "blank", "glass", "noise", "gradient"],
)
def test_odd_pictures_are_refined_too(picture: Image.Image, prompt: str) -> None:
    """Whatever decodes can be refined; its size stays."""
    assert opened(asked(png(picture), prompt)).size == picture.size


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """One named error."""
    with pytest.raises(InvalidImage):
        asked(data, "make it blue")
