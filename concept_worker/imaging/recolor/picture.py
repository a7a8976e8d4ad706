"""A picture whose colours are still open: all parts that do not depend on the palette are compressed already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor import png
from concept_worker.imaging.recolor.alphas import AlphaTable, make_alpha_table
from concept_worker.imaging.recolor.colors import Floats
from concept_worker.imaging.recolor.mixing import Mixes
from concept_worker.imaging.recolor.tables import Table, make_table

# A picture with too many alphas for a table is compressed anew for each palette, so at zlib's fastest level.
_TRUE_COLOR_LEVEL = 1


class OpenPicture(Protocol):
    """A picture that `RecolorPlan` can paint."""

    def png(self, targets: Floats) -> bytes:
        """Return a PNG in which each ink has its target levels (n, 3)."""


@dataclass(frozen=True)
class OpaquePicture:
    """A picture without alphas: indices into a table, compressed once."""

    size: tuple[int, int]  # width, height
    table: Table
    pixels: bytes  # an IDAT chunk

    def png(self, targets: Floats) -> bytes:
        return png.indexed_png(self.size, self.table.colors(targets), b"", self.pixels)


@dataclass(frozen=True)
class SoftPicture:
    """A see-through picture: indices into a table with alphas, compressed once."""

    size: tuple[int, int]
    table: AlphaTable
    pixels: bytes

    def png(self, targets: Floats) -> bytes:
        table = self.table
        soft = table.soft.colors(targets)[table.soft_entries]
        colors = np.concatenate([table.solid.colors(targets), soft, np.zeros((1, 3), np.uint8)])
        alphas = b"\xff" * len(table.solid) + table.soft_alphas.tobytes() + b"\x00"
        return png.indexed_png(self.size, colors, alphas, self.pixels)


@dataclass(frozen=True)
class TrueColorPicture:
    """A table of mixes and exact alphas; for the rare picture that has more of both than a palette can hold."""

    size: tuple[int, int]
    table: Table
    indices: NDArray[np.uint8]
    alphas: NDArray[np.uint8]

    def png(self, targets: Floats) -> bytes:
        colors = self.table.colors(targets).astype(np.uint32)
        packed: NDArray[np.uint32] = colors[:, 0] | colors[:, 1] << np.uint32(8) | colors[:, 2] << np.uint32(16)
        words = packed[self.indices]
        words |= self.alphas.astype(np.uint32) << np.uint32(24)
        words[self.alphas == 0] = 0
        return png.true_color_png(words, _TRUE_COLOR_LEVEL)


def open_picture(mixes: Mixes, alphas: NDArray[np.uint8] | None, ink_count: int) -> OpenPicture:
    """Choose the most compact picture that holds the mixes (height, width) and, if any, the alphas."""
    height, width = mixes.keys.shape
    if alphas is None:
        table = make_table(mixes.counts, mixes.pairs, ink_count)
        indices = np.zeros((height, width), np.uint8)  # entry 0 is the first ink
        indices[mixes.drawn] = np.take(table.entry_of_key, mixes.keys[mixes.drawn], mode="wrap")
        return OpaquePicture((width, height), table, png.indexed_pixels(indices))
    soft = make_alpha_table(mixes, alphas, ink_count)
    if soft is not None:
        return SoftPicture((width, height), soft, png.indexed_pixels(soft.indices))
    table = make_table(mixes.counts, mixes.pairs, ink_count)
    return TrueColorPicture((width, height), table, table.entry_of_key[mixes.keys], alphas)
