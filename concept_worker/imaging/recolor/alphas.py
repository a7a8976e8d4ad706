"""Palette tables for see-through pictures: mixes and alphas share the 256 entries, no alpha off by more than 2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.mixing import Mixes
from concept_worker.imaging.recolor.tables import ENTRIES_MAX, Table, build_table, make_table

ALPHA_ERROR = 2  # largest difference of an alpha, of 255; an eye sees no difference this small
# Precisions to try for half see-through pixels, finest first: the largest error of an alpha, and the steps between
# two inks (0: the nearer ink alone). Alphas come first: bands in a soft shadow show, a shade in a soft rim does not.
_SOFT_STEPS = (
    (0, 7),
    (0, 3),
    (1, 7),
    (0, 1),
    (1, 3),
    (0, 0),
    (1, 1),
    (ALPHA_ERROR, 3),
    (1, 0),
    (ALPHA_ERROR, 1),
    (ALPHA_ERROR, 0),
)
# The least entries that opaque pixels keep (fewer when they need fewer): a step of 4 % in a picture of two inks.
_OPAQUE_ROOM = 64


@dataclass(frozen=True)
class AlphaTable:
    """A palette table: entries 0..len(solid)-1 are opaque mixes, then soft mixes with an alpha each, then clear."""

    solid: Table
    soft: Table
    soft_entries: NDArray[np.intp]  # (m,), entry of `soft` of each soft entry
    soft_alphas: NDArray[np.uint8]  # (m,)
    indices: NDArray[np.uint8]  # (height, width)


def make_alpha_table(mixes: Mixes, alphas: NDArray[np.uint8], ink_count: int) -> AlphaTable | None:
    """Make the table and the index plane; None when 256 entries cannot hold the picture's mixes and alphas."""
    soft_places = np.flatnonzero((alphas > 0) & (alphas < 255))
    soft_keys, soft_alphas = mixes.keys.ravel()[soft_places], alphas.ravel()[soft_places]
    opaque = alphas == 255
    counts = np.bincount(mixes.keys[opaque], minlength=len(mixes.counts))
    room = ENTRIES_MAX - 1 - min(_OPAQUE_ROOM, int((counts > 0).sum()) + ink_count)
    for error, steps in _SOFT_STEPS:
        groups = _alpha_groups(soft_alphas, error)
        soft = build_table(_steps_of_pairs(steps, mixes, ink_count), mixes.pairs, ink_count)
        kinds = groups.of_alpha[soft_alphas] * ENTRIES_MAX + soft.entry_of_key[soft_keys]
        used = np.flatnonzero(np.bincount(kinds, minlength=1))
        if len(used) <= room:
            break
    else:
        return None
    solid = make_table(counts, mixes.pairs, ink_count, ENTRIES_MAX - 1 - len(used))
    place = np.zeros(int(used.max(initial=0)) + 1, np.uint8)
    place[used] = len(solid) + np.arange(len(used))
    indices = np.where(opaque, np.take(solid.entry_of_key, mixes.keys), np.uint8(len(solid) + len(used)))
    indices.ravel()[soft_places] = place[kinds]
    return AlphaTable(solid, soft, used % ENTRIES_MAX, groups.middles[used // ENTRIES_MAX], indices)


def _steps_of_pairs(steps: int, mixes: Mixes, ink_count: int) -> NDArray[np.intp]:
    """Return `steps` for every pair, or as many as a table of bytes can number."""
    pairs = len(mixes.pairs.first)
    return np.full(pairs, min(steps, (ENTRIES_MAX - ink_count) // max(pairs, 1)), np.intp)


@dataclass(frozen=True)
class _Groups:
    """Groups of similar alphas."""

    of_alpha: NDArray[np.intp]  # (256,)
    middles: NDArray[np.uint8]  # the alpha that stands for each group


def _alpha_groups(alphas: NDArray[np.uint8], error: int) -> _Groups:
    """Put the alphas that occur in the fewest groups, each alpha at most `error` from its group's alpha."""
    of_alpha = np.zeros(256, np.intp)
    middles: list[int] = []
    low = -256
    for alpha in np.flatnonzero(np.bincount(alphas, minlength=256)).tolist():
        if alpha > low + 2 * error:
            low = alpha
            middles.append(alpha)
        of_alpha[alpha] = len(middles) - 1
        middles[-1] = (low + alpha) // 2
    return _Groups(of_alpha, np.array(middles, np.uint8))
