"""The choice of a palette colour for each ink: the ground by its role, the marks in order of their lightness.

All ways to give the marks colours without breaking that order are listed (a few hundred). The way with the least cost
is taken; an unreadable drawing costs most.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.colors import Floats, contrast, lightness, luminance, oklab
from concept_worker.imaging.recolor.inks import Inks
from concept_worker.imaging.recolor.layout import Layout

PRIMARY, BACKGROUND = 0, 3  # positions in a palette, by `PALETTE_ROLES`
CONTRAST_MIN = 3.0  # WCAG 2.2, 1.4.11: graphical objects against what is next to them
# A mark below the first contrast was never meant to stand out (a pale belly, a tint of the ground); from the second
# contrast on it fully was. Marks keep the contrast that they had; they need not gain one.
_CONTRAST_FAINT, _CONTRAST_MEANT = 1.5, 2.5
# Costs, in order of importance: a mark that cannot be read; marks that touch and melt into one; the strength of edges
# relative to each other; areas and roles.
_UNREADABLE = 8.0
_BELOW = 0.1  # ... and for being below the minimum at all, because the minimum is a rule, not a matter of degree
_UNREADABLE_ON_MARK = 1.0  # without a ground the rule is only a wish: we do not choose what lies behind the picture
_MELTED = 3.0
_SHAPE = 4.0
_ROLE = 0.4
_UNUSED = 0.15
# Distance (OKLab) between touching marks below which they begin to melt.
_DISTINCT = 0.15
# The part of a mark's outline on the ground from which its contrast to the ground counts fully.
_ON_GROUND = 0.25


@dataclass(frozen=True)
class Marks:
    """The facts of a drawing that decide its colours, for every palette. The anchor is the ground or the biggest ink.

    Edges are between any two of the anchor (0) and the marks (1..), by `first` and `second`.
    """

    inks: Inks
    anchor: int
    order: NDArray[np.intp]  # the marks as inks, dark to light
    shadows: tuple[tuple[int, float], ...]  # faint inks and their lightness
    bright_ground: bool
    above_ground: float  # mean lightness of the marks, less the anchor's
    on_ground: Floats  # 0..1, how much the contrast to the anchor counts for each mark
    weights: Floats  # root of each mark's part of the marked area
    ranks: NDArray[np.intp]  # by area, the biggest 0
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    length: Floats  # pixels of each edge
    melting: Floats  # how much of a mark is lost when the edge is lost
    apart: Floats  # distance between the colours of each edge, at most `_DISTINCT`
    steps: Floats  # difference of lightness across each edge


def read_marks(inks: Inks, layout: Layout) -> Marks:
    """Sort a drawing's inks into the anchor and the marks, and measure their edges."""
    source, bright = lightness(inks.levels), luminance(inks.levels)
    anchor = 0 if inks.has_ground else int(np.argmax(layout.areas * ~layout.faint))
    marks = [index for index in range(len(inks)) if index != anchor and not layout.faint[index]]
    order = np.array(sorted(marks, key=lambda index: (source[index], index)), np.intp)
    ratios = np.array([contrast(float(bright[mark]), float(bright[anchor])) for mark in order])
    outline = layout.contacts[order]
    on_ground = np.minimum(outline[:, anchor] / np.maximum(outline.sum(1), 1.0) / _ON_GROUND, 1)
    areas = layout.areas[order]
    members = np.concatenate([[anchor], order]).astype(np.intp)
    first, second = np.triu_indices(len(members), 1)
    contacts = layout.contacts[np.ix_(members, members)]
    total = np.maximum(contacts.sum(1), 1.0)
    length = contacts[first, second]
    return Marks(
        inks=inks,
        anchor=anchor,
        order=order,
        shadows=tuple((int(index), float(source[index])) for index in np.flatnonzero(layout.faint)),
        bright_ground=bool(source[anchor] >= 50),
        above_ground=float(source[order].mean() - source[anchor]) if len(order) else 0.0,
        on_ground=on_ground * np.clip((ratios - _CONTRAST_FAINT) / (_CONTRAST_MEANT - _CONTRAST_FAINT), 0, 1),
        weights=np.sqrt(areas / max(float(areas.sum()), 1e-9)),
        ranks=np.argsort(np.argsort(-areas, kind="stable"), kind="stable"),
        first=first,
        second=second,
        length=length,
        melting=np.sqrt(length / np.minimum(total[first], total[second])),
        apart=np.minimum(_distances(inks.levels[members])[first, second], _DISTINCT),
        steps=np.abs(source[members][first] - source[members][second]),
    )


def match_roles(marks: Marks, palette: Floats) -> Floats:
    """Return the target levels (n, 3) of each ink for a palette (m, 3), m at least 1.

    The ground takes the background colour; of fewer than four colours a bright ground takes the lightest, a dark one
    the darkest. Without a ground the biggest ink takes the primary. The others keep their order of lightness, reversed
    when light and dark change places. Shadows take a colour that is like a shadow.
    """
    goal = lightness(palette)
    anchor = _anchor_color(marks, goal)
    target = np.tile(palette[anchor], (len(marks.inks), 1))
    for index, light in marks.shadows:
        target[index] = palette[_shadow_color(palette, light)]
    ladder = sorted(_distinct(palette, palette[anchor]), key=lambda place: (goal[place], place))
    if not len(marks.order) or not ladder:
        return target
    if marks.above_ground * (goal[ladder].mean() - goal[anchor]) < 0:
        ladder.reverse()
    ways = _ascents(len(marks.order), len(ladder))
    cost = _mark_costs(marks, palette, anchor, ladder)[np.arange(len(marks.order)), ways].sum(1)
    cost += _edge_costs(marks, palette[[anchor, *ladder]], ways)
    cost -= _UNUSED * (1 + (np.diff(ways, axis=1) > 0).sum(1))
    target[marks.order] = palette[np.array(ladder)[ways[int(cost.argmin())]]]
    return target


def _anchor_color(marks: Marks, goal: Floats) -> int:
    if not marks.inks.has_ground:
        return PRIMARY
    if len(goal) > BACKGROUND:
        return BACKGROUND
    return int(np.argmax(goal)) if marks.bright_ground else int(np.argmin(goal))


def _shadow_color(palette: Floats, light: float) -> int:
    """Choose the colour of a shadow or glow: near its lightness, and rather grey, so that it stays a shadow."""
    lab = oklab(palette)
    return int(np.argmin(np.abs(lightness(palette) - light) / 100 + np.hypot(lab[:, 1], lab[:, 2])))


def _distinct(palette: Floats, taken: Floats) -> list[int]:
    """Return the positions of the palette's different colours, without the one that is taken."""
    seen = {tuple(taken)}
    positions = []
    for index, color in enumerate(palette):
        if tuple(color) not in seen:
            seen.add(tuple(color))
            positions.append(index)
    return positions


@lru_cache(maxsize=128)
def _ascents(rows: int, columns: int) -> NDArray[np.intp]:
    """List every way to give each row a column without descending, shape (ways, rows)."""
    ways = np.array(list(itertools.combinations_with_replacement(range(columns), rows)), np.intp)
    ways.setflags(write=False)
    return ways


def _mark_costs(marks: Marks, palette: Floats, anchor: int, ladder: Sequence[int]) -> Floats:
    """Price each colour (columns) for each mark (rows): contrast to the ground, and rank against role."""
    paint = luminance(palette)
    ratios = np.array([contrast(float(paint[place]), float(paint[anchor])) for place in ladder])
    missing = np.maximum(0, CONTRAST_MIN / ratios - 1) + _BELOW * marks.inks.has_ground * (ratios < CONTRAST_MIN)
    unreadable = marks.on_ground[:, None] * missing
    roles = np.argsort(np.argsort(np.array(ladder), kind="stable"), kind="stable")
    role = np.abs(marks.ranks[:, None] - roles) / max(len(ladder) - 1, 1) * marks.weights[:, None]
    price = _UNREADABLE if marks.inks.has_ground else _UNREADABLE_ON_MARK
    total: Floats = price * unreadable + _ROLE * role
    return total


def _edge_costs(marks: Marks, colors: Floats, ways: NDArray[np.intp]) -> Floats:
    """Price each way by its edges: those that melt away, and the strength of each relative to the others.

    `colors`: the anchor's colour, then those that the ways count from 0.
    """
    taken = np.zeros((len(ways), ways.shape[1] + 1), np.intp)
    taken[:, 1:] = ways + 1
    edges = taken[:, marks.first] * len(colors) + taken[:, marks.second]
    melted = (marks.melting * np.maximum(0, marks.apart - _distances(colors).ravel()[edges])).sum(1) / _DISTINCT
    goal = lightness(colors)
    steps = np.abs(goal[:, None] - goal).ravel()[edges]
    weighed = marks.length * steps
    scale = np.sqrt((marks.length * marks.steps**2).sum() * (weighed * steps).sum(1))
    lost = 1 - (weighed * marks.steps).sum(1) / np.maximum(scale, 1e-9)
    total: Floats = _MELTED * melted + _SHAPE * lost
    return total


def _distances(levels: Floats) -> Floats:
    """Return the distances (n, n) in OKLab between colours (n, 3)."""
    lab = oklab(levels)
    apart: Floats = np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(-1))
    return apart
