"""What is accepted fits everywhere behind: its PNG, its variations, and our own reader."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from concept_worker.imaging.codec import DEFAULT_LIMITS, ImageLimits, decode_image, to_clean_png
from concept_worker.imaging.fitting import fit
from concept_worker.imaging.recolor import plan_recolor

BUCKET = 20_971_520  # bytes an object may have; supabase/migrations
PALETTE = ("#0B6E4F", "#C8553D", "#3D5A98", "#FAF7EF", "#F2C14E")
DICE = np.random.default_rng(7)


def noise(width: int, height: int, channels: int) -> Image.Image:
    """What deflates to nothing less than itself."""
    return Image.fromarray(DICE.integers(0, 256, (height, width, channels), dtype=np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of a kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_the_default_fits_the_bucket() -> None:
    """And our own reader takes what we write."""
    assert DEFAULT_LIMITS.max_clean_bytes <= min(DEFAULT_LIMITS.max_bytes, BUCKET)


def test_the_largest_photograph_comes_through() -> None:
    """10 MB of JPEG are 50 MB of PNG; it ends smaller, and can be read, painted and read again."""
    clean = to_clean_png(saved(noise(4096, 4096, 3), "JPEG", quality=75))
    assert len(clean.data) <= DEFAULT_LIMITS.max_clean_bytes
    assert clean.width == clean.height > 2000
    assert to_clean_png(clean.data) == clean
    painted = plan_recolor(clean.data).paint(PALETTE)
    assert len(painted) <= DEFAULT_LIMITS.max_clean_bytes
    assert decode_image(painted).size == (clean.width, clean.height)


@pytest.mark.parametrize(("size", "channels"), [((512, 512), 3), ((300, 900), 4), ((4000, 30), 3), ((1, 8000), 3)])
def test_sizes_keep_their_proportions(size: tuple[int, int], channels: int) -> None:
    """As far as whole pixels let them, and the limit is used up to a third at least."""
    most = size[0] * size[1] * channels // 2
    data, width, height = fit(noise(*size, channels), most)
    assert most / 3 < len(data) <= most
    assert abs(width - size[0] * height / size[1]) <= max(1, size[0] / size[1])


def test_fitting_ends() -> None:
    """With the smallest PNG that there is, where nothing fits."""
    assert fit(noise(40, 40, 3), 1)[1:] == (1, 1)


def test_it_is_the_same_each_time() -> None:
    """A step that is done twice stores the same object."""
    data = saved(noise(512, 512, 3), "JPEG")
    limits = ImageLimits(max_clean_bytes=100_000)
    assert to_clean_png(data, limits) == to_clean_png(data, limits)


def test_see_through_pixels_lend_no_colour() -> None:
    """Scaling weighs colours with their alpha."""
    picture = noise(400, 400, 4)
    picture.paste((255, 0, 0, 0), (0, 0, 200, 400))
    picture.paste((0, 0, 255, 255), (200, 0, 400, 400))
    picture.putpixel((399, 399), (0, 0, 254, 255))
    data, _, _ = fit(picture, 300)
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert shown[shown[..., 3] > 64][:, 0].max() < 16


def test_what_we_made_is_accepted_under_a_smaller_limit_for_files() -> None:
    """The limit for what comes in says nothing about what we make of it."""
    data = saved(noise(256, 256, 3), "JPEG", quality=60)
    limits = ImageLimits(max_bytes=len(data))
    clean = to_clean_png(data, limits)
    assert (clean.width, len(clean.data) > len(data)) == (256, True)
    assert to_clean_png(clean.data, limits) == clean


def test_a_variation_that_would_be_too_large() -> None:
    """Colours and alphas beyond a palette's 256 are painted in true colour, which deflates worse than the base did."""
    rows, columns = np.mgrid[:600, :600]
    colors = np.stack([columns // 4 % 256, rows // 4 % 256, 0 * rows + 90], -1)
    alphas = DICE.integers(0, 256, (600, 600, 1))
    data = saved(Image.fromarray(np.concatenate([colors, alphas], -1).astype(np.uint8)), "PNG")
    whole = plan_recolor(data).paint(PALETTE)
    limits = ImageLimits(max_clean_bytes=len(whole) // 2)
    painted = plan_recolor(data, limits).paint(PALETTE)
    assert len(painted) <= len(whole) // 2
    assert decode_image(painted).mode == "RGBA"
