"""What encloses a mark: discs, rings, shields, hexagons and tiles, filled, pale or as a line."""

from __future__ import annotations

from concept_worker.services.offline.drawing import INVERTED, Dice, Drawing, Ink, draw, fill
from concept_worker.services.offline.path import Polygon, circle, outline, placed, regular, rounded
from concept_worker.services.offline.reading import Frame

_ON_PALE = {Ink.HIGHLIGHT: Ink.GROUND}
# Where the mark goes inside a frame of 100 x 100 units: middle, half width.
_ROOM = {
    Frame.CIRCLE: ((50.0, 50.0), 30.0),
    Frame.RING: ((50.0, 50.0), 28.0),
    Frame.SHIELD: ((50.0, 46.0), 27.0),
    Frame.HEXAGON: ((50.0, 50.0), 28.0),
    Frame.SQUARE: ((50.0, 50.0), 31.0),
}


def shape_of(frame: Frame) -> Polygon:
    """The frame's outline in a box of 100 x 100 units."""
    if frame is Frame.SHIELD:
        return outline("50,3! 62,9 77,12 91,11! 92,40 88,62 73,83 50,98! 27,83 12,62 8,40 9,11! 23,12 38,9")
    if frame is Frame.HEXAGON:
        return rounded(regular(50, 50, 50, 6), 9)
    if frame is Frame.SQUARE:
        return rounded(((5, 5), (95, 5), (95, 95), (5, 95)), 26)
    return circle(50, 50, 47)


def shrunk(shape: Polygon, factor: float) -> Polygon:
    """The outline, smaller about its middle."""
    return placed((50, 50), factor)(shape)


def enframe(mark: Drawing, frame: Frame, dice: Dice) -> Drawing:
    """The mark inside the frame, its inks chosen so that it stands out there; fills a box of 100 x 100 units."""
    if frame is Frame.NONE:
        return mark
    shape = shape_of(frame)
    (x, y), half = _ROOM[frame]
    inner = mark.fit(x - half, y - half, x + half, y + half)
    style = "double" if frame is Frame.RING else dice.pick("frame style", ("solid", "pale", "solid", "lined"))
    if style == "solid":
        return draw(fill(Ink.PRIMARY, shape), inner.inked(INVERTED))
    if style == "pale":
        return draw(fill(Ink.HIGHLIGHT, shape), inner.inked(_ON_PALE))
    if style == "lined":
        return draw(fill(Ink.PRIMARY, shape), fill(Ink.GROUND, shrunk(shape, 0.91)), inner)
    band = (fill(Ink.PRIMARY, shape), fill(Ink.GROUND, shrunk(shape, 0.94)), fill(Ink.SECONDARY, shrunk(shape, 0.89)))
    return draw(*band, fill(Ink.GROUND, shrunk(shape, 0.86)), inner)
