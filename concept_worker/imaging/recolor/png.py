"""PNG files, built chunk by chunk: one compressed picture of palette indices serves any number of palettes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.headers import PNG_SIGNATURE

_INDEXED, _RGBA = 3, 6  # colour types of a PNG
# 5 and 6 take 1.1 to 4 times as long for 3 to 8 % fewer bytes (measured on logos); 3 has a fifth more bytes.
_INDEXED_LEVEL = 4


def chunk(kind: bytes, content: bytes) -> bytes:
    """Build one PNG chunk: length, type, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def indexed_pixels(indices: NDArray[np.uint8]) -> bytes:
    """Build the IDAT chunk of an index plane (height, width); unfiltered, as the PNG specification advises."""
    height, width = indices.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = indices
    return chunk(b"IDAT", zlib.compress(rows.data, _INDEXED_LEVEL))


def indexed_png(size: tuple[int, int], colors: NDArray[np.uint8], alphas: bytes, pixels: bytes) -> bytes:
    """Build a palette PNG from its size (width, height), colours (n, 3), n alphas or none, and `indexed_pixels`."""
    parts = [PNG_SIGNATURE, _header(size, _INDEXED), chunk(b"PLTE", colors.tobytes())]
    if alphas:
        parts.append(chunk(b"tRNS", alphas))
    return b"".join([*parts, pixels, chunk(b"IEND", b"")])


def true_color_png(words: NDArray[np.uint32], level: int) -> bytes:
    """Build an RGBA PNG from pixels 0xAABBGGRR (height, width)."""
    height, width = words.shape
    rows = np.zeros((height, 4 * width + 1), np.uint8)
    rows[:, 1:] = words.astype("<u4").view(np.uint8)
    pixels = chunk(b"IDAT", zlib.compress(rows.data, level))
    return b"".join([PNG_SIGNATURE, _header((width, height), _RGBA), pixels, chunk(b"IEND", b"")])


def _header(size: tuple[int, int], color_type: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, color_type, 0, 0, 0))
