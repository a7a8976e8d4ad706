"""Which palette colour each ink takes: the ground its role, the marks in order of their lightness.

All ways to give the marks colours without breaking that order are listed (a few hundred), and the one that keeps the
drawing readable at the least cost is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from concept_worker.imaging.recolor.colors import Floats, contrast, lightness, luminance, oklab
from concept_worker.imaging.recolor.inks import Inks
from concept_worker.imaging.recolor.layout import Layout

PRIMARY, BACKGROUND = 0, 3  # positions in a palette, by `PALETTE_ROLES`
CONTRAST_MIN = 3.0  # WCAG 2.2, 1.4.11: graphical objects against what is next to them
# A mark that had less contrast than this was never meant to stand out.
_CONTRAST_MEANT = 1.8
# Costs. A mark that cannot be read outweighs everything; then marks that touch must not melt into one; then the
# strength of edges relative to each other; then areas and roles.
_UNREADABLE = 8.0
_UNREADABLE_ON_MARK = 1.0  # without a ground the rule is a wish: the canvas is not ours
_MELTED = 3.0
_SHAPE = 2.0
_ROLE = 0.4
_UNUSED = 0.15
# Distance (OKLab) between touching marks below which they begin to melt.
_DISTINCT = 0.15
# The part of a mark's outline on the ground from which its contrast to the ground counts fully.
_ON_GROUND = 0.25


def match_roles(inks: Inks, layout: Layout, palette: Floats) -> Floats:
    """Target levels (n, 3) of each ink for a palette (m, 3), m at least 1.

    The ground takes the background colour (of fewer than four colours, the lightest or darkest, whichever the ground
    is); without a ground the biggest ink takes the primary. The others keep their order of lightness, reversed when
    light and dark change places. Shadows take the colour of nearest lightness.
    """
    anchor = 0 if inks.has_ground else int(np.argmax(layout.areas * ~layout.faint))
    anchor_color = _anchor_color(inks, palette, anchor)
    target = np.tile(palette[anchor_color], (len(inks), 1))
    source, goal = lightness(inks.levels), lightness(palette)
    for index in np.flatnonzero(layout.faint):
        target[index] = palette[_shadow_color(palette, float(source[index]))]
    marks = sorted((i for i in range(len(inks)) if i != anchor and not layout.faint[i]), key=lambda i: (source[i], i))
    ladder = sorted(_distinct(palette, palette[anchor_color]), key=lambda i: (goal[i], i))
    if not marks or not ladder:
        return target
    if _flips(source[marks].mean() - source[anchor], goal[ladder].mean() - goal[anchor_color]):
        ladder.reverse()
    ways = _ascents(len(marks), len(ladder))
    cost = _mark_costs(inks, layout, palette, anchor, anchor_color, marks, ladder)[np.arange(len(marks)), ways].sum(1)
    cost += _edge_costs(inks.levels, palette, layout, [anchor, *marks], [anchor_color, *ladder], ways)
    cost -= _UNUSED * (1 + (np.diff(ways, axis=1) > 0).sum(1))
    target[marks] = palette[np.array(ladder)[ways[int(cost.argmin())]]]
    return target


def _anchor_color(inks: Inks, palette: Floats, anchor: int) -> int:
    if not inks.has_ground:
        return PRIMARY
    if len(palette) > BACKGROUND:
        return BACKGROUND
    light = lightness(palette)
    bright = float(lightness(inks.levels[anchor])) >= 50
    return int(np.argmax(light)) if bright else int(np.argmin(light))


def _shadow_color(palette: Floats, light: float) -> int:
    """The colour of a shadow or glow: like it in lightness, and rather grey, so that it stays a shadow."""
    lab = oklab(palette)
    return int(np.argmin(np.abs(lightness(palette) - light) / 100 + np.hypot(lab[:, 1], lab[:, 2])))


def _distinct(palette: Floats, taken: Floats) -> list[int]:
    """Positions of the palette's different colours, without the one that is taken."""
    seen = {tuple(taken)}
    positions = []
    for index, color in enumerate(palette):
        if tuple(color) not in seen:
            seen.add(tuple(color))
            positions.append(index)
    return positions


def _flips(before: float, after: float) -> bool:
    """Whether the marks stood on one side of the ground's lightness and their colours stand on the other."""
    return before * after < 0


@lru_cache(maxsize=128)
def _ascents(rows: int, columns: int) -> NDArray[np.intp]:
    """Every way to give each row a column without descending, shape (ways, rows)."""
    ways = np.array(list(itertools.combinations_with_replacement(range(columns), rows)), np.intp)
    ways.setflags(write=False)
    return ways


def _mark_costs(
    inks: Inks,
    layout: Layout,
    palette: Floats,
    anchor: int,
    anchor_color: int,
    marks: Sequence[int],
    ladder: Sequence[int],
) -> Floats:
    """What it costs each mark (rows) to take each colour (columns): contrast to the ground, and rank against role."""
    bright, paint = luminance(inks.levels), luminance(palette)
    before = np.array([contrast(float(bright[mark]), float(bright[anchor])) for mark in marks])
    after = np.array([contrast(float(paint[place]), float(paint[anchor_color])) for place in ladder])
    outline = layout.contacts[list(marks)]
    on_ground = outline[:, anchor] / np.maximum(outline.sum(1), 1.0)
    meant = np.clip((before - 1) / (_CONTRAST_MEANT - 1), 0, 1) * np.minimum(on_ground / _ON_GROUND, 1)
    unreadable = meant[:, None] * np.maximum(0, CONTRAST_MIN / after - 1)[None]
    areas = layout.areas[list(marks)]
    ranks = np.argsort(np.argsort(-areas, kind="stable"), kind="stable")
    roles = np.argsort(np.argsort(np.array(ladder), kind="stable"), kind="stable")
    weight = np.sqrt(areas / max(float(areas.sum()), 1e-9))
    role = np.abs(ranks[:, None] - roles[None]) / max(len(ladder) - 1, 1) * weight[:, None]
    total: Floats = (_UNREADABLE if inks.has_ground else _UNREADABLE_ON_MARK) * unreadable + _ROLE * role
    return total


def _edge_costs(
    levels: Floats,
    palette: Floats,
    layout: Layout,
    inks: Sequence[int],
    colors: Sequence[int],
    ways: NDArray[np.intp],
) -> Floats:
    """What each way costs the edges between the inks (the ground first): melted ones, and a lost order of strength."""
    first, second = np.triu_indices(len(inks), 1)
    contacts = layout.contacts[np.ix_(inks, inks)]
    outline = np.maximum(contacts.sum(1), 1.0)
    length = contacts[first, second]
    share = np.sqrt(length / np.minimum(outline[first], outline[second]))
    taken = np.concatenate([np.zeros((len(ways), 1), np.intp), ways + 1], axis=1)
    wanted = np.minimum(_apart(levels[list(inks)])[first, second], _DISTINCT)
    given = _apart(palette[list(colors)])[taken[:, first], taken[:, second]]
    melted = (share * np.maximum(0, wanted - given) / _DISTINCT).sum(1)
    source, goal = lightness(levels[list(inks)]), lightness(palette[list(colors)])
    before = np.abs(source[first] - source[second])
    after = np.abs(goal[taken[:, first]] - goal[taken[:, second]])
    strength = (length * before * after).sum(1)
    scale = np.sqrt((length * before**2).sum() * (length * after**2).sum(1))
    lost = 1 - strength / np.maximum(scale, 1e-9)
    total: Floats = _MELTED * melted + _SHAPE * lost
    return total


def _apart(levels: Floats) -> Floats:
    """Distances (n, n) in OKLab between colours (n, 3)."""
    lab = oklab(levels)
    apart: Floats = np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(-1))
    return apart
