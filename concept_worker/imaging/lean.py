"""An image file cut down to what its pixels need: text, EXIF, XMP, previews and further frames reach no decoder.

Leaving parts out is cheaper than bounding each of them: one block of EXIF can ask for gigabytes, and ten thousand
colour profiles of 1 kB unfold to 10 GB. Kept parts are copied unchanged; the decoder checks checksums and lengths.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from concept_worker.errors import InvalidImage
from concept_worker.imaging.headers import PNG_SIGNATURE, Chunk, ImageFormat, png_chunks, webp_chunks
from concept_worker.imaging.jpeg import END_OF_IMAGE, START_OF_SCAN, Segment, check_scans, read_frame, segments

# Profiles of printing presses are the largest in use: 0.5 to 3 MB. A larger one is ignored, as a broken one is.
_LARGEST_PROFILE = 4_000_000
_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"
# The largest sound content by chunk type. IDAT is bounded by the file, and its inflating by the picture's size.
_PNG_KEPT = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256, b"iCCP": _LARGEST_PROFILE, b"IEND": 0}
_WEBP_KEPT = (b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L")
_WEBP_PROFILE, _WEBP_METADATA = 0x20, 0x0C  # flags of VP8X: a profile, EXIF and XMP
_ORIENTATION = 0x0112  # the EXIF tag
_EXIF_NUMBERS = {3: "H", 4: "I"}  # short and long, by TIFF type
_MOST_TAGS = 500  # cameras write about forty


@dataclass(frozen=True)
class LeanFile:
    """Bytes for a decoder, and the EXIF orientation (1 to 8) that was left out of them."""

    data: bytes
    orientation: int


def strip(data: bytes, kind: ImageFormat) -> LeanFile:
    """Leave out what no pixel needs, and refuse a file that costs far more to decode than its picture is worth.

    Raises:
        InvalidImage: too many parts, or scans that visit the same pixels over and over.
    """
    match kind:
        case "PNG":
            return _strip_png(data)
        case "JPEG":
            return _strip_jpeg(data)
        case "WEBP":
            return _strip_webp(data)


def read_orientation(exif: bytes) -> int:
    """Return the orientation in a block of EXIF; 1 (upright) when none can be read."""
    exif = exif.removeprefix(_EXIF)
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        entries = (_entry(exif, order, at + 2 + 12 * number) for number in range(min(count, _MOST_TAGS)))
        return next((value for tag, value in entries if tag == _ORIENTATION), 1)
    except struct.error:
        return 1


def _entry(exif: bytes, order: str, at: int) -> tuple[int, int]:
    tag, kind = struct.unpack_from(order + "HH", exif, at)
    (value,) = struct.unpack_from(order + _EXIF_NUMBERS.get(kind, "H"), exif, at + 8)
    return tag, value


def _strip_png(data: bytes) -> LeanFile:
    chunks = list(png_chunks(data))
    firsts = {chunk.kind: chunk for chunk in reversed(chunks)}
    kept = [chunk for chunk in chunks if _is_pixels(chunk) or _is_sound(chunk, firsts)]
    exif = firsts.get(b"eXIf")
    orientation = 1 if exif is None else read_orientation(data[exif.start : exif.end])
    return LeanFile(PNG_SIGNATURE + b"".join(data[chunk.start - 8 : chunk.end + 4] for chunk in kept), orientation)


def _is_pixels(chunk: Chunk) -> bool:
    return chunk.kind == b"IDAT" and chunk.end > chunk.start


def _is_sound(chunk: Chunk, firsts: dict[bytes, Chunk]) -> bool:
    return firsts[chunk.kind] is chunk and chunk.end - chunk.start <= _PNG_KEPT.get(chunk.kind, -1)


def _strip_jpeg(data: bytes) -> LeanFile:
    parts, frame = list(segments(data)), read_frame(data)
    first = next((part for part in parts if part.marker == START_OF_SCAN), None)
    if frame is None or first is None:
        raise InvalidImage("The image is damaged or incomplete and cannot be read.")
    check_scans(data, parts, frame)
    before = parts[: parts.index(first)]
    profile = sum(part.end - part.start for part in before if _begins_with(data, part, _APP2, _ICC))
    kept = [data[part.start : part.end] for part in before if _is_needed(data, part, profile <= _LARGEST_PROFILE)]
    end = parts[-1].end if parts[-1].marker == END_OF_IMAGE else len(data)
    exif = next((data[part.start + 4 : part.end] for part in before if _begins_with(data, part, _APP1, _EXIF)), b"")
    return LeanFile(b"".join([b"\xff\xd8", *kept, data[first.start : end]]), read_orientation(exif))


def _begins_with(data: bytes, part: Segment, marker: int, beginning: bytes) -> bool:
    return part.marker == marker and data.startswith(beginning, part.start + 4)


def _is_needed(data: bytes, part: Segment, with_profile: bool) -> bool:
    if _begins_with(data, part, _APP2, _ICC):
        return with_profile
    return part.marker in (_APP0, _APP14) or not (_APP0 <= part.marker <= _APP15 or part.marker == _COMMENT)


def _strip_webp(data: bytes) -> LeanFile:
    chunks = list(webp_chunks(data))
    exif = next((data[chunk.start : chunk.end] for chunk in chunks if chunk.kind == b"EXIF"), b"")
    firsts = {chunk.kind: chunk for chunk in reversed(chunks) if chunk.kind in _WEBP_KEPT}
    profile = firsts.get(b"ICCP")
    if profile is not None and profile.end - profile.start > _LARGEST_PROFILE:
        del firsts[b"ICCP"]
    kept = [chunk for chunk in chunks if firsts.get(chunk.kind) is chunk]
    body = b"".join(_webp_chunk(data, chunk, b"ICCP" in firsts) for chunk in kept)
    return LeanFile(b"RIFF" + struct.pack("<I", _webp_length(kept)) + b"WEBP" + body, read_orientation(exif))


def _webp_length(chunks: Iterable[Chunk]) -> int:
    return min(4 + sum(8 + chunk.end - chunk.start + (chunk.end - chunk.start) % 2 for chunk in chunks), 0xFFFFFFFE)


def _webp_chunk(data: bytes, chunk: Chunk, with_profile: bool) -> bytes:
    whole = bytearray(data[chunk.start - 8 : chunk.end + (chunk.end - chunk.start) % 2])
    if chunk.kind == b"VP8X" and len(whole) > 8:
        whole[8] &= ~(_WEBP_METADATA if with_profile else _WEBP_METADATA | _WEBP_PROFILE)
    return bytes(whole)
