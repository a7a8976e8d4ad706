"""PNG files put together by hand: one compressed picture of palette indices serves any number of palettes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.headers import PNG_SIGNATURE

_INDEXED = 3  # colour type of a palette picture


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk: length, type, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def indexed_pixels(indices: NDArray[np.uint8], level: int) -> bytes:
    """The IDAT chunk of an index plane (height, width), unfiltered, as the PNG specification advises for palettes."""
    height, width = indices.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = indices
    return chunk(b"IDAT", zlib.compress(rows.data, level))


def indexed_png(width: int, height: int, colors: NDArray[np.uint8], alphas: bytes, pixels: bytes) -> bytes:
    """A palette PNG: colours (n, 3), n alphas or none, and an IDAT chunk of `indexed_pixels`."""
    parts = [
        PNG_SIGNATURE,
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _INDEXED, 0, 0, 0)),
        chunk(b"PLTE", colors.tobytes()),
    ]
    if alphas:
        parts.append(chunk(b"tRNS", alphas))
    return b"".join([*parts, pixels, chunk(b"IEND", b"")])
