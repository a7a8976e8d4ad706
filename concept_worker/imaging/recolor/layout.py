"""How the inks lie in a picture: their areas, which of them touch, which are only shadows, how noisy each is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.cells import Words, cell_of, channels_of, nearest_of_cells
from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.inks import Inks
from concept_worker.imaging.recolor.mixing import STEPS, Mixes
from concept_worker.imaging.recolor.survey import VISIBLE_ALPHA, Survey, grid_of

# Two inks touch when one is found this many pixels from the other: just across a soft edge.
_ACROSS = 3
# A pixel belongs to an ink that is this near (levels), plus two standard deviations of noise.
_OWN_RADIUS = 24.0
# Levels that a channel may stray from an ink and still be the ink with noise; the part of these strays to be covered.
_STRAY = 12
_STRAY_COVERED = 0.995
# An ink is a shadow or a glow when less than this part of it is opaque.
_FAINT = 0.15
_OPAQUE = 240


@dataclass(frozen=True)
class Layout:
    """The places of the inks, as arrays over them."""

    areas: Floats  # (n,), share of the visible pixels
    contacts: Floats  # (n, n), symmetric: pixels along which two inks meet or blend
    faint: NDArray[np.bool_]  # (n,)


def lay_out(words: Words, with_alpha: bool, inks: Inks, noise: float, mixes: Mixes) -> Layout:
    """Measure areas, contacts and shadows on a grid of pixels and in the mixes that were found."""
    count = len(inks)
    here, right, below = grid_of(words, _ACROSS)
    nearest, distance = nearest_of_cells(inks.levels)
    owner_of_cell = np.where(distance <= _OWN_RADIUS + 2 * noise, nearest, count).astype(np.uint8)
    owners = [np.take(owner_of_cell, cell_of(part)) for part in (here, right, below)]
    if with_alpha:
        for owner, part in zip(owners, (here, right, below), strict=True):
            owner[part >> 24 < VISIBLE_ALPHA] = count
    own = np.bincount(owners[0].ravel(), minlength=count + 1)[:count]
    areas = own / max(int(own.sum()), 1)
    step = np.sqrt(words.size / here.size)
    contacts = np.zeros((count, count))
    for neighbour in owners[1:]:
        pairs = np.bincount((owners[0] * np.intp(count + 1) + neighbour).ravel(), minlength=(count + 1) ** 2)
        contacts += pairs.reshape(count + 1, count + 1)[:count, :count] * step
    pairs_of = mixes.pairs
    blended = mixes.counts[: len(pairs_of.first) * STEPS].reshape(-1, STEPS)[:, 16:-16].sum(1)
    contacts[pairs_of.first, pairs_of.second] += blended
    contacts += contacts.T
    np.fill_diagonal(contacts, 0)
    return Layout(areas, contacts, _faint_inks(owners[0], here, own) if with_alpha else np.zeros(count, bool))


def noise_radii(survey: Survey, inks: Inks) -> Floats:
    """Return for each ink (n,) the levels around it within which a pixel is the ink itself, not the start of an edge.

    The ground's radius is measured from the pixels near its colour: in a clean drawing nearly all match it exactly.
    """
    radii = np.full(len(inks), 0.5 + 2 * survey.noise)
    if not inks.has_ground:
        return radii
    channels = channels_of(survey.visible)
    strays = [np.abs(channel - np.int16(level)) for channel, level in zip(channels, inks.levels[0], strict=True)]
    near = (strays[0] <= _STRAY) & (strays[1] <= _STRAY) & (strays[2] <= _STRAY)
    squares = np.bincount(sum(stray[near].astype(np.int64) ** 2 for stray in strays))
    covered = np.searchsorted(np.cumsum(squares), squares.sum() * _STRAY_COVERED)
    radii[0] = max(0.5, float(np.sqrt(covered)), inks.spread)
    return radii


def _faint_inks(owners: NDArray[np.uint8], words: Words, own: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark the inks that are opaque almost nowhere; none when that holds for all inks."""
    opaque = np.bincount(owners[words >> 24 >= _OPAQUE], minlength=len(own) + 1)[: len(own)]
    faint: NDArray[np.bool_] = opaque < own * _FAINT
    return faint & ~faint.all()
