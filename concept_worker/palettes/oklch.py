"""Colour in perceptual order: OKLab and OKLCH, fitted into sRGB, and WCAG's contrast.

The matrices are Björn Ottosson's, "A perceptual color space for image processing" (2020, with the 2021 refinement of
the digits); relative luminance and contrast ratio are those of WCAG 2.2. Lightness is 0..1, chroma 0..~0.32 inside
sRGB. Hues are degrees: red 29, orange 55, yellow 105, green 145, cyan 205, blue 262, violet 300, pink 355.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

Triple = tuple[float, float, float]

_GAMUT_SLACK = 1e-4  # a channel this far outside 0..1 still rounds to the byte it came from


@dataclass(frozen=True)
class Oklch:
    """A colour: lightness 0..1, chroma from 0 (grey), hue in degrees."""

    lightness: float
    chroma: float
    hue: float

    def shift(self, lightness: float = 0.0, chroma: float = 1.0, hue: float = 0.0) -> Oklch:
        """Return a colour lighter by `lightness` (or darker), chroma times `chroma`, hue turned by `hue` degrees."""
        lifted = min(1.0, max(0.0, self.lightness + lightness))
        return Oklch(lifted, self.chroma * chroma, (self.hue + hue) % 360)

    def at(self, lightness: float) -> Oklch:
        """Return the same hue and chroma at another lightness."""
        return replace(self, lightness=min(1.0, max(0.0, lightness)))

    @property
    def hex(self) -> str:
        """The `#RRGGBB` of the nearest sRGB colour of this lightness and hue; chroma is reduced as needed."""
        return rgb_to_hex(oklch_to_rgb(self))


def srgb_to_linear(channel: float) -> float:
    """Undo the sRGB transfer curve (IEC 61966-2-1); 0..1 to 0..1."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(channel: float) -> float:
    """Apply the sRGB transfer curve (IEC 61966-2-1); values outside 0..1 stay outside."""
    return 12.92 * channel if channel <= 0.0031308 else float(1.055 * channel ** (1 / 2.4) - 0.055)


def rgb_to_oklab(rgb: tuple[int, int, int]) -> Triple:
    """Convert bytes of sRGB to OKLab (L, a, b)."""
    r, g, b = (srgb_to_linear(value / 255) for value in rgb)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _oklab_to_linear(lab: Triple) -> Triple:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _linear(color: Oklch, chroma: float) -> Triple:
    angle = math.radians(color.hue)
    return _oklab_to_linear((color.lightness, chroma * math.cos(angle), chroma * math.sin(angle)))


def _fits(linear: Triple) -> bool:
    return all(-_GAMUT_SLACK <= value <= 1 + _GAMUT_SLACK for value in linear)


def max_chroma(lightness: float, hue: float) -> float:
    """Return the highest chroma that sRGB has at this lightness and hue, by bisection (to 0.0005)."""
    color, low, high = Oklch(lightness, 0.0, hue), 0.0, 0.4
    while high - low > 0.0005:
        middle = (low + high) / 2
        low, high = (middle, high) if _fits(_linear(color, middle)) else (low, middle)
    return low


def oklch_to_rgb(color: Oklch) -> tuple[int, int, int]:
    """Convert to bytes of sRGB; outside the gamut, reduce chroma and keep lightness and hue."""
    linear = _linear(color, color.chroma)
    if not _fits(linear):
        linear = _linear(color, min(color.chroma, max_chroma(color.lightness, color.hue)))
    r, g, b = (round(255 * min(1.0, max(0.0, linear_to_srgb(max(0.0, value))))) for value in linear)
    return r, g, b


def rgb_to_oklch(rgb: tuple[int, int, int]) -> Oklch:
    """Convert bytes of sRGB to OKLCH; the hue of a grey is 0."""
    lightness, a, b = rgb_to_oklab(rgb)
    chroma = math.hypot(a, b)
    return Oklch(lightness, chroma, math.degrees(math.atan2(b, a)) % 360 if chroma > 1e-4 else 0.0)


def hex_to_rgb(color: str) -> tuple[int, int, int]:
    """Convert `#RRGGBB` to bytes."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def rgb_to_hex(rgb: tuple[int, int, int]) -> str:
    """Convert bytes to `#RRGGBB`, upper case."""
    return "#{:02X}{:02X}{:02X}".format(*rgb)


def delta_e(one: str, other: str) -> float:
    """Return the OKLab distance of two `#RRGGBB`: 0.02 is just visible, 0.1 another colour, 1 is black to white."""
    return math.dist(rgb_to_oklab(hex_to_rgb(one)), rgb_to_oklab(hex_to_rgb(other)))


def luminance(color: str) -> float:
    """Return the WCAG relative luminance of `#RRGGBB`, 0..1."""
    r, g, b = (srgb_to_linear(value / 255) for value in hex_to_rgb(color))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast ratio of two `#RRGGBB`, 1..21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def with_contrast(color: Oklch, ground: str, ratio: float) -> Oklch:
    """Move `color` along its lightness, away from `ground`, until its contrast is at least `ratio`.

    When that side ends too early, move to the other side. Black or white always gives 4.58 or more against any ground,
    so ratios up to 4.5 are always reached.
    """
    away = -1 if luminance(ground) > 0.18 else 1  # at 0.18 black and white have equal contrast
    best = color
    for direction in (away, -away):
        end = 0.0 if direction < 0 else 1.0
        candidate = color
        while contrast(candidate.hex, ground) < ratio and candidate.lightness != end:
            candidate = candidate.shift(lightness=0.01 * direction)
        if contrast(candidate.hex, ground) >= ratio:
            return candidate
        best = max(best, candidate, key=lambda one: contrast(one.hex, ground))
    return best
