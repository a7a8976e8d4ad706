"""Every pixel as a mix of two inks, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.cells import CELL_WIDTH, OPAQUE, RGB, Words, cell_of, nearest_of_cells, pack
from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.inks import Inks
from concept_worker.imaging.recolor.pairs import PairMemory, Pairs, pair_up
from concept_worker.imaging.recolor.survey import Survey

STEPS = 256  # resolution of a mix before the palette table is made
# Pixels worked on at a time: a band's arrays stay in the processor's cache, and memory stays flat for any size.
_BAND_PIXELS = 65_536
# A pixel speaks for an ink when its cell is this near (levels), plus two standard deviations of noise.
_VOTE_RADIUS = 16.0
_REACH = 4  # pixels around an edge pixel that are searched for inks: small print has few solid pixels
# A cell's hint: the exact colour of the nearest ink, that ink's number above it, and a bit for "surely this ink".
_INK_SHIFT = np.uint32(24)
_INK_BITS = np.uint32(31)
_NO_INK = 31  # a bit that does not exist in 16 bits, so a cell without an ink votes for none
_SETTLED = np.uint32(1 << 31)


@dataclass(frozen=True)
class Mixes:
    """The mix of each pixel: `pair * STEPS + step`, or `len(pairs) * STEPS + ink` for a pure ink."""

    keys: NDArray[np.uint16]  # (height, width)
    drawn: tuple[slice, slice]  # rows and columns outside of which all is the first ink, exactly
    counts: NDArray[np.int64]  # pixels of each key; exact inks, found at once, are not counted
    pairs: Pairs


def unmix(words: Words, inks: Inks, seen: Survey, radii: Floats) -> Mixes:
    """Explain every pixel (height, width) by one ink or by a mix of two.

    `radii`: levels around each ink that count as the ink itself.
    """
    pairs = pair_up(inks)
    reader = _Reader(inks, pairs, seen, radii)
    keys = np.full(words.shape, reader.pure, np.uint16)
    counts = np.zeros(reader.pure + len(inks), np.int64)
    drawn = _drawn_box(words, pack(inks.levels[0]))
    part, part_keys = words[drawn], keys[drawn]
    height, width = part.shape
    rows = max(1, _BAND_PIXELS // max(width, 1))
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        above, below = max(0, start - _REACH), min(height, stop + _REACH)
        part_keys[start:stop] = reader.read(part[above:below], start - above, stop - above, counts)
    return Mixes(keys, drawn, counts, pairs)


def _drawn_box(words: Words, ground: int) -> tuple[slice, slice]:
    """Return the rows and columns of all pixels that are not exactly the first ink, with room for their neighbours."""
    drawn = words != np.uint32(ground | OPAQUE)
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    room = _REACH + 2
    return (
        slice(max(0, int(rows[0]) - room), int(rows[-1]) + 1 + room),
        slice(max(0, int(columns[0]) - room), int(columns[-1]) + 1 + room),
    )


class _Reader:
    """A reader of bands of pixels."""

    def __init__(self, inks: Inks, pairs: Pairs, seen: Survey, radii: Floats) -> None:
        self.pure = len(pairs) * STEPS
        self._hints = _cell_hints(inks, _VOTE_RADIUS + 2 * seen.noise, radii)
        self._memory = PairMemory(pairs, inks, seen.everywhere)
        # step = weight . color - offset: 0 where the first ink's noise ends, STEPS - 1 where the second's begins.
        start, stop = radii[pairs.first], radii[pairs.second]
        scale = (STEPS - 1) / np.maximum(pairs.length - start - stop, 1.0)
        weights = pairs.along * (scale / pairs.length)[:, None]
        self._weights = [np.ascontiguousarray(weights[:, channel], np.float32) for channel in range(3)]
        self._offset = ((pairs.origin * weights).sum(1) + start * scale).astype(np.float32)

    def read(self, words: Words, top: int, bottom: int, counts: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return the keys of the rows `top` to `bottom` of a band; the rows around them serve only as neighbours."""
        cells = cell_of(words)
        hints: Words = np.take(self._hints, cells, mode="wrap")
        ink = hints >> _INK_SHIFT & _INK_BITS
        near = _spread(np.left_shift(np.uint32(1), ink).astype(np.uint16))
        words, hints = words[top:bottom], hints[top:bottom]
        keys = ink[top:bottom].astype(np.uint16)
        keys += np.uint16(self.pure)
        exact = ((hints ^ words) & RGB) == 0
        exact |= hints >= _SETTLED
        places = np.flatnonzero(~exact)
        if not len(places):
            return keys
        if self.pure:
            found = self._mix(
                words.ravel()[places], cells[top:bottom].ravel()[places], near[top:bottom].ravel()[places]
            )
        else:
            found = np.zeros(len(places), np.uint16)
        counts += np.bincount(found, minlength=len(counts))
        keys.ravel()[places] = found
        return keys

    def _mix(self, words: Words, cells: NDArray[np.uint16], near: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Return the key of each pixel: the pair by its cell and neighbourhood, the step by its exact colour."""
        pair = self._memory.best(cells, near).astype(np.intp)
        step = np.take(self._weights[0], pair)
        step *= words & np.uint32(0xFF)
        for channel in (1, 2):
            weight = np.take(self._weights[channel], pair)
            weight *= words >> np.uint32(8 * channel) & np.uint32(0xFF)
            step += weight
        step -= np.take(self._offset, pair)
        np.rint(step, out=step)
        np.clip(step, 0, STEPS - 1, out=step)
        keys = pair.astype(np.uint16)
        keys *= np.uint16(STEPS)
        keys += step.astype(np.uint16)
        return keys


def _cell_hints(inks: Inks, vote_radius: float, radii: Floats) -> Words:
    """Return for each colour cell what its pixels probably are, packed (see `_INK_SHIFT`)."""
    nearest, distance = nearest_of_cells(inks.levels)
    colors = np.array([pack(ink) for ink in inks.levels], np.uint32)
    hints: Words = colors[nearest]
    half_diagonal = CELL_WIDTH / 2 * np.sqrt(3)
    settled = distance + half_diagonal <= radii[nearest]
    hints |= np.where(settled | (distance <= vote_radius), nearest, _NO_INK).astype(np.uint32) << _INK_SHIFT
    hints[settled] |= _SETTLED
    return hints


def _spread(votes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return for each pixel the inks that fill a 2 x 2 block within `_REACH` pixels of it, as bits."""
    height, width = votes.shape
    if height < 2 or width < 2:
        return votes
    blocks = votes[:-1] & votes[1:]
    blocks = blocks[:, :-1] & blocks[:, 1:]
    padded = np.zeros((height + 2 * _REACH + 1, width + 2 * _REACH + 1), np.uint16)
    padded[_REACH + 1 : _REACH + height, _REACH + 1 : _REACH + width] = blocks
    window = 2 * _REACH + 2  # a block at row r covers r and r + 1
    span = 1
    while span < window:  # each round doubles the blocks that a place has gathered; the last round adds the rest
        step = min(span, window - span)
        padded = padded[:-step] | padded[step:]
        padded = padded[:, :-step] | padded[:, step:]
        span += step
    return padded
