"""New colours for a picture: its few flat colours are found, changed as asked, and every pixel follows the nearest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from concept_worker.offline.refinement.wishes import Change, Wishes
from concept_worker.palettes.harmony_words import Tally, hue_distance
from concept_worker.palettes.oklch import Oklch, contrast, hex_to_rgb, rgb_to_hex, rgb_to_oklch, with_contrast

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

_MOST = 8  # flat colours that are searched for
_APART = 26.0  # sRGB distance below which two colours count as one
_OFF_THE_LINE = 14.0  # a pixel this far (sRGB) from every mix of two flat colours has a shade of its own
_EXACTLY = 40_000  # most different colours that are mapped one by one
_STANDS_OUT = 2.5  # WCAG contrast
_LEAST_SHARE = 0.001  # of the picture


@dataclass(frozen=True)
class Flat:
    """A flat colour of a picture."""

    rgb: tuple[int, int, int]
    share: float
    is_ground: bool

    @property
    def seen(self) -> Oklch:
        """The colour in OKLCH, as the eye orders it."""
        return rgb_to_oklch(self.rgb)


def flats_of(picture: Image.Image) -> list[Flat]:
    """Find the flat colours of an RGB picture: its ground first (the commonest at the rim), then by area."""
    pixels = np.asarray(picture)
    ground = _commonest(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]))
    values, counts = np.unique(_packed(pixels), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:4000]
    found: dict[tuple[int, int, int], int] = {ground: 0}
    for value, count in zip(values[order].tolist(), counts[order].tolist(), strict=True):
        rgb = (value >> 16, value >> 8 & 255, value & 255)
        near = next((known for known in found if _distance(known, rgb) < _APART), None)
        if near is not None:
            found[near] += count
        elif len(found) < _MOST:
            found[rgb] = count
    total = pixels.shape[0] * pixels.shape[1]
    marks = sorted(
        (Flat(rgb, count / total, False) for rgb, count in found.items() if rgb != ground), key=lambda f: -f.share
    )
    return [Flat(ground, found[ground] / total, True), *(flat for flat in marks if flat.share >= _LEAST_SHARE)]


def leading(flats: list[Flat]) -> list[Flat]:
    """Return the marks that stand out from the ground (2.5:1 or more), largest first; never empty."""
    ground = rgb_to_hex(flats[0].rgb)
    strong = [flat for flat in flats[1:] if contrast(rgb_to_hex(flat.rgb), ground) >= _STANDS_OUT]
    if strong or flats[1:]:
        return strong or flats[1:]
    plain = Flat(hex_to_rgb("#222222" if flats[0].seen.lightness > 0.5 else "#F4F4F4"), 0.0, False)
    return [plain]


def _packed(pixels: Bytes) -> NDArray[np.int64]:
    wide = pixels.reshape(-1, 3).astype(np.int64)
    packed: NDArray[np.int64] = wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]
    return packed


def _commonest(pixels: Bytes) -> tuple[int, int, int]:
    values, counts = np.unique(_packed(pixels), return_counts=True)
    value = int(values[np.argmax(counts)])
    return value >> 16, value >> 8 & 255, value & 255


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)


def repaint(picture: Image.Image, flats: list[Flat], targets: list[tuple[int, int, int]]) -> Image.Image:
    """Mix every pixel anew from the two flat colours whose line in sRGB passes nearest to it.

    The lines are in sRGB because renderers blend edges there. A pixel far from every line (a shade of a photograph)
    keeps its offset from the line.
    """
    pixels = np.asarray(picture)
    packed = _packed(pixels)
    if len(np.unique(packed)) > _EXACTLY:
        packed &= 0xF8F8F8  # many colours: every eighth level stands for its neighbours
    values, inverse = np.unique(packed, return_inverse=True)
    unique = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.float64)
    moves = _mixed_anew(unique, np.array([flat.rgb for flat in flats], float), np.array(targets, float)) - unique
    moved = pixels.reshape(-1, 3) + moves[inverse.reshape(-1)]
    return Image.fromarray(np.clip(np.rint(moved), 0, 255).astype(np.uint8).reshape(pixels.shape))


def _mixed_anew(colors: Floats, sources: Floats, targets: Floats) -> Floats:
    nearest = np.full(len(colors), np.inf)
    result = colors.copy()
    pairs = list(combinations(range(len(sources)), 2)) or [(0, 0)]
    for i, j in pairs:
        line = sources[j] - sources[i]
        share = np.clip((colors - sources[i]) @ line / max(float(line @ line), 1e-9), 0, 1)[:, None]
        offsets = colors - (sources[i] + share * line)
        distances = np.hypot(np.hypot(offsets[:, 0], offsets[:, 1]), offsets[:, 2])
        closer = distances < nearest - 1e-9
        kept = np.where(distances[:, None] > _OFF_THE_LINE, offsets, 0.0)
        mixed = targets[i] + share * (targets[j] - targets[i]) + kept
        result[closer] = mixed[closer]
        nearest[closer] = distances[closer]
    return result


def recolored(flats: list[Flat], wishes: Wishes) -> list[tuple[int, int, int]]:
    """Choose a new colour for each flat colour; marks keep their contrast to the ground up to 3:1."""
    ground = _ground(flats[0].seen, wishes)
    shades = [flat.seen for flat in flats[1:]]
    if wishes.marks:
        shades = _take_hues(shades, wishes.marks)
    for change in wishes.changes:
        shades = [_change(shade, change, ground) for shade in shades]
    if wishes.has(Change.PASTEL) and not wishes.ground:
        ground = Oklch(max(ground.lightness, 0.95), 0.02, shades[0].hue if shades else ground.hue)
    if wishes.has(Change.GREY):
        light = ground.lightness > 0.5
        ground = Oklch(1.0 if light else 0.16, 0.0, 0.0)
        shades = [shade.at(shade.lightness * 0.85 if light else 1 - (1 - shade.lightness) * 0.85) for shade in shades]
    if wishes.has(Change.INVERT) and shades:
        ground, shades = _inverted(flats, ground, shades)
    before = rgb_to_hex(flats[0].rgb)
    kept = [
        with_contrast(shade, ground.hex, min(3.0, contrast(rgb_to_hex(flat.rgb), before)))
        for shade, flat in zip(shades, flats[1:], strict=True)
    ]
    return [hex_to_rgb(color.hex) for color in (ground, *kept)]


def _inverted(flats: list[Flat], ground: Oklch, shades: list[Oklch]) -> tuple[Oklch, list[Oklch]]:
    """Exchange ground and leading mark; mirror the lightness of the other marks."""
    lead = flats.index(leading(flats)[0]) - 1
    turned = [shade.at(1.05 - shade.lightness) for shade in shades]
    turned[lead] = ground
    return shades[lead], turned


def _ground(ground: Oklch, wishes: Wishes) -> Oklch:
    for change in wishes.ground_changes:
        if change is Change.DARKER:
            ground = Oklch(0.24 if ground.lightness > 0.4 else max(0.1, ground.lightness - 0.1), 0.035, ground.hue)
        elif change is Change.LIGHTER:
            ground = Oklch(0.97, 0.012, ground.hue)
        else:
            ground = _change(ground, change, ground)
    tally = wishes.ground
    if tally is None:
        return ground
    dark = tally.flags.get("dark", 0) > 0 or ground.lightness < 0.5
    if tally.hues:
        return Oklch(0.30 if dark else 0.90, 0.09 if dark else 0.06 * tally.chroma, tally.hues[0])
    if tally.flags.get("light", 0) > 0:
        return Oklch(1.0, 0.0, 0.0)
    return Oklch(
        0.2 if tally.flags.get("dark", 0) > 0 else 0.8, 0.0 if tally.flags.get("grey", 0) > 0 else 0.02, ground.hue
    )


def _take_hues(shades: list[Oklch], tally: Tally) -> list[Oklch]:
    """Give the marks the asked hues by area; with too few hues the smaller marks take neighbouring ones."""
    if not tally.hues:
        return [replace(shade, chroma=0.0) for shade in shades] if tally.flags.get("grey", 0) > 0 else shades
    result = []
    for i, shade in enumerate(shades):
        hue = tally.hues[i % len(tally.hues)] + (0 if len(tally.hues) > i else (18, -18)[i % 2])
        chroma = max(shade.chroma, 0.11 if shade.lightness < 0.85 else 0.05) * tally.chroma
        result.append(Oklch(min(0.97, max(0.12, shade.lightness + tally.lightness)), chroma, hue % 360))
    return result


def _change(shade: Oklch, change: Change, ground: Oklch) -> Oklch:
    away = -1 if ground.lightness > 0.5 else 1
    if change in (Change.WARMER, Change.COOLER):
        return _toward(shade, 50.0 if change is Change.WARMER else 245.0)
    if change is Change.PASTEL:
        return Oklch(min(0.9, shade.lightness + 0.14), min(0.09, shade.chroma * 0.6 + 0.02), shade.hue)
    if change is Change.GREY:
        return replace(shade, chroma=0.0)
    steps = {
        Change.DARKER: (-0.13, 1.0),
        Change.LIGHTER: (0.10, 1.05),
        Change.VIVID: (0.0, 1.6),
        Change.MUTED: (0.02, 0.5),
        Change.CONTRAST: (0.15 * away, 1.1),
        Change.SOFT_CONTRAST: (-0.12 * away, 0.9),
    }
    lightness, chroma = steps.get(change, (0.0, 1.0))
    return shade.shift(lightness, chroma)


def _toward(shade: Oklch, hue: float) -> Oklch:
    """Turn the shade up to 55 degrees nearer to `hue`; give a grey shade a little of the hue."""
    if shade.chroma < 0.03:
        return Oklch(shade.lightness, 0.05, hue)
    gap = hue_distance(shade.hue, hue)
    side = 1 if hue_distance(shade.hue + 1, hue) < gap else -1
    return replace(shade, hue=(shade.hue + side * min(gap, 55.0)) % 360, chroma=shade.chroma * 1.05)
