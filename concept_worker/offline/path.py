"""Vector paths for the drawn logos: outlines as closed polygons, made from splines, arcs and strokes.

Every shape is flattened to points when it is made, so that moving, turning, mirroring and rounding are plain
arithmetic. Motifs are drawn in a box of 100 x 100 units, y down. An outline's notation is a list of "x,y" points: the
spline passes smoothly through each point, and turns sharply at points marked "!".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

Point = tuple[float, float]
Polygon = tuple[Point, ...]

_STEPS = 14  # chords per spline segment: at 40 px a unit the error stays below a quarter of a final pixel


@dataclass(frozen=True)
class Affine:
    """An affine map: x' = a x + b y + c, y' = d x + e y + f."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    def __call__(self, polygon: Polygon) -> Polygon:
        return tuple((self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f) for x, y in polygon)


def placed(center: Point, scale: float, turn: float = 0.0, flip: bool = False, about: Point = (50, 50)) -> Affine:
    """Return the map that brings `about` to `center`, scales, turns clockwise by `turn` degrees, mirrors if `flip`."""
    cos, sin = math.cos(math.radians(turn)) * scale, math.sin(math.radians(turn)) * scale
    side = -1.0 if flip else 1.0
    a, b, d, e = cos * side, -sin, sin * side, cos
    return Affine(a, b, center[0] - a * about[0] - b * about[1], d, e, center[1] - d * about[0] - e * about[1])


def bounds(polygons: Iterable[Polygon]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of all points."""
    points = [point for polygon in polygons for point in polygon]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def mirror(polygon: Polygon, axis: float = 50.0) -> Polygon:
    """Reflect the outline at the vertical line x = `axis`."""
    return tuple((2 * axis - x, y) for x, y in polygon)


def pair(polygon: Polygon, axis: float = 50.0) -> tuple[Polygon, Polygon]:
    """Return the outline and its mirror image: two ears, two eyes."""
    return polygon, mirror(polygon, axis)


def _parse(notation: str) -> list[tuple[Point, bool]]:
    nodes = []
    for token in notation.split():
        x, y = token.rstrip("!").split(",")
        nodes.append(((float(x), float(y)), token.endswith("!")))
    return nodes


@cache
def outline(notation: str) -> Polygon:
    """Make a closed outline from the module's notation."""
    return _spline(_parse(notation), closed=True)


@cache
def line(notation: str) -> Polygon:
    """Make an open line from the module's notation, for `stroke` and `brush`."""
    return _spline(_parse(notation), closed=False)


@cache
def symmetric(notation: str, axis: float = 50.0) -> Polygon:
    """Make a closed outline from its left half, given from top to bottom."""
    half = _parse(notation)
    other = [((2 * axis - x, y), sharp) for (x, y), sharp in reversed(half) if abs(x - axis) > 1e-6]
    return _spline(half + other, closed=True)


def _spline(nodes: Sequence[tuple[Point, bool]], *, closed: bool) -> Polygon:
    """Draw Catmull-Rom through the nodes as cubic Bézier segments, tangents cut at sharp nodes and at open ends."""
    count = len(nodes)
    points: list[Point] = []
    for i in range(count if closed else count - 1):
        (p1, sharp1), (p2, sharp2) = nodes[i], nodes[(i + 1) % count]
        if sharp1 and sharp2:
            points.append(p1)
            continue
        before = None if sharp1 or (not closed and i == 0) else nodes[i - 1][0]
        after = None if sharp2 or (not closed and i == count - 2) else nodes[(i + 2) % count][0]
        points += _bezier(p1, _handle(before, p1, p2), _handle(after, p2, p1), p2)
    if not closed:
        points.append(nodes[-1][0])
    return tuple(points)


def _handle(before: Point | None, here: Point, there: Point) -> Point:
    """Return the control point beside `here` on the way to `there`; its tangent is parallel to before-there."""
    if before is None:
        return (here[0] + (there[0] - here[0]) / 3, here[1] + (there[1] - here[1]) / 3)
    length, reach = math.dist(before, there) or 1.0, math.dist(here, there) / 3
    return (here[0] + (there[0] - before[0]) / length * reach, here[1] + (there[1] - before[1]) / length * reach)


def _bezier(p0: Point, p1: Point, p2: Point, p3: Point) -> list[Point]:
    """Return the points of a cubic Bézier curve, without the last."""
    points = []
    for step in range(_STEPS):
        t = step / _STEPS
        u = 1 - t
        w0, w1, w2, w3 = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
        points.append(
            (
                w0 * p0[0] + w1 * p1[0] + w2 * p2[0] + w3 * p3[0],
                w0 * p0[1] + w1 * p1[1] + w2 * p2[1] + w3 * p3[1],
            )
        )
    return points


def polar(center: Point, radius: float, angle: float) -> Point:
    """Return the point at `angle` degrees, clockwise from the top."""
    turn = math.radians(angle)
    return (center[0] + radius * math.sin(turn), center[1] - radius * math.cos(turn))


def arc(center: Point, radius: float, start: float, end: float) -> Polygon:
    """Return points along a circle from `start` to `end` degrees, clockwise from the top."""
    steps = max(2, round(abs(end - start) / 3))
    return tuple(polar(center, radius, start + (end - start) * i / steps) for i in range(steps + 1))


def circle(x: float, y: float, radius: float) -> Polygon:
    """Make a disc."""
    return arc((x, y), radius, 0, 360)[:-1]


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Polygon:
    """Make an ellipse, turned clockwise by `turn` degrees about its centre."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    unit = circle(0, 0, 1)
    return tuple((x + u * rx * cos - v * ry * sin, y + u * rx * sin + v * ry * cos) for u, v in unit)


def ring(x: float, y: float, outer: float, inner: float) -> Polygon:
    """Make a ring as one outline: out along the rim, back along the hole."""
    return arc((x, y), outer, 0, 360) + arc((x, y), inner, 360, 0)


def sector(x: float, y: float, outer: float, inner: float, start: float, end: float) -> Polygon:
    """Make a piece of a ring (of a disc when `inner` is 0) between two angles."""
    return arc((x, y), outer, start, end) + (arc((x, y), inner, end, start) if inner else ((x, y),))


def crescent(x: float, y: float, radius: float, bite: float, shift: float, turn: float = 0.0) -> Polygon:
    """Cut a disc of radius `bite`, centred `shift` away at `turn` degrees, out of a disc; both tips are on the rim."""
    cos_tip = (radius**2 + shift**2 - bite**2) / (2 * radius * shift)
    tip = math.degrees(math.acos(max(-1.0, min(1.0, cos_tip))))
    hollow = polar((x, y), shift, turn)
    near = polar((x, y), radius, turn + tip)
    reach = math.degrees(math.atan2(near[0] - hollow[0], hollow[1] - near[1]))
    back = (reach - turn) % 360
    return arc((x, y), radius, turn + tip, turn + 360 - tip) + arc(hollow, bite, turn + 360 - back, turn + back)


def rect(x: float, y: float, width: float, height: float, radius: float = 0.0) -> Polygon:
    """Make a rectangle with its top left corner at (x, y)."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return rounded(corners, radius) if radius else corners


def regular(x: float, y: float, radius: float, sides: int, turn: float = 0.0) -> Polygon:
    """Make a regular polygon, with a corner at the top when `turn` is 0."""
    return tuple(polar((x, y), radius, turn + 360 * i / sides) for i in range(sides))


def star(x: float, y: float, outer: float, inner: float, points: int, turn: float = 0.0) -> Polygon:
    """Make a star, with a point at the top when `turn` is 0."""
    radii = (outer, inner)
    return tuple(polar((x, y), radii[i % 2], turn + 180 * i / points) for i in range(2 * points))


def polygon(notation: str, radius: float = 0.0) -> Polygon:
    """Make a polygon of straight edges between "x,y" points, with corners rounded by `radius`."""
    corners = tuple(point for point, _ in _parse(notation))
    return rounded(corners, radius) if radius else corners


def rounded(corners: Polygon, radius: float) -> Polygon:
    """Replace each corner by an arc-like curve that starts `radius` before the corner and ends `radius` after it."""
    points: list[Point] = []
    for i, here in enumerate(corners):
        before, after = corners[i - 1], corners[(i + 1) % len(corners)]
        start, end = _toward(here, before, radius), _toward(here, after, radius)
        for step in range(9):
            t = step / 8
            # A quadratic Bézier with weight: between a chamfer and the corner itself, close to a circle's arc.
            u, w = 1 - t, 1.4 * t * (1 - t)
            total = u * u + w + t * t
            points.append(
                (
                    (u * u * start[0] + w * here[0] + t * t * end[0]) / total,
                    (u * u * start[1] + w * here[1] + t * t * end[1]) / total,
                )
            )
    return tuple(points)


def _toward(here: Point, there: Point, distance: float) -> Point:
    length = math.dist(here, there) or 1.0
    part = min(distance, length / 2) / length
    return (here[0] + (there[0] - here[0]) * part, here[1] + (there[1] - here[1]) * part)


def stroke(points: Polygon, width: float, *, round_caps: bool = True) -> tuple[Polygon, ...]:
    """Make a line of even width, as the pieces that cover it."""
    return brush(points, lambda _: width, round_caps=round_caps)


def brush(points: Polygon, width: Callable[[float], float], *, round_caps: bool = True) -> tuple[Polygon, ...]:
    """Make a line whose width is a function of the way along it (0..1), as the pieces that cover it."""
    lengths = [0.0]
    for one, other in pairwise(points):
        lengths.append(lengths[-1] + math.dist(one, other))
    whole = lengths[-1] or 1.0
    halves = [max(0.01, width(length / whole) / 2) for length in lengths]
    pieces: list[Polygon] = []
    for i in range(len(points) - 1):
        quad = _segment(points[i], points[i + 1], halves[i], halves[i + 1])
        if quad:
            pieces.append(quad)
    inner = range(len(points)) if round_caps else range(1, len(points) - 1)
    pieces += [circle(*points[i], halves[i]) for i in inner]
    return tuple(pieces)


def _segment(one: Point, other: Point, half_one: float, half_other: float) -> Polygon | None:
    length = math.dist(one, other)
    if length < 1e-9:
        return None
    nx, ny = (one[1] - other[1]) / length, (other[0] - one[0]) / length
    return (
        (one[0] + nx * half_one, one[1] + ny * half_one),
        (other[0] + nx * half_other, other[1] + ny * half_other),
        (other[0] - nx * half_other, other[1] - ny * half_other),
        (one[0] - nx * half_one, one[1] - ny * half_one),
    )
