"""Pictures without an image library: a disc and a bar on a ground, and the ways in which a picture can be wrong."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Protocol

from concept_worker.devstack.fake_provider.faults import FaultKind

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# 16 x 16 pixels of one colour.
TINY_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j"
    "q62rZ4C8ybqmx5moq6T/wAALCAAQABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oA"
    "CAEBAAA/AJAH/9k="
)
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle cx="32" cy="32" r="24"/></svg>'


@dataclass(frozen=True)
class Picture:
    """A picture: its bytes, and the media type in the answer."""

    content: bytes
    media_type: str = "image/png"


class Artist(Protocol):
    """An artist that draws for the fake; the same arguments give the same bytes."""

    def draw(self, prompt: str, seed: int, width: int, height: int) -> bytes:
        """Draw a new picture as PNG bytes; sides in pixels."""
        ...

    def redraw(self, original: bytes, prompt: str, seed: int, width: int, height: int) -> bytes:
        """Change the original; return PNG bytes."""
        ...


class PlainArtist:
    """An artist that draws in a millisecond: colours and places come from a hash of the words and the seed."""

    def draw(self, prompt: str, seed: int, width: int, height: int) -> bytes:
        return _mark(hashlib.sha256(f"{seed}\0{prompt}".encode()).digest(), width, height)

    def redraw(self, original: bytes, prompt: str, seed: int, width: int, height: int) -> bytes:
        return _mark(hashlib.sha256(f"{seed}\0{prompt}\0".encode() + original).digest(), width, height)


def spoiled(picture: Picture, kind: FaultKind | None) -> Picture:
    """Return `picture` with the fault in it; unchanged for a fault that is not about pictures."""
    if kind is FaultKind.TRUNCATED:
        return Picture(picture.content[: len(picture.content) // 2])
    if kind is FaultKind.HUGE:
        return Picture(encode_png(60_000, 60_000, [b"\0" * 64]))
    if kind is FaultKind.WRONG_SIZE:
        return Picture(encode_png(96, 64, [b"\x20\x60\xa0" * 96] * 64))
    if kind is FaultKind.SVG:
        return Picture(_SVG, "image/svg+xml")
    if kind is FaultKind.JPEG:
        return Picture(TINY_JPEG)
    return picture


def encode_png(width: int, height: int, rows: list[bytes]) -> bytes:
    """Encode `rows`, which may be fewer than the header claims, as an 8-bit RGB PNG (W3C PNG, 3rd edition)."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _mark(digest: bytes, width: int, height: int) -> bytes:
    ground = bytes(0xE8 + value % 24 for value in digest[0:3])
    disc = bytes(0x20 + value % 160 for value in digest[3:6])
    bar = bytes(0x20 + value % 160 for value in digest[6:9])
    radius = min(width, height) * (24 + digest[9] % 12) // 100
    middle = (width // 2, height * (38 + digest[10] % 10) // 100)
    rows = []
    for y in range(height):
        if height * 80 // 100 <= y < height * 86 // 100:
            left = width * (15 + digest[11] % 15) // 100
            rows.append(ground * left + bar * (width - 2 * left) + ground * left)
            continue
        half = math.isqrt(max(0, radius * radius - (y - middle[1]) ** 2))
        left = middle[0] - half
        rows.append(ground * left + disc * (2 * half) + ground * (width - left - 2 * half))
    return encode_png(width, height, rows)
