"""Packed pixels and colour cells: a pixel as one number, and the small cube of colours that it lies in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from concept_worker.imaging.recolor.colors import Floats

Words = NDArray[np.uint32]

CELL_BITS = 5  # a cell is 8 levels wide: coarser than JPEG's noise, finer than any two inks
CELLS = 1 << 3 * CELL_BITS
SIDE = 1 << CELL_BITS  # cells along red, green or blue
CELL_WIDTH = 256 >> CELL_BITS  # levels
RGB = np.uint32(0xFFFFFF)  # the colour bits of a packed pixel
OPAQUE = 0xFF000000  # the alpha bits of an opaque pixel


def words_of(image: Image.Image) -> Words:
    """Return the pixels as 0xAABBGGRR, shape (height, width); A is 255 for RGB."""
    raw = image.tobytes("raw", "RGBX" if image.mode == "RGB" else "RGBA")
    return np.frombuffer(raw, "<u4").reshape(image.height, image.width)


def cell_of(words: Words) -> NDArray[np.uint16]:
    """Return the colour cell of each pixel: the five high bits of R, G and B."""
    cells = words & np.uint32(0xF8)
    cells <<= np.uint32(7)
    part = words >> np.uint32(6)
    part &= np.uint32(0x3E0)
    cells |= part
    np.right_shift(words, np.uint32(19), out=part)
    part &= np.uint32(0x1F)
    cells |= part
    return cells.astype(np.uint16)


def channels_of(words: Words) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    """Return the red, green and blue levels of packed pixels."""
    low = words.astype(np.uint16)
    return (
        (low & np.uint16(0xFF)).view(np.int16),
        (low >> np.uint16(8)).view(np.int16),
        (words >> np.uint32(16) & np.uint32(0xFF)).astype(np.int16),
    )


def pack(levels: Floats) -> int:
    """Pack levels (3,) into a colour without alpha."""
    red, green, blue = (round(float(level)) for level in levels)
    return red | green << 8 | blue << 16


def cell_levels(cells: NDArray[np.intp]) -> Floats:
    """Return the middle colours (n, 3) of colour cells."""
    parts = np.stack([cells >> 2 * CELL_BITS, cells >> CELL_BITS & SIDE - 1, cells & SIDE - 1], -1)
    return parts * float(CELL_WIDTH) + (CELL_WIDTH - 1) / 2


def nearest_of_cells(levels: Floats) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find for each cell the nearest of the colours (n, 3) and its distance from the cell's middle in levels."""
    middles = (np.arange(SIDE) * CELL_WIDTH + (CELL_WIDTH - 1) / 2).astype(np.float32)
    best = np.full(CELLS, np.inf, np.float32)
    nearest = np.zeros(CELLS, np.intp)
    parts = ((middles - levels[:, :, None]) ** 2).astype(np.float32)  # (n, 3, SIDE)
    for index, (red, green, blue) in enumerate(parts):
        squares = (red[:, None, None] + (green[:, None] + blue)).ravel()
        nearest[squares < best] = index
        np.minimum(best, squares, out=best)
    return nearest, np.sqrt(best)


def box_sum(counts: NDArray[np.int64], reach: int) -> Floats:
    """Sum for each cell the counts of the cells within `reach` of it in R, G and B."""
    cube = counts.reshape(SIDE, SIDE, SIDE).astype(np.float64)
    for axis in range(3):
        before = np.moveaxis(cube, axis, 0)
        cube = cube.copy()
        summed = np.moveaxis(cube, axis, 0)
        for shift in range(1, reach + 1):
            summed[shift:] += before[:-shift]
            summed[:-shift] += before[shift:]
    return cube.reshape(CELLS)
