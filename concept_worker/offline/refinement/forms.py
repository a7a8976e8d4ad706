"""New forms for a picture's flat areas: heavier or finer, rounder or sharper, simpler."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from concept_worker.offline.refinement.colors import Flat
from concept_worker.offline.refinement.facets import faceted
from concept_worker.offline.refinement.wishes import Change

Labels = NDArray[np.uint8]  # for each pixel the number of its flat colour
Reshape = Callable[[Image.Image, bool], Image.Image]  # an area as a mask, and whether it is the ground

_FINE = 2  # areas are redrawn this many times as large, then reduced: that makes their edges smooth
_TRACED = 512  # longest side, in pixels, on which borders are traced


def reform(picture: Image.Image, flats: list[Flat], change: Change) -> Image.Image:
    """Redraw the picture's flat areas in other forms; its sides do not change."""
    if len(flats) < 2:
        return picture
    labels = _labels(picture, flats)
    if change is Change.SHARPER:
        return _sharper(labels, flats, picture.size)
    owner = _reshape_areas(labels, len(flats), _RESHAPES[change], _FINE)
    return Image.fromarray(np.array([flat.rgb for flat in flats], np.uint8)[owner]).reduce(_FINE)


def _reshape_areas(labels: Labels, count: int, reshape: Reshape, fine: int) -> Labels:
    """Reshape every area on its own, then give each pixel to the area that claims it most."""
    shape = labels.shape[0] * fine, labels.shape[1] * fine
    owner = np.zeros(shape, np.uint8)
    best = np.full(shape, -1.0, np.float32)
    for number in range(count):
        claim = reshape(Image.fromarray(((labels == number) * 255).astype(np.uint8)), number == 0)
        field = np.asarray(claim.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)
        wins = field > best
        owner[wins] = number
        best[wins] = field[wins]
    return owner


def _labels(picture: Image.Image, flats: list[Flat]) -> Labels:
    """Give each pixel the number of its nearest flat colour. Edges may pass by a third colour; blur removes that."""
    pixels = np.asarray(picture, np.int32)
    nearest = np.zeros(pixels.shape[:2], np.uint8)
    best = np.full(pixels.shape[:2], np.iinfo(np.int32).max, np.int32)
    for number, flat in enumerate(flats):
        distance = ((pixels - np.array(flat.rgb, np.int32)) ** 2).sum(axis=2, dtype=np.int32)
        closer = distance < best
        nearest[closer] = number
        best[closer] = distance[closer]
    return nearest


def _blur(image: Image.Image, radius: float) -> Image.Image:
    """Blur with `radius` in thousandths of the width."""
    return image.filter(ImageFilter.GaussianBlur(radius * image.width / 1000))


def _blur_with_bias(bias: int) -> Reshape:
    """Make a reshape: blur, then let the ground claim less (`bias` < 0: marks grow) or more (> 0: marks shrink)."""

    def reshape(image: Image.Image, is_ground: bool) -> Image.Image:
        soft = _blur(image, 9)
        return soft.point(lambda value: max(0, min(255, value + bias))) if is_ground else soft

    return reshape


def _rounder(image: Image.Image, is_ground: bool) -> Image.Image:
    return _blur(image, 10)


def _simpler(image: Image.Image, is_ground: bool) -> Image.Image:
    return _blur(image, 17)


def _sharper(labels: Labels, flats: list[Flat], size: tuple[int, int]) -> Image.Image:
    """Redraw the areas with straight edges between few corners."""
    step = max(1, round(max(labels.shape) / _TRACED))
    clean = _reshape_areas(labels[::step, ::step], len(flats), lambda image, is_ground: _blur(image, 2.2), 1)
    return faceted(clean, [flat.rgb for flat in flats], size, max(clean.shape) * 0.011)


_RESHAPES: dict[Change, Reshape] = {
    Change.BOLDER: _blur_with_bias(-110),
    Change.THINNER: _blur_with_bias(105),
    Change.ROUNDER: _rounder,
    Change.SIMPLER: _simpler,
}
REFORMS = (*_RESHAPES, Change.SHARPER)
