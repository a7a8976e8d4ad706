"""Headers of image files: format, size, animation, read by plain Python; nothing is decoded.

The header is read before Pillow opens the file, because opening is not free: Pillow's WebP reader reserves two full
canvases of the claimed size before a caller can ask for that size. Reading is bounded, because threads that wait on
providers do it too: a file of 20 MB takes as long as one of 20 kB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, NamedTuple

from concept_worker.errors import InvalidImage
from concept_worker.imaging.jpeg import read_frame

ImageFormat = Literal["PNG", "JPEG", "WEBP"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Encoders cut the pixels of a PNG into chunks of 8 kB and more; a file may have 1000, and one more for each 512 bytes.
_MOST_CHUNKS, _BYTES_A_CHUNK = 1000, 512


@dataclass(frozen=True)
class Header:
    """The claims of a header; the decoder may find other values, so both are checked."""

    format: ImageFormat
    width: int  # pixels, as stored; an EXIF orientation may swap the sides
    height: int
    animated: bool


class Chunk(NamedTuple):
    """A chunk of a PNG or WebP file: its type, and where its content begins and ends according to its length field."""

    kind: bytes
    start: int
    end: int


def read_header(data: bytes) -> Header | None:
    """Read the header of a PNG, JPEG or WebP file, told by content; None for another format or a cut file.

    Raises:
        InvalidImage: the size stands behind too many parts.
    """
    try:
        if data[:8] == PNG_SIGNATURE:
            return _read_png(data)
        if data[:3] == b"\xff\xd8\xff":
            return _read_jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _read_webp(data)
    except (struct.error, IndexError, ValueError):
        return None
    return None


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a PNG up to IEND or the end of the bytes.

    Raises:
        InvalidImage: there are too many.
    """
    return _chunks(data, ">I4s", len(PNG_SIGNATURE), checksum=4)


def webp_chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a WebP file up to the end of the bytes.

    Raises:
        InvalidImage: there are too many.
    """
    return _chunks(data, "<4sI", 12, checksum=0)


def _chunks(data: bytes, layout: str, at: int, checksum: int) -> Iterator[Chunk]:
    for _ in range(_MOST_CHUNKS + len(data) // _BYTES_A_CHUNK):
        if at + 8 > len(data):
            return
        first, second = struct.unpack_from(layout, data, at)
        kind, length = (second, first) if checksum else (first, second)
        yield Chunk(kind, at + 8, at + 8 + length)
        if kind == b"IEND":
            return
        at += 8 + length + (checksum or length % 2)  # RIFF pads to an even length
    raise InvalidImage("The image file is in too many pieces; save it anew as a plain JPEG or PNG.")


def _read_png(data: bytes) -> Header | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    before = takewhile(lambda chunk: chunk.kind != b"IDAT", png_chunks(data))
    frames = [struct.unpack_from(">I", data, chunk.start)[0] for chunk in before if chunk.kind == b"acTL"]
    return Header("PNG", width, height, animated=any(count > 1 for count in frames))


def _read_jpeg(data: bytes) -> Header | None:
    frame = read_frame(data)
    return None if frame is None else Header("JPEG", frame.width, frame.height, animated=False)


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
