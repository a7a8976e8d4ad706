"""The inks of a drawing: the few colours it was made of. Every other colour in it is a mix of two of them.

First the solid ones: colours that fill flat areas. Then, as long as many pixels are explained by no mix of two inks,
the colour that is explained worst; so a gradient gets an ink at each of its ends and at each of its bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.survey import CELL_BITS, CELLS, Survey, Words, cell_of

INKS_MAX = 12  # a palette has at most 8 colours; more inks than that only keep neighbours apart
SPREAD_INKS_MAX = 6  # without solid colours (a photograph) more inks only add flicker between mixes
# A solid colour covers at least this share of the visible area: 500 pixels of 1024 x 1024, a word of small print.
SOLID_SHARE = 0.0005
# ... and holds this part of the colours around it; a gradient's cells hold about a third.
SOLID_CONCENTRATION = 0.55
# Inks nearer than this (levels, Euclidean) are one ink: two steps of a JPEG's noise, a shade nobody would name.
APART = 22.0
# A colour this far from every mix of two inks is not explained by them.
UNEXPLAINED = 26.0
UNEXPLAINED_SHARE = 0.001
_SIDE = 1 << CELL_BITS
_CELL = 256 >> CELL_BITS
_MODE_SAMPLES = 4096  # samples of one cell from which its commonest exact colour is read


@dataclass(frozen=True)
class Inks:
    """Source colours, the ground (if any) first."""

    levels: Floats  # (n, 3), sRGB 0..255
    shares: Floats  # (n,), share of the visible area that is nearest to each
    has_ground: bool

    def __len__(self) -> int:
        return len(self.levels)


def find_inks(survey: Survey) -> Inks:
    """At least one ink, at most `INKS_MAX`; deterministic."""
    used = np.flatnonzero(survey.everywhere)
    if not len(used):
        return Inks(np.zeros((1, 3)), np.ones(1), has_ground=False)
    total = int(survey.everywhere.sum())
    has_ground = bool(survey.border.any())
    chosen = _solid_inks(survey, total)
    centers = cell_levels(used)
    weights = _box_sum(survey.everywhere, 1)[used] / total
    chosen = _add_unexplained(chosen, centers, weights)
    levels = np.array(chosen)
    counts = survey.everywhere[used]
    if has_ground:
        levels = _ground_first(levels, survey.border)
    shares = np.bincount(_nearest(centers, levels), counts, minlength=len(levels)) / total
    return Inks(levels, shares, has_ground)


def _solid_inks(survey: Survey, total: int) -> list[Floats]:
    """Exact colours of the flat areas, largest first."""
    near = _box_sum(survey.flat, 1)
    around = _box_sum(survey.flat, 3)
    candidates = np.flatnonzero((survey.flat > 0) & (near >= max(1.0, total * SOLID_SHARE)))
    candidates = candidates[near[candidates] >= around[candidates] * SOLID_CONCENTRATION]
    order = candidates[np.argsort(-survey.flat[candidates], kind="stable")]
    cells: NDArray[np.uint16] | None = None
    chosen: list[Floats] = []
    for cell in order:
        center = cell_levels(np.array([cell]))[0]
        if all(np.linalg.norm(center - ink) >= APART for ink in chosen):
            cells = cell_of(survey.samples) if cells is None else cells
            exact = _commonest(survey.samples[np.flatnonzero(cells == cell)[:_MODE_SAMPLES]])
            if all(np.linalg.norm(exact - ink) >= APART for ink in chosen):
                chosen.append(exact)
        if len(chosen) == INKS_MAX:
            break
    return chosen


def _add_unexplained(chosen: list[Floats], centers: Floats, weights: Floats) -> list[Floats]:
    """The inks, and the colours that no mix of two of them comes near to, worst first."""
    limit = max(len(chosen), min(INKS_MAX, len(chosen) + 4), SPREAD_INKS_MAX if not chosen else 0)
    enough = weights >= min(UNEXPLAINED_SHARE, float(weights.max()))
    centers, weights = centers[enough], weights[enough]
    if not chosen:
        chosen = [centers[int(np.argmax(weights))]]
    residual = np.full(len(centers), np.inf)
    for index, ink in enumerate(chosen):
        residual = np.minimum(residual, _residual_with(ink, chosen[:index], centers))
    while len(chosen) < limit:
        worst = int(np.argmax(residual * np.sqrt(weights)))
        if residual[worst] < UNEXPLAINED:
            far = int(np.argmax(residual))
            if residual[far] < UNEXPLAINED:
                break
            worst = far
        ink = centers[worst]
        residual = np.minimum(residual, _residual_with(ink, chosen, centers))
        chosen = [*chosen, ink]
    return chosen


def _residual_with(ink: Floats, others: list[Floats], colors: Floats) -> Floats:
    """Distance of colours (n, 3) to the nearest mix of `ink` with one of the others."""
    best: Floats = np.linalg.norm(colors - ink, axis=1)
    for other in others:
        along = other - ink
        t = np.clip(((colors - ink) * along).sum(1) / (along**2).sum(), 0, 1)
        best = np.minimum(best, np.linalg.norm(colors - ink - t[:, None] * along, axis=1))
    return best


def _ground_first(levels: Floats, border: NDArray[np.int64]) -> Floats:
    """The inks, the one that most of the rim is nearest to in front."""
    used = np.flatnonzero(border)
    votes = np.bincount(_nearest(cell_levels(used), levels), border[used], minlength=len(levels))
    ground = int(np.argmax(votes))
    return np.concatenate([levels[ground : ground + 1], np.delete(levels, ground, axis=0)])


def _nearest(colors: Floats, inks: Floats) -> NDArray[np.intp]:
    distances = ((colors[:, None, :] - inks[None]) ** 2).sum(-1)
    nearest: NDArray[np.intp] = distances.argmin(axis=1)
    return nearest


def cell_levels(cells: NDArray[np.intp]) -> Floats:
    """Middle colours (n, 3) of colour cells."""
    parts = np.stack([cells >> 2 * CELL_BITS, cells >> CELL_BITS & _SIDE - 1, cells & _SIDE - 1], -1)
    return parts * float(_CELL) + (_CELL - 1) / 2


def _commonest(words: Words) -> Floats:
    """The exact colour that occurs most often, the smallest number among equals."""
    values, counts = np.unique(words, return_counts=True)
    word = int(values[int(np.argmax(counts))])
    return np.array([word & 255, word >> 8 & 255, word >> 16 & 255], float)


def _box_sum(counts: NDArray[np.int64], reach: int) -> Floats:
    """For each cell the sum over the cells within `reach` of it in R, G and B."""
    cube = counts.reshape(_SIDE, _SIDE, _SIDE).astype(np.float64)
    for axis in range(3):
        padded = np.zeros((_SIDE + 2 * reach + 1, _SIDE, _SIDE))
        padded[reach + 1 : reach + 1 + _SIDE] = np.moveaxis(cube, axis, 0)
        running = np.cumsum(padded, axis=0)
        cube = np.moveaxis(running[2 * reach + 1 :] - running[:_SIDE], 0, axis)
    return np.ascontiguousarray(cube).reshape(CELLS)
