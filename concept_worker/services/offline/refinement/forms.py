"""New forms for a picture's flat areas: heavier or finer, rounder or sharper, simpler."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from concept_worker.services.offline.refinement.colors import Flat
from concept_worker.services.offline.refinement.wishes import Change

Fields = NDArray[np.float32]  # one value per pixel: how much a flat colour claims it

_FINE = 2  # areas are redrawn this many times as large, then reduced: that makes their edges smooth


def reform(picture: Image.Image, flats: list[Flat], change: Change) -> Image.Image:
    """The picture's flat areas redrawn in other forms; sides unchanged."""
    if len(flats) < 2:
        return picture
    reshape = _RESHAPES[change]
    labels = _labels(picture, flats)
    best: Fields | None = None
    owner = np.zeros((picture.height * _FINE, picture.width * _FINE), np.uint8)
    for number in range(len(flats)):
        claim = reshape(Image.fromarray(((labels == number) * 255).astype(np.uint8)), number == 0)
        field = np.asarray(claim.resize((owner.shape[1], owner.shape[0]), Image.Resampling.BICUBIC), np.float32)
        if best is None:
            best = field
            continue
        wins = field > best
        owner[wins] = number
        best = np.maximum(best, field)
    colors = np.array([flat.rgb for flat in flats], np.uint8)
    return Image.fromarray(colors[owner]).reduce(_FINE)


def _labels(picture: Image.Image, flats: list[Flat]) -> NDArray[np.uint8]:
    """For each pixel the number of its nearest flat colour; edge pixels go to a neighbour, not to a third colour."""
    pixels = np.asarray(picture.filter(ImageFilter.ModeFilter(3)), np.int32)
    nearest = np.zeros(pixels.shape[:2], np.uint8)
    best = np.full(pixels.shape[:2], np.iinfo(np.int32).max, np.int32)
    for number, flat in enumerate(flats):
        distance = ((pixels - np.array(flat.rgb, np.int32)) ** 2).sum(axis=2, dtype=np.int32)
        closer = distance < best
        nearest[closer] = number
        best[closer] = distance[closer]
    return nearest


def _unit(image: Image.Image) -> float:
    return image.width / 1024


def _blur(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius * _unit(image)))


def _weighed(bias: int) -> Callable[[Image.Image, bool], Image.Image]:
    """Blur, then let the ground claim less (`bias` < 0: marks grow) or more (`bias` > 0: marks shrink)."""

    def reshape(image: Image.Image, is_ground: bool) -> Image.Image:
        soft = _blur(image, 9)
        return soft.point(lambda value: max(0, min(255, value + bias))) if is_ground else soft

    return reshape


def _rounder(image: Image.Image, is_ground: bool) -> Image.Image:
    return _blur(image, 15)


def _simpler(image: Image.Image, is_ground: bool) -> Image.Image:
    return _blur(image.filter(ImageFilter.MedianFilter(9)), 21)


def _sharper(image: Image.Image, is_ground: bool) -> Image.Image:
    """Areas sampled on a coarse grid and drawn with straight edges between its points, two triangles a cell."""
    cells = 34
    soft = _blur(image, 5)
    knots = np.asarray(soft.resize((cells + 1, cells + 1), Image.Resampling.BOX), np.float32)
    rows, columns = (
        np.linspace(0, cells, side, endpoint=False, dtype=np.float32) for side in (image.height, image.width)
    )
    row, column = rows.astype(np.int32), columns.astype(np.int32)
    v, u = (rows - row)[:, None], (columns - column)[None, :]
    a, b = knots[row][:, column], knots[row][:, column + 1]
    c, d = knots[row + 1][:, column], knots[row + 1][:, column + 1]
    upper = a + u * (b - a) + v * (d - b)
    lower = a + v * (c - a) + u * (d - c)
    return Image.fromarray(np.where(u > v, upper, lower).clip(0, 255).astype(np.uint8))


_RESHAPES: dict[Change, Callable[[Image.Image, bool], Image.Image]] = {
    Change.BOLDER: _weighed(-110),
    Change.THINNER: _weighed(70),
    Change.ROUNDER: _rounder,
    Change.SHARPER: _sharper,
    Change.SIMPLER: _simpler,
}
REFORMS = tuple(_RESHAPES)
