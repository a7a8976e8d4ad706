"""The segments of a JPEG file and what its scans cost to decode, in plain Python; nothing is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from concept_worker.errors import InvalidImage

START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
# Markers that start a frame and carry its size: SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC); ITU T.81 B.1.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: start and end of image. Below C0 none is defined: a decoder reads on behind them.
_BARE = frozenset({0xD8, END_OF_IMAGE, *range(0x01, 0xC0)})
# FF and a code; FF 00 is a level in a scan, D0..D7 are restarts inside one, and FF FF is a fill byte before a marker.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_WINDOW = 1 << 18  # bytes searched at once: 3 ms at most, then other threads of the interpreter may run
_STRAY = 4096  # most bytes between two segments that belong to neither: decoders skip them
# A file of 20 MB has room for 305 full segments; a progressive picture has 10 to 15 scans with up to four tables each.
_MOST_SEGMENTS = 2000
# Visits of the same block. Encoders make five or six a component, the most thorough about ten; one visit takes 65 ns at
# least, so 20 visits to 4096 x 4096 pixels in three components take 1 s.
_MOST_VISITS = 20
_CHEAP_BLOCKS = 1_000_000  # visits that are always allowed, so that odd small pictures pass: 65 ms


class Segment(NamedTuple):
    """A marker and its content; `start` is the marker's first byte, `end` the first one behind the content."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True)
class Frame:
    """A frame: its size in pixels, and the sampling (horizontal, vertical) of each component by its id."""

    width: int
    height: int
    sampling: dict[int, tuple[int, int]]

    def blocks(self, component: int) -> int:
        """Return how many blocks of 8 x 8 pixels a component has."""
        most_h = max(h for h, _ in self.sampling.values()) or 1
        most_v = max(v for _, v in self.sampling.values()) or 1
        h, v = self.sampling.get(component, (most_h, most_v))
        return -(-self.width * h // (8 * most_h)) * -(-self.height * v // (8 * most_v))


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments from behind the start of the image to its end, or to the end of the bytes.

    Raises:
        InvalidImage: there are too many.
    """
    at, stray = 2, _STRAY
    for _ in range(_MOST_SEGMENTS):
        found = _next_marker(data, at, stray)
        if found is None:
            return
        segment = _segment(data, found)
        yield segment
        if segment.marker == END_OF_IMAGE:
            return
        if segment.marker == START_OF_SCAN:
            stray = len(data)  # a scan's levels follow its header, without a length field
        at = segment.end
    raise InvalidImage("The image file has too many segments; save it anew as a plain JPEG or PNG.")


def read_frame(data: bytes) -> Frame | None:
    """Read the frame, which must stand before the first scan; None when there is none.

    Raises:
        InvalidImage: too many segments stand before the frame.
        struct.error, IndexError: the frame is cut short.
    """
    for segment in segments(data):
        if segment.marker in _FRAMES:
            return _frame(data, segment)
        if segment.marker in (START_OF_SCAN, END_OF_IMAGE):
            return None
    return None


def check_scans(data: bytes, parts: list[Segment], frame: Frame) -> None:
    """Refuse scans that make a decoder visit too many blocks: each scan visits all blocks of its components.

    Raises:
        InvalidImage: the visits are many times more than the picture has blocks.
    """
    scans = (part for part in parts if part.marker == START_OF_SCAN)
    visits = sum(frame.blocks(component) for scan in scans for component in _components(data, scan))
    blocks = sum(frame.blocks(component) for component in frame.sampling)
    if visits > max(_MOST_VISITS * blocks, _CHEAP_BLOCKS):
        raise InvalidImage("The image would take too long to decode; save it anew as a plain JPEG or PNG.")


def _segment(data: bytes, start: int) -> Segment:
    marker = data[start + 1]
    if marker in _BARE or start + 4 > len(data):
        return Segment(marker, start, start + 2)
    (length,) = struct.unpack_from(">H", data, start + 2)
    return Segment(marker, start, start + 2 + max(length, 2))


def _next_marker(data: bytes, at: int, stray: int) -> int | None:
    end = min(at + stray + 2, len(data))
    for start in range(at, end, _WINDOW):
        if match := _MARKER.search(data, start, min(start + _WINDOW + 1, end)):
            return match.start()
    return None


def _frame(data: bytes, segment: Segment) -> Frame:
    height, width, count = struct.unpack_from(">HHB", data, segment.start + 5)
    parts = (data[at : at + 3] for at in range(segment.start + 10, segment.start + 10 + 3 * count, 3))
    return Frame(width, height, {part[0]: (part[1] >> 4, part[1] & 15) for part in parts if len(part) == 3})


def _components(data: bytes, scan: Segment) -> bytes:
    count = data[scan.start + 4] if scan.start + 4 < len(data) else 0
    return data[scan.start + 5 : scan.start + 5 + 2 * min(count, 4) : 2]
