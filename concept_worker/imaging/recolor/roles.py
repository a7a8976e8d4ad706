"""Which palette colour each ink takes: the ground its role, the marks in order of their lightness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from concept_worker.imaging.recolor.colors import Floats, contrast, lightness, luminance
from concept_worker.imaging.recolor.inks import Inks

PRIMARY, BACKGROUND = 0, 3  # positions in a palette, by `PALETTE_ROLES`
CONTRAST_MIN = 3.0  # WCAG 2.2, 1.4.11: graphical objects against what is next to them
# Costs, in units of "half the range of lightness lost":
_UNREADABLE = 8.0  # per missing factor of contrast: outweighs everything else
_SHARED = 0.35  # two inks that are neighbours in lightness take the same colour
_ROLE = 0.5  # a big area does not take the colour of its rank
_SHAPE = 1.0  # contrast to the ground is not what it was


def match_roles(inks: Inks, palette: Floats) -> Floats:
    """Target levels (n, 3) of each ink for a palette (m, 3), m at least 1.

    The ground takes the background colour (of fewer than four colours, the lightest or darkest, whichever the ground
    is); without a ground the biggest ink takes the primary. The others keep their order of lightness, reversed when
    light and dark change places.
    """
    anchor = 0 if inks.has_ground else int(np.argmax(inks.shares))
    marks = [index for index in range(len(inks)) if index != anchor]
    anchor_color = _anchor_color(inks, palette, anchor)
    target = np.tile(palette[anchor_color], (len(inks), 1))
    if not marks:
        return target
    choices = _distinct(palette, palette[anchor_color])
    if not choices:
        return target
    source = lightness(inks.levels)
    goal = lightness(palette)
    order = sorted(marks, key=lambda index: (source[index], index))
    ladder = sorted(choices, key=lambda index: (goal[index], index))
    if _flips(source, order, float(source[anchor]), goal, ladder, float(goal[anchor_color])):
        ladder.reverse()
    costs = _costs(inks, palette, order, ladder, anchor, anchor_color)
    for index, place in zip(order, _cheapest_ascent(costs), strict=True):
        target[index] = palette[ladder[place]]
    return target


def _anchor_color(inks: Inks, palette: Floats, anchor: int) -> int:
    if not inks.has_ground:
        return PRIMARY
    if len(palette) > BACKGROUND:
        return BACKGROUND
    light = lightness(palette)
    bright = float(lightness(inks.levels[anchor])) >= 50
    return int(np.argmax(light)) if bright else int(np.argmin(light))


def _distinct(palette: Floats, taken: Floats) -> list[int]:
    """Positions of the palette's different colours, without the one that is taken."""
    seen = {tuple(taken)}
    positions = []
    for index, color in enumerate(palette):
        if tuple(color) not in seen:
            seen.add(tuple(color))
            positions.append(index)
    return positions


def _flips(
    source: Floats, order: Sequence[int], ground: float, goal: Floats, ladder: Sequence[int], new_ground: float
) -> bool:
    """Whether the marks stood on one side of the ground's lightness and their colours stand on the other."""
    before = float(np.mean(source[list(order)])) - ground
    after = float(np.mean(goal[list(ladder)])) - new_ground
    return before * after < 0


def _costs(
    inks: Inks, palette: Floats, order: Sequence[int], ladder: Sequence[int], anchor: int, anchor_color: int
) -> Floats:
    """What it costs each mark (rows, in order) to take each colour (columns, in order)."""
    source, goal = lightness(inks.levels), lightness(palette)
    bright = luminance(palette)
    before = np.abs(source[list(order)] - source[anchor])
    after = np.abs(goal[list(ladder)] - goal[anchor_color])
    scale = after.max() / max(float(before.max()), 1.0)
    shape = np.abs(before[:, None] * scale - after[None]) / 50
    ratios = np.array([contrast(float(bright[place]), float(bright[anchor_color])) for place in ladder])
    unreadable = np.maximum(0, CONTRAST_MIN / ratios - 1)
    ranks = np.argsort(np.argsort(-inks.shares[list(order)], kind="stable"), kind="stable")
    roles = np.argsort(np.argsort(np.array(ladder), kind="stable"), kind="stable")
    weight = np.sqrt(inks.shares[list(order)] / inks.shares[list(order)].sum())
    role = np.abs(ranks[:, None] - roles[None]) / max(len(ladder) - 1, 1) * weight[:, None]
    total: Floats = _SHAPE * shape + _UNREADABLE * unreadable[None] + _ROLE * role
    return total


def _cheapest_ascent(costs: Floats) -> list[int]:
    """A column for each row, never descending, of least total cost; staying on a column costs extra."""
    rows, columns = costs.shape
    best = costs[0].copy()
    back = np.zeros((rows, columns), np.intp)
    for row in range(1, rows):
        reach = np.full((columns, columns), np.inf)  # [from, to]
        for start in range(columns):
            reach[start, start] = best[start] + _SHARED
            reach[start, start + 1 :] = best[start]
        back[row] = reach.argmin(0)
        best = reach.min(0) + costs[row]
    path = [int(best.argmin())]
    for row in range(rows - 1, 0, -1):
        path.append(int(back[row, path[-1]]))
    return path[::-1]
