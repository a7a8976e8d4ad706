"""New places for a picture's mark: size, position, angle, mirror; borders, and frames round it."""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw

from concept_worker.offline.frames import shape_of, shrunk
from concept_worker.offline.path import Polygon
from concept_worker.offline.raster import OVERSAMPLING
from concept_worker.offline.reading import Frame
from concept_worker.offline.refinement.colors import Flat, leading
from concept_worker.offline.refinement.wishes import Change

_FRAMES = {
    Change.RING: Frame.RING,
    Change.SHIELD: Frame.SHIELD,
    Change.HEXAGON: Frame.HEXAGON,
    Change.SQUARE: Frame.SQUARE,
    Change.CIRCLE: Frame.CIRCLE,
}
_STEPS = {Change.LEFT: (-0.12, 0.0), Change.RIGHT: (0.12, 0.0), Change.UP: (0.0, -0.12), Change.DOWN: (0.0, 0.12)}
LAYOUTS = (
    Change.FLIP,
    Change.UPSIDE_DOWN,
    Change.TURN,
    Change.TILT,
    Change.CENTERED,
    *_STEPS,
    Change.BIGGER,
    Change.SMALLER,
)
FRAMES = (*_FRAMES, Change.BORDER)  # of several only the first is drawn


def rearrange(picture: Image.Image, ground: Flat, change: Change) -> Image.Image:
    """Move, scale, turn or mirror the mark on the same ground."""
    if change is Change.FLIP:
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if change is Change.UPSIDE_DOWN:
        return picture.transpose(Image.Transpose.ROTATE_180)
    box = _mark_box(picture, ground.rgb)
    if change in (Change.TILT, Change.TURN):
        return picture.rotate(
            -12 if change is Change.TILT else -90, Image.Resampling.BICUBIC, center=_middle(box), fillcolor=ground.rgb
        )
    if change in _STEPS:
        return _transformed(picture, ground, box, 1.0, _step(picture, box, change))
    middle = (picture.width / 2, picture.height / 2)
    if change is Change.CENTERED:
        return _transformed(picture, ground, box, 1.0, middle)
    extent = max((box[2] - box[0]) / picture.width, (box[3] - box[1]) / picture.height)
    factor = max(1.08, min(1.3, 0.96 / extent)) if change is Change.BIGGER else 0.74
    return _transformed(picture, ground, box, factor, middle)


def _step(picture: Image.Image, box: tuple[int, int, int, int], change: Change) -> tuple[float, float]:
    """Return the new middle of the mark: a step aside, but not over the edge, unless it is over the edge already."""
    (x, y), (dx, dy) = _middle(box), _STEPS[change]
    x, y = x + dx * picture.width, y + dy * picture.height
    half_width, half_height = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    x = min(max(x, min(half_width, picture.width / 2)), max(picture.width - half_width, picture.width / 2))
    y = min(max(y, min(half_height, picture.height / 2)), max(picture.height - half_height, picture.height / 2))
    return x, y


def _mark_box(picture: Image.Image, ground: tuple[int, int, int]) -> tuple[int, int, int, int]:
    plain = Image.new("RGB", picture.size, ground)
    marks = ImageChops.difference(picture, plain).convert("L").point(lambda value: 255 if value > 10 else 0)
    return marks.getbbox() or (0, 0, *picture.size)


def _middle(box: tuple[int, int, int, int]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _transformed(
    picture: Image.Image, ground: Flat, box: tuple[int, int, int, int], factor: float, to: tuple[float, float]
) -> Image.Image:
    """Scale the picture by `factor` and bring the mark's middle to `to`."""
    x, y = _middle(box)
    matrix = (1 / factor, 0.0, x - to[0] / factor, 0.0, 1 / factor, y - to[1] / factor)
    return picture.transform(
        picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=ground.rgb
    )


def enframe_picture(picture: Image.Image, flats: list[Flat], change: Change) -> Image.Image:
    """Draw a border along the rim, or a badge round the mark, in the colour of the largest mark."""
    ground = flats[0]
    inks = [flat.rgb for flat in leading(flats)]
    ink = inks[0]
    if change is Change.BORDER:
        side = min(picture.size)
        return _with_bands(picture, _rim(picture.size, side * 0.035), _rim(picture.size, side * 0.055), ink, picture)
    frame = _FRAMES[change]
    box = _mark_box(picture, ground.rgb)
    room = 0.70 if frame is not Frame.SHIELD else 0.62
    reach = math.hypot(box[2] - box[0], box[3] - box[1]) / 2 / min(picture.size)
    factor = min(1.0, room / max(2 * reach, 1e-6))
    x, y = picture.width / 2, picture.height * (0.48 if frame is Frame.SHIELD else 0.5)
    smaller = _transformed(picture, ground, box, factor, (x, y))
    shape = shape_of(frame)
    outer = _scaled(shrunk(shape, 0.92), picture.size)
    inner = _scaled(shrunk(shape, 0.92 * (0.94 if frame is Frame.RING else 0.9)), picture.size)
    framed = _with_bands(smaller, outer, inner, ink, smaller)
    if frame is not Frame.RING:
        return framed
    second = inks[1] if len(inks) > 1 else ink
    outer, inner = (_scaled(shrunk(shape, 0.92 * part), picture.size) for part in (0.89, 0.865))
    return _with_bands(framed, outer, inner, second, smaller)


def _rim(size: tuple[int, int], inset: float) -> Polygon:
    return ((inset, inset), (size[0] - inset, inset), (size[0] - inset, size[1] - inset), (inset, size[1] - inset))


def _scaled(shape: Polygon, size: tuple[int, int]) -> Polygon:
    side = min(size)
    return tuple((size[0] / 2 + (x - 50) / 100 * side, size[1] / 2 + (y - 50) / 100 * side) for x, y in shape)


def _with_bands(
    picture: Image.Image, outer: Polygon, inner: Polygon, ink: tuple[int, ...], content: Image.Image
) -> Image.Image:
    """Draw a band of `ink` between two outlines, and `content` within the inner outline."""
    framed = picture.copy()
    framed.paste(ink, (0, 0), _mask(outer, picture.size))
    framed.paste(content, (0, 0), _mask(inner, picture.size))
    return framed


def _mask(shape: Polygon, size: tuple[int, int]) -> Image.Image:
    large = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), 0)
    points = [(x * OVERSAMPLING - 0.5, y * OVERSAMPLING - 0.5) for x, y in shape]
    ImageDraw.Draw(large).polygon(points, fill=255)
    return large.reduce(OVERSAMPLING)
