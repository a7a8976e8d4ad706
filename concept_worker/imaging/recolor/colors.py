"""Colours as numbers: hex codes, perceptual lightness, and the contrast that accessibility rules speak of."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_HEX = re.compile(r"#[0-9A-Fa-f]{6}")


def parse_hex(color: str) -> tuple[int, int, int]:
    """Return the levels 0..255 of "#RRGGBB".

    Raises:
        ValueError: the text is in another notation.
    """
    if not _HEX.fullmatch(color):
        raise ValueError(f"not a #RRGGBB color: {color!r}")
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def luminance(levels: Floats) -> Floats:
    """Compute the relative luminance 0..1 (WCAG 2.2) of sRGB levels 0..255 of shape (..., 3)."""
    share = levels / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    weighed: Floats = linear[..., 0] * 0.2126 + linear[..., 1] * 0.7152 + linear[..., 2] * 0.0722
    return weighed


def lightness(levels: Floats) -> Floats:
    """Compute CIE L* 0..100 (D65) of sRGB levels 0..255 of shape (..., 3)."""
    y = luminance(levels)
    result: Floats = np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * (24389 / 27))
    return result


def oklab(levels: Floats) -> Floats:
    """Convert sRGB levels 0..255 (..., 3) to OKLab (Ottosson 2020): equal distances look about equally different."""
    share = levels / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt((linear[..., None, :] * _TO_CONES).sum(-1))
    result: Floats = (cones[..., None, :] * _TO_OKLAB).sum(-1)
    return result


def contrast(first: float, second: float) -> float:
    """Compute the WCAG contrast ratio 1..21 of two relative luminances."""
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)
