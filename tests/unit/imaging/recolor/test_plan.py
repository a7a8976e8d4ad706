"""Recoloring as its callers see it: any picture, any palette, the same bytes every time."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.recolor import metrics
from benchmarks.recolor.drawings import DRAWINGS, PALETTES
from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import ImageLimits
from concept_worker.imaging.recolor import plan_recolor

PALETTE = PALETTES["complementary"]
ROUNDING = 0.87  # levels: half a level in each of three channels, the root of 3/4
NOISE = np.random.default_rng(5).integers(0, 256, (64, 64, 4), np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def levels(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert("RGBA" if "transparency" in image.info or "A" in image.getbands() else "RGB"))


def blobs(seed: int, width: int, height: int, colors: int, with_alpha: bool) -> Image.Image:
    """A picture of random discs, smoothed, in a few random colours."""
    dice = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    inks = dice.integers(0, 256, (colors + 1, 4))
    picture = np.zeros((height, width, 4)) + inks[0]
    for ink in inks[1:]:
        x, y, radius = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(1, max(width, height))
        share = np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1)[..., None]
        picture = picture * (1 - share) + ink * share
    mode = picture.round().astype(np.uint8)
    return Image.fromarray(mode if with_alpha else mode[..., :3].copy())


ODD = {
    "one pixel": Image.new("RGB", (1, 1), (9, 99, 199)),
    "one see-through pixel": Image.new("RGBA", (1, 1), (9, 99, 199, 100)),
    "one colour": Image.new("RGB", (50, 40), (9, 99, 199)),
    "fully see-through": Image.new("RGBA", (50, 40), (9, 99, 199, 0)),
    "long": Image.linear_gradient("L").resize((1000, 2)).convert("RGB"),
    "tall": Image.linear_gradient("L").resize((2, 1000)).convert("RGB"),
    "noise": Image.fromarray(NOISE[..., :3].copy()),
    "noise with alpha": Image.fromarray(NOISE),
    "noise, larger": Image.fromarray(np.tile(NOISE[..., :3], (5, 5, 1))),
    "grey": Image.linear_gradient("L"),
    "deep grey": Image.linear_gradient("L").convert("I;16"),
    "black and white": Image.radial_gradient("L").convert("1"),
    "palette": Image.radial_gradient("L").convert("RGB").quantize(9),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_painted(name: str) -> None:
    """Tiny, thin, noisy, empty: always a picture of the same size."""
    image = ODD[name]
    result = levels(plan_recolor(saved(image)).paint(PALETTE))
    assert result.shape[:2] == (image.height, image.width)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_other_formats_become_png(kind: str) -> None:
    """JPEG and WebP in, PNG out."""
    assert plan_recolor(saved(blobs(1, 60, 50, 3, False), kind)).paint(PALETTE)[:8] == b"\x89PNG\r\n\x1a\n"


def test_one_colour_takes_the_background() -> None:
    """A picture of nothing but ground is nothing but background."""
    result = levels(plan_recolor(saved(ODD["one colour"])).paint(PALETTE))
    assert (result == metrics.hex_rgb(PALETTE[3])).all()


def test_a_fully_see_through_picture_stays_so() -> None:
    """Where there is nothing, nothing is painted."""
    result = levels(plan_recolor(saved(ODD["fully see-through"])).paint(PALETTE))
    assert result.shape[2] == 4
    assert (result[..., 3] == 0).all()


def test_too_large_a_picture_is_refused() -> None:
    """The limits are the codec's."""
    with pytest.raises(InvalidImage):
        plan_recolor(saved(ODD["one colour"]), ImageLimits(max_side=40))


@pytest.mark.parametrize("colors", [(), ("red",), ("#12345",), ("#1234567",)])
def test_what_is_no_palette_is_refused(colors: tuple[str, ...]) -> None:
    """Colors are "#RRGGBB", and there is at least one."""
    with pytest.raises(ValueError, match="color"):
        plan_recolor(saved(ODD["one pixel"])).paint(colors)


@pytest.mark.parametrize(
    "colors",
    [
        ("#000000", "#FFFFFF"),
        ("#336699", "#336699"),
        ("#777777", "#787878", "#797979", "#7A7A7A", "#7B7B7B"),
        ("#E4002B", "#0050B5", "#FFFFFF"),
        ("#111111", "#E4002B", "#0050B5", "#FFFFFF", "#FFC20E", "#00A650", "#7C4DFF", "#00E5D4"),
    ],
)
def test_palettes_of_any_size_and_contrast_are_painted(colors: tuple[str, ...]) -> None:
    """Two to eight colours, equal ones, no contrast: only those colours and their mixes appear."""
    data = saved(blobs(3, 90, 70, 6, False))
    result = levels(plan_recolor(data).paint(colors))
    assert metrics.levels_off_mixes(result, colors) < ROUNDING


def test_lower_case_colors_are_the_same_colors() -> None:
    """Hex digits have no case."""
    plan = plan_recolor(saved(blobs(4, 60, 50, 3, False)))
    assert plan.paint(PALETTE) == plan.paint([color.lower() for color in PALETTE])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    colors=st.integers(0, 8),
    with_alpha=st.booleans(),
    palette=st.lists(st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06X}"), min_size=2, max_size=8),
)
def test_size_alpha_and_palette_are_kept(
    seed: int, width: int, height: int, colors: int, with_alpha: bool, palette: list[str]
) -> None:
    """Same size, alpha within 2, and every visible pixel a palette colour or a mix of two; twice the same bytes."""
    image = blobs(seed, width, height, colors, with_alpha)
    data = saved(image)
    painted = plan_recolor(data).paint(palette)
    result = levels(painted)
    assert result.shape[:2] == (height, width)
    alpha = np.asarray(image)[..., 3].astype(int) if with_alpha else np.full((height, width), 255)
    given_alpha = result[..., 3].astype(int) if result.shape[2] == 4 else np.full((height, width), 255)
    assert np.abs(alpha - given_alpha).max() <= 2
    assert metrics.levels_off_mixes(result, palette) < ROUNDING
    assert plan_recolor(data).paint(palette) == painted


def test_threads_paint_the_same_bytes() -> None:
    """One plan may be painted from, and one picture planned in, many threads at once."""
    data = saved(DRAWINGS[0].render(size=256))
    plan = plan_recolor(data)
    expected = [hashlib.sha256(plan.paint(palette)).hexdigest() for palette in PALETTES.values()]

    def paint(index: int) -> list[str]:
        own = plan if index % 2 else plan_recolor(data)
        return [hashlib.sha256(own.paint(palette)).hexdigest() for palette in PALETTES.values()]

    with ThreadPoolExecutor(4) as pool:
        assert all(result == expected for result in pool.map(paint, range(8)))


def test_many_inks_with_many_alphas_keep_them_exactly() -> None:
    """A picture with more mixes and alphas than a palette can hold is written in true colour."""
    colors = [
        (230, 20, 20),
        (20, 200, 30),
        (20, 40, 220),
        (240, 220, 20),
        (20, 20, 20),
        (250, 250, 250),
        (120, 20, 120),
    ]
    picture = np.zeros((70, 512, 4), np.uint8)
    for index, color in enumerate(colors):
        picture[index * 10 : index * 10 + 10, :, :3] = color
    picture[..., 3] = np.minimum(np.arange(512), 255)
    painted = plan_recolor(saved(Image.fromarray(picture))).paint(PALETTE)
    assert Image.open(io.BytesIO(painted)).mode == "RGBA"
    assert (levels(painted)[..., 3] == picture[..., 3]).all()
    assert metrics.levels_off_mixes(levels(painted), PALETTE) < ROUNDING
