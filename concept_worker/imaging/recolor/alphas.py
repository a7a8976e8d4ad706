"""Palette tables for see-through pictures: mixes and alphas share the 256 entries, no alpha off by more than 2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.mixing import Mixes
from concept_worker.imaging.recolor.tables import ENTRIES_MAX, Table, build_table, make_table

ALPHA_ERROR = 2  # largest difference of an alpha, of 255; below what anybody sees
# Steps between two inks tried for half see-through pixels, finest first; 0 is the nearer ink alone.
_SOFT_STEPS = (7, 3, 1, 0)
# Entries that opaque pixels keep at least (fewer when they need fewer): a step of 4 % in a picture of two inks.
_OPAQUE_ROOM = 64


@dataclass(frozen=True)
class AlphaTable:
    """Entries 0..len(solid)-1 are opaque mixes; then soft ones with an alpha each; then the clear one."""

    solid: Table
    soft: Table
    soft_entries: NDArray[np.intp]  # (m,), entry of `soft` of each soft entry
    soft_alphas: NDArray[np.uint8]  # (m,)
    indices: NDArray[np.uint8]  # (height, width)


def make_alpha_table(mixes: Mixes, alphas: NDArray[np.uint8], ink_count: int) -> AlphaTable | None:
    """A table and the index plane, or None when 256 entries cannot hold the picture's mixes and alphas."""
    soft_places = np.flatnonzero((alphas > 0) & (alphas < 255))
    keys = mixes.keys.ravel()[soft_places]
    group_of_alpha, alpha_of_group = _alpha_groups(np.bincount(alphas.ravel()[soft_places], minlength=256) > 0)
    groups = group_of_alpha[alphas.ravel()[soft_places]]
    opaque = alphas == 255
    counts = np.bincount(mixes.keys[opaque], minlength=len(mixes.counts))
    needed = min(_OPAQUE_ROOM, int((counts > 0).sum()) + ink_count)
    for steps in _SOFT_STEPS:
        soft = build_table(_at_most(steps, mixes, ink_count), mixes.pairs, ink_count)
        pairs = groups * ENTRIES_MAX + soft.entry_of_key[keys]
        used = np.flatnonzero(np.bincount(pairs, minlength=1))
        if len(used) <= ENTRIES_MAX - 1 - needed:
            break
    else:
        return None
    solid = make_table(counts, mixes.pairs, ink_count, ENTRIES_MAX - 1 - len(used))
    place = np.zeros(int(used.max(initial=0)) + 1, np.uint8)
    place[used] = len(solid) + np.arange(len(used))
    indices = np.where(opaque, solid.entry_of_key[mixes.keys], np.uint8(len(solid) + len(used)))
    indices.ravel()[soft_places] = place[pairs]
    return AlphaTable(solid, soft, used % ENTRIES_MAX, alpha_of_group[used // ENTRIES_MAX], indices)


def _at_most(steps: int, mixes: Mixes, ink_count: int) -> NDArray[np.intp]:
    """As many steps for every pair as a table of bytes can number."""
    pairs = len(mixes.pairs.first)
    return np.full(pairs, min(steps, (ENTRIES_MAX - ink_count) // max(pairs, 1)), np.intp)


def _alpha_groups(used: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """The fewest groups of alphas in which none is further than `ALPHA_ERROR` from its group's alpha."""
    group_of_alpha = np.zeros(256, np.intp)
    middles: list[int] = []
    low = high = -1
    for alpha in np.flatnonzero(used).tolist():
        if low < 0 or alpha > low + 2 * ALPHA_ERROR:
            low = alpha
            middles.append(alpha)
        high = alpha
        group_of_alpha[alpha] = len(middles) - 1
        middles[-1] = (low + high) // 2
    return group_of_alpha, np.array(middles, np.uint8)
