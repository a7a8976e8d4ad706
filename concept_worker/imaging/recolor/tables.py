"""The palette table of a picture: at most 256 mixes, each with an alpha, that stand for all its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.mixing import STEPS
from concept_worker.imaging.recolor.pairs import Pairs

ENTRIES_MAX = 256  # a PNG's palette


@dataclass(frozen=True)
class Table:
    """A table of mixes of inks: `(1 - share) * first + share * second`; arrays of shape (n,)."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    share: Floats
    entry_of_key: NDArray[np.uint8]  # entry of each key of `Mixes`

    def __len__(self) -> int:
        return len(self.first)

    def colors(self, targets: Floats) -> NDArray[np.uint8]:
        """Return the entries' levels (n, 3) when each ink has its target levels."""
        share = self.share[:, None]
        mixed = targets[self.first] * (1 - share) + targets[self.second] * share
        return np.rint(mixed).astype(np.uint8)


def make_table(counts: NDArray[np.int64], pairs: Pairs, ink_count: int, room: int = ENTRIES_MAX) -> Table:
    """Make a table of at most `room` entries: the pure inks, then steps for each pair by its use and its length.

    `counts`: how many pixels have each key of `Mixes`.
    """
    inner = counts[: len(pairs.first) * STEPS].reshape(-1, STEPS)
    return build_table(_fair_steps(inner, pairs, room - ink_count), pairs, ink_count)


def build_table(steps: NDArray[np.intp], pairs: Pairs, ink_count: int) -> Table:
    """Build a table of the pure inks and a given number of steps between each pair."""
    pure = len(pairs.first) * STEPS
    entry_of_key = np.zeros(pure + ink_count, np.uint8)
    entry_of_key[pure:] = np.arange(ink_count)
    first, second, share = [np.arange(ink_count)], [np.arange(ink_count)], [np.zeros(ink_count)]
    size = ink_count
    for index, inner in enumerate(steps.tolist()):
        a, b = int(pairs.first[index]), int(pairs.second[index])
        places = np.rint(np.linspace(0, inner + 1, STEPS)).astype(np.intp)
        entries = np.where(places == 0, a, np.where(places == inner + 1, b, size + places - 1))
        entry_of_key[index * STEPS : (index + 1) * STEPS] = entries
        first.append(np.full(inner, a))
        second.append(np.full(inner, b))
        share.append(np.linspace(0, 1, inner + 2)[1:-1])
        size += inner
    return Table(np.concatenate(first), np.concatenate(second), np.concatenate(share), entry_of_key)


def _fair_steps(counts: NDArray[np.int64], pairs: Pairs, room: int) -> NDArray[np.intp]:
    """Share out inner steps: in proportion to n^(1/3) they minimise the squared error of n evenly spread pixels."""
    inner = counts[:, 1:-1].sum(1)
    wish = np.cbrt(inner) * np.cbrt(pairs.length.astype(float)) ** 2
    most = np.minimum((counts[:, 1:-1] > 0).sum(1), STEPS // 2 - 2)
    steps = np.zeros(len(wish), np.intp)
    for _ in range(8):  # steps that a pair cannot use go to the other pairs
        free = steps < most
        left = room - int(steps.sum())
        if left <= 0 or not free.any():
            break
        steps[free] += np.floor(left * wish[free] / wish[free].sum()).astype(np.intp)
        steps = np.minimum(steps, most)
    return steps
