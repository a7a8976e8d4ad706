"""What an image file says of itself in its first bytes: format, size, animation. Plain Python, nothing is decoded.

Read before Pillow opens the file, because opening is not free: its WebP reader reserves two full canvases of the size
that the header claims before anybody can ask for that size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["PNG", "JPEG", "WEBP"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# JPEG markers that start a frame and carry its size: SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC); ITU T.81 B.1.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# JPEG markers that stand alone, without a length: TEM and RST0..RST7.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_END = frozenset({0xD9, 0xDA})  # end of image, start of scan: the frame header must have come before


@dataclass(frozen=True)
class Header:
    """What a header claims: the decoder's word may differ, so both are checked."""

    format: ImageFormat
    width: int  # pixels, as stored; an EXIF orientation may swap the sides
    height: int
    animated: bool


def read_header(data: bytes) -> Header | None:
    """The header of a PNG, JPEG or WebP file, told by content; None for anything else or when it is cut short."""
    try:
        if data[:8] == PNG_SIGNATURE:
            return _read_png(data)
        if data[:3] == b"\xff\xd8\xff":
            return _read_jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _read_webp(data)
    except (struct.error, IndexError):
        return None
    return None


def png_chunks(data: bytes) -> list[tuple[bytes, int, int]]:
    """The chunks of a PNG as (type, start of the content, length), up to IEND or the end of the bytes."""
    chunks, at = [], len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], at + 8, length))
        at += length + 12
        if chunks[-1][0] == b"IEND":
            break
    return chunks


def _read_png(data: bytes) -> Header | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return Header("PNG", width, height, any(kind == b"acTL" for kind, _, _ in png_chunks(data)))


def _read_jpeg(data: bytes) -> Header | None:
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:  # any number of fill bytes may stand before a marker
            at += 1
        marker = data[at]
        at += 1
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return Header("JPEG", width, height, animated=False)
        if marker in _JPEG_END:
            return None
        if marker not in _JPEG_BARE:
            (length,) = struct.unpack_from(">H", data, at)
            at += max(length, 2)


def _read_webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8 ":  # lossy: frame tag (3 bytes), start code (3), then 14 bits a side; RFC 6386, 9.1
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WEBP", width & 0x3FFF, height & 0x3FFF, animated=False)
    if kind == b"VP8L":  # lossless: signature byte, then 14 bits a side, each less one
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, animated=False)
    if kind == b"VP8X":  # extended: flags, three reserved bytes, then 24 bits a side, each less one
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return Header("WEBP", width, height, bool(data[20] & 0x02))
    return None
