"""How far a recoloured picture is from what it should be. Pictures are uint8 arrays (height, width, channels)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

MIX_STEPS = 15  # mixes tried between two palette colours
CLOSE = 5.0  # CIEDE2000 difference below which two colours count as one
VISIBLE = 8  # alpha above which a pixel counts
GROUND_LEVELS = 10  # levels a channel may differ from the border's median and still be ground
BORDER = 200  # pixels from the rim in which ground is looked for
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)


def hex_rgb(color: str) -> tuple[int, int, int]:
    """ "#RRGGBB" as three levels."""
    value = int(color[1:], 16)
    return value >> 16, value >> 8 & 255, value & 255


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of sRGB levels 0..255, last axis 3."""
    f = _stretched(_linear(np.asarray(rgb)) @ _TO_XYZ.T / np.array([0.95047, 1.0, 1.08883]))
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def lightness(rgb: np.ndarray) -> np.ndarray:
    """The L* of `lab` alone, in a third of its time."""
    return 116 * _stretched(_linear(np.asarray(rgb)) @ _TO_XYZ[1]) - 16


def _linear(levels: np.ndarray) -> np.ndarray:
    """Light of sRGB levels; whole levels are looked up."""
    return _LIGHT[levels] if levels.dtype == np.uint8 else _light(levels)


def _light(levels: np.ndarray) -> np.ndarray:
    level = levels.astype(np.float64) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def _stretched(xyz: np.ndarray) -> np.ndarray:
    return np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)


_LIGHT = _light(np.arange(256))


def ciede2000(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """CIEDE2000 between L*a*b* arrays (Sharma, Wu, Dalal 2005), broadcast over all axes but the last."""
    l1, a1, b1 = np.moveaxis(first, -1, 0)
    l2, a2, b2 = np.moveaxis(second, -1, 0)
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where(c1 * c2 == 0, 0, turn)
    hue = np.where(c1 * c2 == 0, h1 + h2, (h1 + turn / 2) % 360)
    lightness, mean = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.2 * np.cos(np.radians(4 * hue - 63))
    )  # fmt: skip
    sl = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    sc, sh = 1 + 0.045 * mean, 1 + 0.015 * mean * t
    rotation = 2 * np.sqrt(mean**7 / (mean**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / sh
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 - rotation * dc * dh, 0))


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """CIEDE2000 between two arrays of sRGB levels."""
    return ciede2000(lab(first), lab(second))


def contrast(first: Sequence[int], second: Sequence[int]) -> float:
    """WCAG contrast ratio 1..21 of two colours."""
    light = []
    for color in (first, second):
        level = np.asarray(color, float) / 255
        linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ np.array([0.2126, 0.7152, 0.0722])))
    return (max(light) + 0.05) / (min(light) + 0.05)


def _nearest(pixels: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Distance of each pixel (n, 3) to the nearest colour (m, 3), by its distinct colours."""
    distinct, inverse = _distinct(pixels)
    source, target = lab(distinct), lab(colors)
    best = np.full(len(distinct), np.inf)
    for color in target:
        best = np.minimum(best, ciede2000(source, color))
    return best[inverse]


def _distinct(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct pixels of (n, 3) levels, and the index of each pixel in them; one number sorts faster than three."""
    red, green, blue = pixels.astype(np.uint32).T
    packed, inverse = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1).astype(np.uint8), inverse.ravel()


def mixes(palette: Sequence[str]) -> np.ndarray:
    """The palette's colours and the mixes between each two, levels (n, 3)."""
    colors = [np.array(hex_rgb(color), float) for color in palette]
    steps = np.linspace(0, 1, MIX_STEPS + 2)[1:-1, None]
    between = [a * (1 - steps) + b * steps for a, b in itertools.combinations(colors, 2)]
    return np.concatenate([np.array(colors), *between])


def levels_off_mixes(picture: np.ndarray, palette: Sequence[str]) -> float:
    """How far the worst visible pixel is from every mix of two palette colours, in 8-bit levels (straight distance)."""
    colors = [np.array(hex_rgb(color), float) for color in palette]
    visible = picture[..., 3] > VISIBLE if picture.shape[2] == 4 else np.full(picture.shape[:2], True)
    pixels = _distinct(picture[visible][:, :3])[0]
    nearest = np.full(len(pixels), np.inf)
    for start, end in itertools.combinations_with_replacement(colors, 2):
        way = end - start
        share = np.clip((pixels - start) @ way / max(way @ way, 1.0), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(start + share[:, None] * way - pixels, axis=1))
    return float(nearest.max(initial=0.0))


def share_close(picture: np.ndarray, colors: np.ndarray) -> float:
    """Share of visible pixels (every second in both axes) that are close to one of the colours (n, 3)."""
    part = picture[::2, ::2]
    pixels = part[..., :3].reshape(-1, 3)
    if part.shape[2] == 4:
        pixels = pixels[part[..., 3].ravel() > VISIBLE]
    return float((_nearest(pixels, colors) < CLOSE).mean()) if len(pixels) else 1.0


def gradient_correlation(source: np.ndarray, result: np.ndarray) -> float:
    """Pearson correlation of the L* gradient magnitudes; see-through pixels are seen over white."""
    return slope_correlation(slope(source), slope(result))


def slope_correlation(before: np.ndarray, after: np.ndarray) -> float:
    """`gradient_correlation` of pictures whose slopes are known."""
    if before.std() == 0 or after.std() == 0:
        return 1.0 if before.std() == after.std() else 0.0
    return float(np.corrcoef(before.ravel(), after.ravel())[0, 1])


def _over_white(picture: np.ndarray) -> np.ndarray:
    if picture.shape[2] == 3:
        return picture
    share = picture[..., 3:] / 255.0
    return picture[..., :3] * share + 255 * (1 - share)


def slope(picture: np.ndarray) -> np.ndarray:
    """How steeply L* changes at each pixel."""
    rows, columns = np.gradient(lightness(_over_white(picture)))
    return np.hypot(rows, columns)


def ground_mask(source: np.ndarray) -> np.ndarray:
    """Opaque pixels near the rim within ten levels of the border's median colour."""
    height, width = source.shape[:2]
    rim = np.concatenate([source[0], source[-1], source[:, 0], source[:, -1]])[:, :3]
    near = (np.abs(source[..., :3].astype(int) - np.median(rim, axis=0)) <= GROUND_LEVELS).all(-1)
    margin = BORDER * max(height, width) // 1024
    near[margin : height - margin, margin : width - margin] = False
    return near & (source[..., 3] == 255) if source.shape[2] == 4 else near


def ground_error(source: np.ndarray, result: np.ndarray, palette: Sequence[str]) -> float:
    """Mean distance of the ground's pixels to their nearest palette colour; 0 without a ground."""
    mask = ground_mask(source)
    colors = np.array([hex_rgb(color) for color in palette])
    return float(_nearest(result[mask][:, :3], colors).mean()) if mask.any() else 0.0


def edge_error(
    source: np.ndarray, inks: Sequence[tuple[int, int, int]], result: np.ndarray, oracle: np.ndarray
) -> tuple[float, float]:
    """Mean and 95th percentile of the distance to the oracle on pixels that are no pure ink in the source."""
    pure = np.zeros(source.shape[:2], bool)
    for ink in inks:
        pure |= (source == np.array(ink)).all(-1)
    errors = distance(result[~pure][:, :3], oracle[~pure][:, :3])
    return float(errors.mean()), float(np.percentile(errors, 95))


def output_inks(
    source: np.ndarray, inks: Sequence[tuple[int, int, int]], result: np.ndarray
) -> list[tuple[int, int, int]]:
    """What each source ink became: the median over its pure pixels."""
    found = []
    for ink in inks:
        pixels = result[(source == np.array(ink)).all(-1)][:, :3]
        color = np.median(pixels, axis=0) if len(pixels) else np.array(ink)
        found.append(tuple(int(v) for v in color))
    return found


def variety(results: Sequence[np.ndarray], where: np.ndarray | None = None) -> float:
    """Median over all pairs of pictures of their mean distance, on every fourth pixel in both axes.

    `where`: only on these pixels (height, width), such as the marks without the ground.
    """
    mask = np.ones(results[0].shape[:2], bool) if where is None else where
    small = [lab(result[::4, ::4, :3][mask[::4, ::4]]) for result in results]
    return float(np.median([ciede2000(a, b).mean() for a, b in itertools.combinations(small, 2)]))


def marks_mask(source: np.ndarray) -> np.ndarray:
    """Visible pixels that are not within ten levels of the border's median colour."""
    rim = np.concatenate([source[0], source[-1], source[:, 0], source[:, -1]])
    if source.shape[2] == 4:
        return source[..., 3] > 128
    return (np.abs(source[..., :3].astype(int) - np.median(rim, axis=0)) > GROUND_LEVELS).any(-1)
