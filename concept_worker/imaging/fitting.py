"""PNG files no larger than a limit, from pictures of any size."""

from __future__ import annotations

import io
from math import sqrt

from PIL import Image

# zlib's own default: 1 gains 2 to 3 times the speed and costs 30 to 270 % more bytes on logos, 9 the reverse for 5 %.
_DEFLATE_LEVEL = 6
# Large pictures are deflated at a faster level: 4 takes a quarter of the time on the worst picture that we found (2
# bits of noise in each channel; 2.6 s at 2048 x 2048 with 6), and has 0 to 5 % more bytes.
_LARGE, _LARGE_LEVEL = 16_000_000, 4  # bytes before deflating
_BAND, _BANDS_APART = 16, 128  # rows: one in eight tells how well a picture deflates
_MARGIN = 0.95  # the part of the limit to aim at: a picture that is scaled down deflates a little worse


def fit(image: Image.Image, most: int) -> tuple[bytes, int, int]:
    """Encode the RGB or RGBA picture as PNG of at most `most` bytes; return the PNG, its width and its height.

    A larger picture is scaled down with Lanczos; a photograph of 4096 x 4096 ends at 3000 to 4000 pixels a side.
    The same picture always gives the same bytes.
    """
    expected, scale = _expected_bytes(image, most), 1.0
    fitted, data = image, b""
    while not data or (expected > most and fitted.size != (1, 1)):
        if expected > most:
            scale *= sqrt(_MARGIN * most / expected)
            fitted = _scaled(image, scale)
        data = _encode(fitted)
        expected = len(data)
    return data, fitted.width, fitted.height


def _expected_bytes(image: Image.Image, most: int) -> int:
    """Estimate the size of the PNG; a large picture by a sample, because encoding all of it takes seconds."""
    raw = _raw_bytes(image)
    if raw <= most:
        return raw
    bands = range(0, image.height, _BANDS_APART)
    sample = Image.new(image.mode, (image.width, _BAND * len(bands)))
    for number, top in enumerate(bands):
        sample.paste(image.crop((0, top, image.width, top + _BAND)), (0, number * _BAND))
    return len(_encode(sample)) * image.height // sample.height


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _raw_bytes(image: Image.Image) -> int:
    return image.width * image.height * len(image.getbands())


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_LARGE_LEVEL if _raw_bytes(image) > _LARGE else _DEFLATE_LEVEL)
    return buffer.getvalue()
