"""The two inks that a colour is mixed from: the pair whose line in sRGB passes nearest, among the inks seen nearby.

Renderers blend edges in sRGB, so mixes are straight lines there. A colour near the crossing of two lines could be on
either; the inks that fill areas within four pixels decide, which keeps foreign colours out of edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.cells import CELLS, cell_levels, nearest_of_cells
from concept_worker.imaging.recolor.inks import Inks

# Squared levels by which a pair must fit better when none, one or both of its inks are missing nearby.
_ABSENT = np.array([0.0, 12.0**2, 24.0**2], np.float32)
# Squared levels by which a pair must fit better when it explains hardly any of the picture's mixed colours; the share
# of them from which a pair is usual; the distance (levels) from every ink at which a colour is clearly mixed.
_RARE = 8.0**2
_USUAL = 0.03
_CLEARLY_MIXED = 24.0
# Squared levels more for a mix with the ground where no ground is near: inside a mark such a mix would look washed out.
# At the end of an edge or in a glow the mix wins nevertheless, because no other pair explains it nearly as well.
_NO_GROUND = np.float32(20.0**2)
_UNKNOWN, _WANTED = 255, 254  # marks in the memory; 12 inks make 66 pairs
_AT_ONCE = 100_000  # pairs times places worked on at a time, to bound memory


@dataclass(frozen=True)
class Pairs:
    """All pairs of inks, as arrays: a mix is `origin + t * along`, t in 0..1."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    origin: NDArray[np.float32]  # (n, 3), levels
    along: NDArray[np.float32]  # (n, 3), levels, from first to second
    length: NDArray[np.float32]  # levels

    def __len__(self) -> int:
        return len(self.first)


def pair_up(inks: Inks) -> Pairs:
    """Pair every two inks, in order."""
    first, second = np.triu_indices(len(inks), 1)
    origin = inks.levels[first].astype(np.float32)
    along = (inks.levels[second] - inks.levels[first]).astype(np.float32)
    return Pairs(first, second, origin, along, np.sqrt((along**2).sum(1)))


class PairMemory:
    """A memory of the best pair for a colour cell and a set of nearby inks; each combination is computed once."""

    def __init__(self, pairs: Pairs, inks: Inks, seen: NDArray[np.int64]) -> None:
        """Begin with no pair computed. `seen`: how many samples of the picture lie in each colour cell."""
        ink_count = len(inks)
        self._pairs = pairs
        self._with_ground = _NO_GROUND * ((pairs.first == 0) & inks.has_ground).astype(np.float32)[:, None]
        self._prices = np.zeros((len(pairs), 1), np.float32)
        self._row_of_set = np.full(1 << ink_count, -1, np.int32)
        self._sets = np.empty(0, np.intp)
        self._memory = np.empty(0, np.uint8)  # row by row, CELLS a row
        if len(pairs) > 1:
            self._prices += self._rarity(inks, seen)

    def best(self, cells: NDArray[np.uint16], nearby: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Return the pair of each pixel, by its colour cell and the inks around it as bits."""
        rows = np.take(self._row_of_set, nearby)
        if len(rows) and int(rows.min()) < 0:
            self._add_sets(nearby[rows < 0])
            rows = np.take(self._row_of_set, nearby)
        places = rows * np.int32(CELLS) + cells
        pair: NDArray[np.uint8] = np.take(self._memory, places)
        unknown = places[pair == _UNKNOWN]
        if len(unknown):
            self._memory[unknown] = _WANTED
            wanted = np.flatnonzero(self._memory == _WANTED)
            self._memory[wanted] = self._work_out(wanted)
            pair = np.take(self._memory, places)
        return pair

    def _rarity(self, inks: Inks, seen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Price each pair (n, 1): the more of the clearly mixed colours it explains, the lower.

        So a gradient does not flicker between its own pair and others that pass equally near at some shades.
        """
        _, distance = nearest_of_cells(inks.levels)
        mixed = np.flatnonzero((seen > 0) & (distance > _CLEARLY_MIXED))
        best = self._choose(mixed, np.zeros(len(mixed), np.intp))
        use = np.bincount(best, seen[mixed], minlength=len(self._pairs))
        share = use / max(float(use.sum()), 1.0)
        price = _RARE * np.maximum(0, 1 - share / _USUAL)
        return price.astype(np.float32)[:, None]

    def _add_sets(self, nearby: NDArray[np.uint16]) -> None:
        sets = np.flatnonzero(np.bincount(nearby))
        self._row_of_set[sets] = np.arange(len(self._sets), len(self._sets) + len(sets))
        self._sets = np.concatenate([self._sets, sets])
        self._memory = np.concatenate([self._memory, np.full(len(sets) * CELLS, _UNKNOWN, np.uint8)])

    def _work_out(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Find the pair with the least squared distance from its line to the cell's colour, plus the pair's prices."""
        size = max(1, _AT_ONCE // len(self._pairs))
        nearby = self._sets[places // CELLS]
        parts = [
            self._choose(places[start : start + size], nearby[start : start + size])
            for start in range(0, len(places), size)
        ]
        return np.concatenate(parts)

    def _choose(self, places: NDArray[np.intp], nearby: NDArray[np.intp]) -> NDArray[np.uint8]:
        pairs = self._pairs
        red, green, blue = cell_levels(places % CELLS).astype(np.float32).T
        (r0, g0, b0), (r1, g1, b1) = pairs.origin.T[..., None], pairs.along.T[..., None]
        r, g, b = red - r0, green - g0, blue - b0  # (pairs, places)
        t = r * r1 + g * g1 + b * b1
        t /= pairs.length[:, None] ** 2
        np.clip(t, 0, 1, out=t)
        r -= t * r1
        g -= t * g1
        b -= t * b1
        cost = r * r + g * g + b * b
        absent = 2 - (nearby >> pairs.first[:, None] & 1) - (nearby >> pairs.second[:, None] & 1)
        absent[:, nearby == 0] = 0  # inside a gradient no ink may be near
        cost += np.take(_ABSENT, absent)
        cost += self._with_ground * (nearby & 1 == 0)
        cost += self._prices
        choice: NDArray[np.uint8] = cost.argmin(0).astype(np.uint8)
        return choice
