"""The palette table of a picture: at most 256 mixes (with alpha) that stand for all its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.mixing import STEPS, Mixes, Pairs

ENTRIES_MAX = 256  # a PNG's palette


@dataclass(frozen=True)
class Table:
    """The mixes of a palette table: `(1 - share) * first + share * second`."""

    first: NDArray[np.intp]  # (n,) ink
    second: NDArray[np.intp]
    share: Floats
    entry_of_key: NDArray[np.uint8]  # entry of each key of `Mixes`

    def __len__(self) -> int:
        return len(self.first)


def make_table(mixes: Mixes, ink_count: int, room: int = ENTRIES_MAX) -> Table:
    """At most `room` entries: the pure inks, then for each pair as many steps as its use and its length deserve."""
    pairs = mixes.pairs
    pure = len(pairs.first) * STEPS
    counts = mixes.counts[:pure].reshape(-1, STEPS)
    levels = _levels(counts, pairs, room - ink_count)
    entry_of_key = np.zeros(pure + ink_count, np.uint8)
    entry_of_key[pure:] = np.arange(ink_count)
    first, second, share = [np.arange(ink_count)], [np.arange(ink_count)], [np.zeros(ink_count)]
    size = ink_count
    for index, inner in enumerate(levels):
        entries, shares = _steps(int(pairs.first[index]), int(pairs.second[index]), int(inner), size)
        entry_of_key[index * STEPS : (index + 1) * STEPS] = entries
        first.append(np.full(inner, pairs.first[index]))
        second.append(np.full(inner, pairs.second[index]))
        share.append(shares)
        size += int(inner)
    return Table(np.concatenate(first), np.concatenate(second), np.concatenate(share), entry_of_key)


def _levels(counts: NDArray[np.int64], pairs: Pairs, room: int) -> NDArray[np.intp]:
    """Inner steps of each pair. Steps in proportion to n^(1/3) minimise the squared error of n evenly spread pixels."""
    inner = counts[:, 1:-1].sum(1)
    wish = np.cbrt(inner) * np.cbrt(pairs.length.astype(float)) ** 2
    most = np.minimum((counts[:, 1:-1] > 0).sum(1), STEPS // 2 - 2)
    levels = np.zeros(len(wish), np.intp)
    for _ in range(8):  # what a pair cannot use goes to the others
        free = levels < most
        left = room - int(levels.sum())
        if left <= 0 or not free.any():
            break
        levels[free] += np.floor(left * wish[free] / wish[free].sum()).astype(np.intp)
        levels = np.minimum(levels, most)
    return levels


def _steps(first: int, second: int, inner: int, start: int) -> tuple[NDArray[np.uint8], Floats]:
    """Entry of each of the STEPS, and the shares of the `inner` new entries, evenly spread between the pure inks."""
    places = np.rint(np.linspace(0, inner + 1, STEPS)).astype(np.intp)
    entries = np.where(places == 0, first, np.where(places == inner + 1, second, start + places - 1))
    return entries.astype(np.uint8), np.linspace(0, 1, inner + 2)[1:-1]
