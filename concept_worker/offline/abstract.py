"""Marks for descriptions that name no subject we can draw: plain geometry, arranged by the words' hash."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.path import (
    Polygon,
    circle,
    ellipse,
    placed,
    polar,
    rect,
    regular,
    rounded,
    sector,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT
_INKS = (P, S, A)


def abstract_mark(dice: Dice) -> Drawing:
    """Draw a mark of one of several geometric families, varied by the dice."""
    family = dice.pick("family", (_mosaic, _rosette, _arches, _pinwheel, _hexagons, _rings))
    return family(dice)


def _mosaic(dice: Dice) -> Drawing:
    """Draw three by three tiles of quarter discs, mirrored left to right."""
    tile, layers = 30.0, []
    for row in range(3):
        for column in range(2):
            name = f"{row}{column}"
            kind = dice.pick("kind" + name, ("quarter", "quarter", "leaf", "disc", "square"))
            ink, turn = dice.pick("ink" + name, _INKS), dice.pick("turn" + name, (0, 90, 180, 270))
            shapes = _tile(kind, turn, tile)
            spots = [(column, False)] if column == 1 else [(0, False), (2, True)]
            for at, flipped in spots:
                place = placed((20 + tile * at, 20 + tile * row), 0.97, flip=flipped, about=(0, 0))
                layers.append(fill(ink, *(place(shape) for shape in shapes)))
    return draw(*layers)


def _tile(kind: str, turn: int, side: float) -> tuple[Polygon, ...]:
    half = side / 2
    place = placed((0, 0), 1.0, turn, about=(0, 0))
    if kind == "quarter":
        return (place(sector(-half, half, side, 0, 0, 90)),)
    if kind == "leaf":
        curve = sector(-half, half, side, 0, 0, 90)[:-1], sector(half, -half, side, 0, 180, 270)[:-1]
        return (place(curve[0] + curve[1]),)
    return (circle(0, 0, half),) if kind == "disc" else (rect(-half, -half, side, side),)


def _rosette(dice: Dice) -> Drawing:
    """Draw overlapping ellipses round a middle, with alternating inks."""
    count = dice.pick("count", (6, 8, 9, 12))
    wide, far = dice.between("wide", 9, 13), dice.between("far", 22, 26)
    petals = [ellipse(*polar((50, 50), far, 360 * i / count), wide, 48 - far, 360 * i / count) for i in range(count)]
    cores = [
        ellipse(*polar((50, 50), far + 3, 360 * i / count), wide * 0.42, 15, 360 * i / count) for i in range(count)
    ]
    return draw(
        *(fill((P, S)[i % 2] if count % 2 == 0 else (P, S, A)[i % 3], petal) for i, petal in enumerate(petals)),
        fill(H, *cores),
        fill(A, circle(50, 50, 9)),
    )


def _arches(dice: Dice) -> Drawing:
    """Draw nested arches, like a portal or a sunrise."""
    turn = dice.pick("turn", (0, 0, 180, 45))
    bands = [sector(50, 62, 46 - 11 * i, 38 - 11 * i, -90, 90) for i in range(3)]
    feet = [rect(50 + side * (42 - 11 * i) - 4, 62, 8, 26) for i in range(3) for side in (-1, 1)]
    whole = draw(
        *(fill(_INKS[i], bands[i], *feet[2 * i : 2 * i + 2]) for i in range(3)),
        fill(dice.pick("sun", (A, S, P)), circle(50, 62, 9)),
    )
    return whole.place((50, 50), 1.0, turn, about=(50, 54))


def _pinwheel(dice: Dice) -> Drawing:
    """Draw quarter or half discs that turn round the middle."""
    count = dice.pick("count", (4, 5, 6, 8))
    blade = placed((50, 50), 1.0, about=(0, 0))(sector(0, -22, 22, 0, 0, 180))
    blades = [placed((50, 50), 1.0, 360 * i / count)(blade) for i in range(count)]
    return draw(
        *(fill(_INKS[i % (2 if count % 2 == 0 else 3)], one) for i, one in enumerate(blades)),
        fill(H, circle(50, 50, 7)),
    )


def _hexagons(dice: Dice) -> Drawing:
    """Draw a cluster of hexagons, one of them lit."""
    cells = [(50.0, 50.0), *(polar((50, 50), 31, 60.0 * i + 30) for i in range(6))]
    lit = dice.pick("lit", range(1, 7))
    layers = []
    for i, (x, y) in enumerate(cells):
        shape = rounded(regular(x, y, 16.6, 6), 3)
        ink = H if i == lit else dice.pick(f"ink{i}", (P, P, S, A))
        layers.append(fill(ink, shape))
    return draw(*layers)


def _rings(dice: Dice) -> Drawing:
    """Draw three discs that overlap, their shared parts lit."""
    turn = dice.pick("turn", (0, 60))
    middles = [polar((50, 50), 19, 120.0 * i + turn) for i in range(3)]
    discs = [circle(*middle, 29) for middle in middles]
    shared = [fill(H, discs[i], clip=(discs[(i + 1) % 3],)) for i in range(3)]
    core = fill(G, circle(50, 50, 6))
    return draw(*(fill(ink, disc) for ink, disc in zip(_INKS, discs, strict=True)), *shared, core)
