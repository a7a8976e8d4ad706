"""The pixels of a drawing: flat inks with smooth edges, drawn four times as large and reduced."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw

from concept_worker.offline.drawing import Drawing, Ink, Layer
from concept_worker.offline.lettering import letter
from concept_worker.offline.path import Polygon, bounds

OVERSAMPLING = 4
_UNITS = 100.0  # a drawing fills a box of 100 x 100 units

Color = tuple[int, int, int]
Pixels = list[tuple[float, float]]


@dataclass(frozen=True)
class Caption:
    """A line of capitals below the mark; lengths in hundredths of the picture."""

    text: str
    middle: float
    height: float
    width: float
    ink: Ink


def rasterize(drawing: Drawing, colors: Sequence[Color], size: int, caption: Caption | None = None) -> bytes:
    """Draw as PNG bytes of `size` x `size` RGB pixels; `colors` are indexed by `Ink`."""
    canvas = Image.new("RGB", (size * OVERSAMPLING,) * 2, colors[Ink.GROUND])
    pen = ImageDraw.Draw(canvas)
    scale = canvas.width / _UNITS
    for layer in drawing.layers:
        if layer.holes or layer.clip:
            _paste(canvas, layer, colors[layer.ink], scale)
        else:
            _fill(pen, layer, colors[layer.ink], scale, (0, 0))
    if caption:
        lengths = (caption.middle * scale, caption.height * scale, caption.width * scale)
        letter(canvas, caption.text, *lengths, colors[caption.ink])
    return encode_png(canvas.reduce(OVERSAMPLING))


def encode_png(picture: Image.Image) -> bytes:
    """Encode as PNG bytes without metadata; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _pixels(polygon: Polygon, scale: float, origin: tuple[int, int]) -> Pixels:
    # Shift by half a pixel: Pillow's pixel (0, 0) has its centre there, and Pillow's polygons include their edges.
    return [(x * scale - origin[0] - 0.5, y * scale - origin[1] - 0.5) for x, y in polygon]


def _fill(
    pen: ImageDraw.ImageDraw, layer: Layer, color: int | tuple[int, int, int], scale: float, origin: tuple[int, int]
) -> None:
    width = round(2 * layer.keyline * scale)
    for shape in layer.shapes:
        points = _pixels(shape, scale, origin)
        pen.polygon(points, fill=color)
        if width > 1:
            _rim(pen, points, color, width)


def _rim(pen: ImageDraw.ImageDraw, points: Pixels, color: int | Color, width: int) -> None:
    """Draw a line along a closed outline with a disc at each joint: Pillow's own joints leave gaps on tight curves."""
    half = width / 2
    for one, other in pairwise([*points, points[0]]):
        pen.line((one, other), fill=color, width=width)
        pen.ellipse((other[0] - half, other[1] - half, other[0] + half, other[1] + half), fill=color)


def _paste(canvas: Image.Image, layer: Layer, color: Color, scale: float) -> None:
    """Paste the ink through a mask of the layer's box: `shapes` less `holes`, within `clip`."""
    box = _pixel_box(layer, scale, canvas.size)
    if box is None:
        return
    origin, size = box[:2], (box[2] - box[0], box[3] - box[1])
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    _fill(pen, layer, 255, scale, origin)
    for hole in layer.holes:
        pen.polygon(_pixels(hole, scale, origin), fill=0)
    if layer.clip:
        inside = Image.new("L", size, 0)
        for shape in layer.clip:
            ImageDraw.Draw(inside).polygon(_pixels(shape, scale, origin), fill=255)
        mask = ImageChops.darker(mask, inside)
    canvas.paste(color, box, mask)


def _pixel_box(layer: Layer, scale: float, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    rim = layer.keyline + 1
    left, top, right, bottom = bounds(layer.shapes)
    box = max(0, int((left - rim) * scale)), max(0, int((top - rim) * scale))
    end = min(size[0], int((right + rim) * scale)), min(size[1], int((bottom + rim) * scale))
    return (*box, *end) if end[0] > box[0] and end[1] > box[1] else None
