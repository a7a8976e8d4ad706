"""Frames round a mark: discs, rings, shields, hexagons and tiles, filled, pale or as a line."""

from __future__ import annotations

import math

from concept_worker.offline.drawing import INVERTED, Dice, Drawing, Ink, draw, fill
from concept_worker.offline.path import Point, Polygon, circle, outline, placed, regular, rounded
from concept_worker.offline.reading import Frame

STYLES = ("solid", "pale", "solid", "lined")
_ON_PALE = {Ink.HIGHLIGHT: Ink.GROUND}
# The mark's place inside a frame of 100 x 100 units: middle, and radius of the disc that it may fill.
_ROOM = {
    Frame.CIRCLE: ((50.0, 50.0), 39.0),
    Frame.RING: ((50.0, 50.0), 37.0),
    Frame.SHIELD: ((50.0, 47.0), 36.0),
    Frame.HEXAGON: ((50.0, 50.0), 38.5),
    Frame.SQUARE: ((50.0, 50.0), 41.0),
}


def shape_of(frame: Frame) -> Polygon:
    """Return the frame's outline in a box of 100 x 100 units."""
    if frame is Frame.SHIELD:
        return outline(
            "50,4! 64,11 78,13 91,12! 92,30 91,48 86,64 72,82 50,97! 28,82 14,64 9,48 8,30 9,12! 22,13 36,11"
        )
    if frame is Frame.HEXAGON:
        return rounded(regular(50, 50, 50, 6), 9)
    if frame is Frame.SQUARE:
        return rounded(((5, 5), (95, 5), (95, 95), (5, 95)), 26)
    return circle(50, 50, 47)


def shrunk(shape: Polygon, factor: float) -> Polygon:
    """Shrink the outline about its middle."""
    return placed((50, 50), factor)(shape)


def _fit_disc(mark: Drawing, middle: Point, radius: float) -> Drawing:
    """Make the mark as large as fits with every point inside a disc."""
    x0, y0, x1, y1 = mark.box
    center = (x0 + x1) / 2, (y0 + y1) / 2
    reach = max(math.dist(center, point) for layer in mark.layers for shape in layer.shapes for point in shape)
    return mark.place(middle, radius / max(reach, 1e-6), about=center)


def enframe(mark: Drawing, frame: Frame, dice: Dice, styles: tuple[str, ...] = STYLES) -> Drawing:
    """Put the mark inside the frame, with inks that stand out there; the result fills a box of 100 x 100 units."""
    if frame is Frame.NONE:
        return mark
    shape = shape_of(frame)
    inner = _fit_disc(mark, *_ROOM[frame])
    style = "double" if frame is Frame.RING else dice.pick("frame style", styles)
    if style == "solid":
        return draw(fill(Ink.PRIMARY, shape), inner.inked(INVERTED))
    if style == "pale":
        return draw(fill(Ink.HIGHLIGHT, shape), inner.inked(_ON_PALE))
    if style == "lined":
        return draw(fill(Ink.PRIMARY, shape), fill(Ink.GROUND, shrunk(shape, 0.91)), inner)
    band = (fill(Ink.PRIMARY, shape), fill(Ink.GROUND, shrunk(shape, 0.94)), fill(Ink.SECONDARY, shrunk(shape, 0.89)))
    return draw(*band, fill(Ink.GROUND, shrunk(shape, 0.86)), inner)
