"""SVG drawings as pixels, by resvg: no scripts, files, network or fonts. For a process that has given up its rights."""

from __future__ import annotations

import re

from concept_worker.errors import InvalidImage

_START = re.compile(rb"(?:<\?xml[^>]{0,200}\?>\s{0,200})?(?:<!--[^>]{0,2000}-->\s{0,200}){0,4}<svg[\s>]")
_BYTES = 4_000_000  # a logo has some thousand; resvg's tree takes some thirty times as much
_TAGS = 50_000
_ROOT_BYTES = 4_000  # of the opening tag
_VIEW_BOX = re.compile(r"viewBox=[\"']([-+.\deE\s,]{1,200})[\"']")
_WIDTH, _HEIGHT = (re.compile(rf"\s{name}=[\"']([.\d]{{1,20}})(?:px)?[\"']") for name in ("width", "height"))
_MOST_STRETCHED = 4.0  # of the longer side by the shorter one
# Parts that a drawing which is complete in itself has none of; without fonts its text would be missing.
_FOREIGN = re.compile(
    r"<!DOCTYPE|<!ENTITY|<script|<foreignObject|<image|<feImage|<text|@import|href=[\"'](?!#)|url\([\"']?(?![\"']?#)",
    re.IGNORECASE,
)
DAMAGED = "The drawing is damaged: it is no SVG that can be drawn."
TOO_LARGE = "The drawing is too large: it has too many parts."
FOREIGN = "The drawing is not complete in itself: it has text, pictures, scripts or links."
NO_SIZE = "The drawing does not say a size, or it is too long for its width."


def is_svg(data: bytes) -> bool:
    """Return whether the bytes begin like an SVG drawing."""
    return _START.match(data[:8_000].removeprefix(b"\xef\xbb\xbf").lstrip()) is not None


def rasterize(data: bytes, side: int) -> bytes:
    """Draw an SVG as a PNG whose longer side has `side` pixels.

    Raises:
        InvalidImage: it is no drawing that is complete in itself, or too large.
    """
    import resvg_py  # in processes whose settings accept drawings only

    text = _readable(data)
    width, height = _sides(text)
    wide, high = (side, None) if width >= height else (None, side)
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, width=wide, height=high))
    except ValueError:
        raise InvalidImage(DAMAGED) from None


def _readable(data: bytes) -> str:
    """Decode the drawing and refuse one that is not complete in itself."""
    if len(data) > _BYTES or data.count(b"<") > _TAGS:
        raise InvalidImage(TOO_LARGE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidImage(DAMAGED) from None
    if _FOREIGN.search(text):
        raise InvalidImage(FOREIGN)
    return text


def _sides(text: str) -> tuple[float, float]:
    """Return width and height in the drawing's own units; refuse one that is stretched or endless."""
    start = text.find("<svg")
    root = text[start : start + _ROOT_BYTES].partition(">")[0]
    box, *sides = (pattern.search(root) for pattern in (_VIEW_BOX, _WIDTH, _HEIGHT))
    given = re.split(r"[\s,]+", box[1].strip())[2:] if box else [side[1] for side in sides if side]
    try:
        width, height = map(float, given)
    except ValueError:
        raise InvalidImage(NO_SIZE) from None
    if not (0 < width < 1e6 and 0 < height < 1e6 and max(width, height) <= _MOST_STRETCHED * min(width, height)):
        raise InvalidImage(NO_SIZE)
    return width, height
