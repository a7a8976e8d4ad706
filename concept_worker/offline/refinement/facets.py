"""Flat areas with straight edges: borders between areas are traced, simplified once for both sides, and filled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from concept_worker.offline.raster import OVERSAMPLING

Labels = NDArray[np.uint8]  # for each pixel the number of its area
Vertex = tuple[int, int]  # a corner between pixels


def faceted(
    labels: Labels, colors: Sequence[tuple[int, int, int]], size: tuple[int, int], tolerance: float
) -> Image.Image:
    """Draw the areas of `labels` as polygons on a picture of `size`; `tolerance` is in pixels of `labels`."""
    width, height = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
    canvas = Image.new("RGB", (width, height), colors[0])
    pen = ImageDraw.Draw(canvas)
    across, down = width / labels.shape[1], height / labels.shape[0]
    meetings = _meetings(labels)
    loops = [(loop, number) for number in range(len(colors)) for loop in _loops(labels == number)]
    # Larger areas first: an area inside another one is drawn over it.
    loops.sort(key=lambda entry: -_area(entry[0]))
    for loop, number in loops:
        corners = _simplified(loop, meetings, tolerance)
        if len(corners) >= 3:
            pen.polygon([(x * across, y * down) for x, y in corners], fill=colors[number])
    return canvas.reduce(OVERSAMPLING)


def _meetings(labels: Labels) -> set[Vertex]:
    """Find corners where three or more areas meet, or two cross: no simplified border may move these corners."""
    padded = np.pad(labels.astype(np.int16), 1, constant_values=-1)
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    borders = (a != b).astype(np.int8) + (b != d) + (d != c) + (c != a)
    ys, xs = np.nonzero(borders > 2)
    return set(zip(xs.tolist(), ys.tolist(), strict=True))


def _loops(mask: NDArray[np.bool_]) -> list[list[Vertex]]:
    """Trace the closed borders of a mask along the corners of its pixels, with the mask on the right."""
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1]
    sides = (
        (inner & ~padded[:-2, 1:-1], (0, 0), (1, 0)),
        (inner & ~padded[1:-1, 2:], (1, 0), (1, 1)),
        (inner & ~padded[2:, 1:-1], (1, 1), (0, 1)),
        (inner & ~padded[1:-1, :-2], (0, 1), (0, 0)),
    )
    following: dict[Vertex, list[Vertex]] = {}
    for border, start, end in sides:
        ys, xs = np.nonzero(border)
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            following.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1]))
    loops = []
    while following:
        first = here = min(following)
        loop = []
        while True:
            loop.append(here)
            ways = following[here]
            there = ways.pop()
            if not ways:
                del following[here]
            here = there
            if here == first:
                break
        loops.append(loop)
    return loops


def _area(loop: list[Vertex]) -> float:
    points = np.array(loop, np.float64)
    following = np.roll(points, -1, axis=0)
    return abs(float((points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum())) / 2


def _simplified(loop: list[Vertex], meetings: set[Vertex], tolerance: float) -> list[Vertex]:
    """Reduce the corners of a loop; each stretch between meetings gives the same result from both sides."""
    fixed = [i for i, vertex in enumerate(loop) if vertex in meetings]
    if not fixed:
        start = loop.index(min(loop))
        ring = loop[start:] + loop[:start]
        far = max(
            range(len(ring)), key=lambda i: ((ring[i][0] - ring[0][0]) ** 2 + (ring[i][1] - ring[0][1]) ** 2, ring[i])
        )
        stretches = [ring[: far + 1], [*ring[far:], ring[0]]]
    else:
        turned = loop[fixed[0] :] + loop[: fixed[0] + 1]
        cuts = [i for i, vertex in enumerate(turned) if vertex in meetings]
        stretches = [turned[i : j + 1] for i, j in pairwise(cuts)]
    corners: list[Vertex] = []
    for stretch in stretches:
        backward = stretch[0] > stretch[-1]
        kept = _straightened(stretch[::-1] if backward else stretch, tolerance)
        corners += (kept[::-1] if backward else kept)[:-1]
    return corners


def _straightened(points: list[Vertex], tolerance: float) -> list[Vertex]:
    """Drop points by Ramer, Douglas and Peucker (1972): no dropped point lies further than `tolerance` off."""
    array = np.array(points, np.float64)
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        chord = array[last] - array[first]
        offsets = array[first + 1 : last] - array[first]
        length = float(np.hypot(*chord))
        distances = (
            np.abs(offsets[:, 0] * chord[1] - offsets[:, 1] * chord[0]) / length if length else np.hypot(*offsets.T)
        )
        worst = int(np.argmax(distances))
        if distances[worst] > tolerance:
            middle = first + 1 + worst
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    return [points[i] for i in sorted(kept)]
