"""The inks of a drawing: the few colours it was made of. Every other colour in it is a mix of two of them.

Solid inks come first: colours that fill flat areas. Then, as long as no mix of two inks explains many of the pixels,
the colour that is explained worst becomes an ink; so a gradient gets an ink at each of its ends and bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concept_worker.imaging.recolor.cells import CELLS, Words, box_sum, cell_levels, cell_of, channels_of
from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.survey import Survey

INKS_MAX = 12  # a palette has at most 8 colours; more inks than that only keep neighbours apart
SPREAD_INKS_MAX = 6  # gradients need an ink an end; more only add flicker between mixes
# A solid colour covers at least this share of the visible area: 500 pixels of 1024 x 1024, a word of small print.
SOLID_SHARE = 0.0005
# ... and holds this part of the colours around it; a gradient's cells hold about a third.
SOLID_CONCENTRATION = 0.55
# Inks nearer than this (levels, Euclidean) are one ink: two steps of a JPEG's noise, too small a difference for a name.
APART = 22.0
SPREAD_APART = 36.0  # ... and colours of gradients, which pass through every shade between
# A colour this far from every mix of two inks is not explained by them.
UNEXPLAINED = 26.0
UNEXPLAINED_SHARE = 0.001
# ... nearer for bigger areas: by the fourth root of the area, at most this factor.
_URGENCY_MAX = 2.0
# Uneven light on the ground: the part of the rim that the spread covers, and the most levels that still are the ground.
SPREAD_COVERED = 0.98
SPREAD_MAX = 48.0
# A peak is this wide (levels, plus the noise), and is compared with the pixels up to this much farther around it.
_PEAK_REACH = 4.0
_PEAK_AROUND = 12.0
_TRIES = 32  # peaks examined before the rest counts as gradients
_MODE_SAMPLES = 4096  # samples of one cell from which its commonest exact colour is read


@dataclass(frozen=True)
class Inks:
    """The source colours of a drawing, the ground (if any) first."""

    levels: Floats  # (n, 3), sRGB 0..255
    has_ground: bool
    spread: float  # levels that the ground strays from its ink by uneven light or noise; 0 in a clean drawing

    def __len__(self) -> int:
        return len(self.levels)


def find_inks(survey: Survey) -> Inks:
    """Find at least one ink, at most `INKS_MAX`; deterministic."""
    used = np.flatnonzero(survey.everywhere)
    if not len(used):
        return Inks(np.zeros((1, 3)), has_ground=False, spread=0.0)
    total = int(survey.everywhere.sum())
    ground, spread = _ground(survey.rim) if len(survey.rim) else (None, 0.0)
    solid = _solid_inks(survey, total, ground, spread)
    centers = cell_levels(used)
    weights = box_sum(survey.everywhere, 1)[used] / total
    if ground is not None:
        outside = _distance(centers, ground) > spread + APART
        centers, weights = centers[outside], weights[outside]
    levels = _with_unexplained(solid, centers, weights)
    return Inks(np.array(levels), ground is not None, spread)


def _ground(rim: Words) -> tuple[Floats, float]:
    """Return the commonest colour of the rim, and how far most of the rim strays from that colour."""
    counts = np.bincount(cell_of(rim), minlength=CELLS)
    cell = int(np.argmax(box_sum(counts, 1)))
    inside = rim[cell_of(rim) == cell]
    if not len(inside):  # the middle of the fullest neighbourhood may itself be empty
        inside = rim[cell_of(rim) == int(np.argmax(counts))]
    ground = _commonest(inside)
    distance = np.sort(np.sqrt(_squares(rim, ground)))
    distance = distance[: np.searchsorted(distance, SPREAD_MAX, side="right")]
    return ground, float(distance[int((len(distance) - 1) * SPREAD_COVERED)])


def _solid_inks(survey: Survey, total: int, ground: Floats | None, spread: float) -> list[Floats]:
    """Return the exact colours of the flat areas: the ground, then the largest first."""
    near, around = box_sum(survey.flat, 1), box_sum(survey.flat, 3)
    candidates = np.flatnonzero((survey.flat > 0) & (near >= max(1.0, total * SOLID_SHARE)))
    candidates = candidates[near[candidates] >= around[candidates] * SOLID_CONCENTRATION]
    order = candidates[np.argsort(-survey.flat[candidates], kind="stable")]
    chosen: list[Floats] = []
    pool = survey.samples
    if ground is not None:
        chosen.append(ground)
        pool = pool[_squares(pool, ground) > (APART + spread) ** 2]
    cells = cell_of(pool)
    reach = _PEAK_REACH + 2.5 * survey.sample_noise
    for cell in order[:_TRIES]:
        samples = pool[np.flatnonzero(cells == cell)[:_MODE_SAMPLES]]
        if not len(samples) or len(chosen) == INKS_MAX:
            continue  # its samples belong to an ink that is taken already
        exact = _commonest(samples)
        distance = np.sqrt(_squares(pool, exact))
        if (distance <= reach).sum() >= (distance <= _PEAK_AROUND + reach).sum() * SOLID_CONCENTRATION:
            chosen.append(exact)
            rest = distance > APART
            pool, cells = pool[rest], cells[rest]
    return chosen


def _distance(colors: Floats, ink: Floats) -> Floats:
    """Return the levels (n,) between colours (n, 3) and an ink."""
    distance: Floats = np.sqrt(((colors - ink) ** 2).sum(1))
    return distance


def _squares(words: Words, ink: Floats) -> Floats:
    """Return the squared distance in levels of packed pixels to an ink."""
    red, green, blue = channels_of(words)
    squares: Floats = (red - ink[0]) ** 2 + (green - ink[1]) ** 2 + (blue - ink[2]) ** 2
    return squares


def _with_unexplained(solid: list[Floats], centers: Floats, weights: Floats) -> list[Floats]:
    """Return the solid inks, then the colours that no mix of two inks comes near to, worst first."""
    if not solid:
        solid = [centers[int(np.argmax(weights))]]
    enough = weights >= UNEXPLAINED_SHARE
    centers, weights = centers[enough], weights[enough]
    urgency = np.minimum((weights / UNEXPLAINED_SHARE) ** 0.25, _URGENCY_MAX)
    for ink in solid:
        urgency[_distance(centers, ink) < SPREAD_APART] = 0
    chosen = list(solid)
    need = _residual(chosen, centers) * urgency
    while len(chosen) < min(INKS_MAX, len(solid) + SPREAD_INKS_MAX) and need.max(initial=0) >= UNEXPLAINED:
        ink = centers[int(np.argmax(need))]
        urgency[_distance(centers, ink) < SPREAD_APART] = 0
        need = np.minimum(need, _residual_with(ink, chosen, centers) * urgency)
        chosen.append(ink)
    kept = _without_superfluous(chosen, len(solid), centers, urgency)
    return [*solid, *(_average_around(ink, centers, weights) for ink in kept[len(solid) :])]


def _average_around(ink: Floats, centers: Floats, weights: Floats) -> Floats:
    """Average the colours around an ink: the worst explained colour alone is partly noise."""
    near = _distance(centers, ink) <= APART
    return np.average(centers[near], axis=0, weights=weights[near])


def _without_superfluous(chosen: list[Floats], solid: int, centers: Floats, urgency: Floats) -> list[Floats]:
    """Drop inks that were found on the way to the ends of a gradient and are no longer needed."""
    kept = list(chosen)
    for ink in chosen[solid:]:
        others = [other for other in kept if other is not ink]
        own = float(_residual(others, ink[None])[0]) * _URGENCY_MAX
        if own < UNEXPLAINED and (_residual(others, centers) * urgency).max(initial=0) < UNEXPLAINED:
            kept = others
    return kept


def _residual(inks: list[Floats], colors: Floats) -> Floats:
    """Return the levels (n,) between colours (n, 3) and the nearest mix of two of the inks."""
    residual = np.full(len(colors), np.inf)
    for index, ink in enumerate(inks):
        residual = np.minimum(residual, _residual_with(ink, inks[:index], colors))
    return residual


def _residual_with(ink: Floats, others: list[Floats], colors: Floats) -> Floats:
    """Return the distance of colours (n, 3) to the nearest mix of `ink` with one of the others."""
    best = _distance(colors, ink)
    for other in others:
        along = other - ink
        t = np.clip(((colors - ink) * along).sum(1) / (along**2).sum(), 0, 1)
        best = np.minimum(best, _distance(colors - t[:, None] * along, ink))
    return best


def _commonest(words: Words) -> Floats:
    """Return the exact colour that occurs most often; among equals the smallest number."""
    values, counts = np.unique(words, return_counts=True)
    word = int(values[int(np.argmax(counts))])
    return np.array([word & 255, word >> 8 & 255, word >> 16 & 255], float)
