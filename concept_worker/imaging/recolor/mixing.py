"""Every pixel as a mix of two inks: which two, told by the colour and the neighbourhood, and how much of each.

Renderers blend edges in sRGB, so mixes are straight lines in sRGB. A colour near the crossing of two such lines could
be either; the inks that fill flat areas within two pixels decide, which keeps foreign colours out of edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.inks import Inks, cell_levels
from concept_worker.imaging.recolor.survey import CELL_BITS, CELLS, Words, cell_of

STEPS = 256  # resolution of a mix before the palette table is made
# Rows worked on at a time: the arrays of a band stay in the second-level cache, and memory stays flat.
_BAND_PIXELS = 131_072
# A pixel votes for an ink when it is this near (levels), plus two standard deviations of noise.
_VOTE_RADIUS = 16.0
# Squared levels that a mix must fit better for each of its inks that is not seen nearby.
_ABSENT = (0.0, 12.0**2, 24.0**2)
_UNKNOWN = 255
_REACH = 2  # pixels around an edge pixel in which inks are looked for


@dataclass(frozen=True)
class Pairs:
    """All pairs of inks: a mix is `first + t * (second - first)`, t in 0..1."""

    first: NDArray[np.intp]  # (n,)
    second: NDArray[np.intp]
    origin: NDArray[np.float32]  # (n, 3), levels
    along: NDArray[np.float32]  # (n, 3), levels, from first to second
    length: NDArray[np.float32]  # (n,)


@dataclass(frozen=True)
class Mixes:
    """Which mix each pixel is: `pair * STEPS + step`, or `len(pairs) * STEPS + ink` for a pure ink."""

    keys: NDArray[np.uint16]  # (height, width)
    counts: NDArray[np.int64]  # how many pixels have each key (pure areas found at once are not counted)
    pairs: Pairs


def pair_up(inks: Inks) -> Pairs:
    """Every two inks, in order."""
    first, second = np.triu_indices(len(inks), 1)
    origin = inks.levels[first].astype(np.float32)
    along = (inks.levels[second] - inks.levels[first]).astype(np.float32)
    return Pairs(first, second, origin, along, np.sqrt((along**2).sum(1)))


def unmix(words: Words, inks: Inks, noise: float, radii: Floats) -> Mixes:
    """Explain every pixel (height, width) by one ink or two.

    `radii`: levels around each ink that count as the ink itself (its noise).
    """
    pairs = pair_up(inks)
    height, width = words.shape
    keys = np.empty((height, width), np.uint16)
    counts = np.zeros(len(pairs.first) * STEPS + len(inks), np.int64)
    reader = _Reader(inks, pairs, noise, radii)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        above, below = max(0, top - _REACH), min(height, bottom + _REACH)
        band = reader.read(words[above:below], top - above, bottom - above, counts)
        keys[top:bottom] = band
    return Mixes(keys, counts, pairs)


class _Reader:
    """Reads bands of pixels; remembers which pair was best for a colour cell and a set of nearby inks."""

    def __init__(self, inks: Inks, pairs: Pairs, noise: float, radii: Floats) -> None:
        self._inks = inks
        self._pairs = pairs
        self._radii = radii
        self._pure = len(pairs.first) * STEPS
        self._votes, self._settled = _cell_tables(inks, _VOTE_RADIUS + 2 * noise, radii)
        self._packed = [int(r) | int(g) << 8 | int(b) << 16 for r, g, b in inks.levels]
        self._rows = np.full(1 << len(inks), -1, np.intp)  # row of the memory for each set of inks
        self._sets: list[int] = []
        self._memory = np.empty((0, CELLS), np.uint8)
        start, stop = radii[pairs.first], radii[pairs.second]
        span = np.maximum(pairs.length - start - stop, 1.0)
        scale = (STEPS - 1) / span / pairs.length
        self._weights = (pairs.along * scale[:, None]).astype(np.float32)
        offset = (pairs.origin * self._weights).sum(1) + start * (STEPS - 1) / span
        self._offset = offset.astype(np.float32)

    def read(self, words: Words, top: int, bottom: int, counts: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Keys of the rows from `top` to `bottom` of a band; the rows around them only serve as neighbours."""
        cells = cell_of(words)
        near = _spread(np.take(self._votes, cells, mode="wrap"))[top:bottom]
        words, cells = words[top:bottom], cells[top:bottom]
        keys = np.take(self._settled, cells, mode="wrap")
        colors: Words = words & np.uint32(0xFFFFFF)
        for index, packed in enumerate(self._packed):
            if index < 4:
                np.putmask(keys, colors == packed, np.uint16(self._pure + index))
        open_pixels = np.flatnonzero(keys.ravel() == _OPEN)
        if len(open_pixels) and len(self._pairs.first):
            found = self._mix(colors.ravel()[open_pixels], cells.ravel()[open_pixels], near.ravel()[open_pixels])
            keys.ravel()[open_pixels] = found
            counts += np.bincount(found, minlength=len(counts))
        elif len(open_pixels):
            keys[...] = self._pure
        return keys

    def _mix(self, colors: Words, cells: NDArray[np.uint16], near: NDArray[np.uint16]) -> NDArray[np.uint16]:
        pair = self._pair_of(cells, near)
        weights = self._weights
        along = (colors & 0xFF).astype(np.float32) * weights[pair, 0]
        along += (colors >> 8 & 0xFF).astype(np.float32) * weights[pair, 1]
        along += (colors >> 16).astype(np.float32) * weights[pair, 2]
        along -= self._offset[pair]
        np.rint(along, out=along)
        np.clip(along, 0, STEPS - 1, out=along)
        keys = pair.astype(np.uint16) * np.uint16(STEPS)
        keys += along.astype(np.uint16)
        return keys

    def _pair_of(self, cells: NDArray[np.uint16], near: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """The pair of each pixel, from memory; what is not there yet is worked out once."""
        rows = self._rows[near]
        if (rows < 0).any():
            self._remember_sets(np.unique(near[rows < 0]))
            rows = self._rows[near]
        flat = rows * CELLS + cells
        memory: NDArray[np.uint8] = self._memory.ravel()
        pair: NDArray[np.uint8] = memory[flat]
        missing = flat[pair == _UNKNOWN]
        if len(missing):
            missing = np.unique(missing)
            memory[missing] = self._best_pairs(missing)
            pair = memory[flat]
        return pair

    def _remember_sets(self, sets: NDArray[np.uint16]) -> None:
        self._rows[sets] = np.arange(len(self._sets), len(self._sets) + len(sets))
        self._sets.extend(int(s) for s in sets)
        self._memory = np.concatenate([self._memory, np.full((len(sets), CELLS), _UNKNOWN, np.uint8)])

    def _best_pairs(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The pair that fits best for each place of the memory: near the colour, of inks seen nearby."""
        pairs = self._pairs
        colors = cell_levels(places % CELLS).astype(np.float32)
        nearby = np.array(self._sets)[places // CELLS]
        best = np.full(len(places), np.inf, np.float32)
        choice = np.zeros(len(places), np.uint8)
        for index in range(len(pairs.first)):
            offset = colors - pairs.origin[index]
            along = pairs.along[index]
            t = np.clip((offset * along).sum(1) / pairs.length[index] ** 2, 0, 1)
            cost = ((offset - t[:, None] * along) ** 2).sum(1)
            absent = 2 - (nearby >> pairs.first[index] & 1) - (nearby >> pairs.second[index] & 1)
            cost += np.where(nearby == 0, 0, np.take(_ABSENT, absent))
            better = cost < best
            best[better] = cost[better]
            choice[better] = index
        return choice


_OPEN = 0xFFFF  # the key of a pixel that is not settled yet


def _cell_tables(inks: Inks, vote_radius: float, radii: Floats) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """For each colour cell: the ink it votes for as a bit (or 0), and the key of the ink it surely is (or open)."""
    centers = cell_levels(np.arange(CELLS))
    distances = np.stack([np.sqrt(((centers - ink) ** 2).sum(1)) for ink in inks.levels])
    nearest = distances.argmin(0)
    distance = distances[nearest, np.arange(CELLS)]
    votes = np.where(distance <= vote_radius, 1 << nearest, 0).astype(np.uint16)
    half_diagonal = (256 >> CELL_BITS) / 2 * np.sqrt(3)
    settled = distance + half_diagonal <= radii[nearest]
    pure = len(inks) * (len(inks) - 1) // 2 * STEPS
    return votes, np.where(settled, pure + nearest, _OPEN).astype(np.uint16)


def _spread(votes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """For each pixel the inks that fill a 2 x 2 block within two pixels of it, as bits."""
    height, width = votes.shape
    if height < 2 or width < 2:
        return votes
    blocks = votes[:-1] & votes[1:]
    blocks = blocks[:, :-1] & blocks[:, 1:]
    rows = np.zeros((height, width - 1), np.uint16)
    for shift in range(-_REACH, _REACH + 2):  # a block at row r covers r and r + 1
        low, high = max(0, shift), min(height, height - 1 + shift)
        rows[low:high] |= blocks[low - shift : high - shift]
    spread = np.zeros((height, width), np.uint16)
    for shift in range(-_REACH, _REACH + 2):
        low, high = max(0, shift), min(width, width - 1 + shift)
        spread[:, low:high] |= rows[:, low - shift : high - shift]
    return spread
