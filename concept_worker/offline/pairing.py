"""Two subjects in one mark: which one stands in front, which one above, and the line that separates them."""

from __future__ import annotations

from dataclasses import dataclass

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs import MOTIFS, Kind
from concept_worker.offline.path import Polygon, arc, circle, crescent, star
from concept_worker.offline.reading import Relation

KEYLINE = 1.7  # units of ground between the subject in front and the one behind

_PEAKS = frozenset(("mountain", "volcano"))
_GROWING = frozenset(("pine", "tree", "cactus", "mushroom", "wheat"))
_VESSELS = frozenset(("cup", "pot"))


@dataclass(frozen=True)
class Subject:
    """A sketched motif and how it behaves beside another."""

    name: str
    drawing: Drawing
    kind: Kind


def pair_up(one: Subject, two: Subject, relation: Relation, dice: Dice) -> Drawing:
    """Arrange two subjects; their kinds decide first which one goes behind, the words second."""
    if relation is Relation.UNDER and two.name in _GROWING:
        return _put_under(one, two)
    if relation in (Relation.UNDER, Relation.BEHIND):
        one, two = two, one
        relation = Relation.OVER if relation is Relation.UNDER else Relation.BEFORE
    if two.kind is Kind.BACKDROP and one.kind is not Kind.BACKDROP:
        return _put_above_disc(one, two, dice) if relation is Relation.OVER else _put_before(one, two)
    if one.kind is Kind.BACKDROP:
        return _put_before(two, one)
    if "crown" in (one.name, two.name):
        return _put_crown(two, one) if one.name == "crown" else _put_crown(one, two)
    if "wave" in (one.name, two.name):
        return _put_on_water(two if one.name == "wave" else one)
    if relation is not Relation.OVER and (scene := _scene(one, two)):
        return scene
    return _arrange_by_relation(one, two, relation)


def _arrange_by_relation(one: Subject, two: Subject, relation: Relation) -> Drawing:
    if one.kind is Kind.LAND and two.kind is not Kind.LAND:
        return _put_on_top(two, one)
    if two.kind is Kind.LAND or relation in (Relation.OVER, Relation.INSIDE):
        return _put_on_top(one, two)
    if relation is Relation.BESIDE:
        return one.drawing.fit(0, 26, 48, 74) + two.drawing.fit(52, 26, 100, 74)
    return layered(two.drawing.fit(60, 58, 100, 98), one.drawing.fit(2, 2, 86, 86))


def layered(front: Drawing, back: Drawing) -> Drawing:
    """Put one drawing in front of the other, with a line of ground between."""
    return back + front.keyline(KEYLINE) + front


def _put_above_disc(figure: Subject, below: Subject, dice: Dice) -> Drawing:
    """Put a figure over sun or moon: it crosses the upper rim, and its arch completes the disc."""
    backdrop = _bowl(dice) if below.name == "moon" else below.drawing.fit(16, 28, 84, 96)
    x0, _, x1, _ = figure.drawing.box
    leaping = figure.drawing.place((50, 50), 1.0, flip=dice.chance("leaps left", 0.35), about=((x0 + x1) / 2, 50))
    return layered(leaping.fit(2, 6, 98, 58), backdrop)


def _bowl(dice: Dice) -> Drawing:
    """Draw a crescent that opens upward like a bowl, with a few stars in it."""
    turn = dice.pick("bowl", (-22.0, -12.0, 0.0, 12.0, 22.0))
    body = crescent(50, 60, 38, 34, 14.5, turn)
    pale = (fill(Ink.HIGHLIGHT, circle(50, 60, 38)),) if dice.chance("pale bowl", 0.5) else ()
    constellations = (
        ((50, 62, 5.6), (40, 68, 2.8), (61, 69, 3.4)),
        ((46, 66, 4.8), (57, 61, 3.0)),
        ((54, 66, 4.8), (43, 61, 3.0)),
        ((50, 65, 6.2),),
    )
    stars = [star(x, y, r, r * 0.36, 4) for x, y, r in dice.pick("bowl stars", constellations)]
    return draw(*pale, fill(Ink.SECONDARY, body), fill(Ink.ACCENT, *stars))


def _put_before(front: Subject, back: Subject) -> Drawing:
    """Put a figure or landscape before sun, moon or cloud."""
    if front.name == "wave":
        return layered(_swell(), back.drawing.fit(12, 2, 88, 82))
    if front.kind is Kind.LAND:
        return layered(front.drawing.fit(2, 42, 98, 100), back.drawing.fit(24, 0, 76, 52))
    x0, y0, x1, y1 = front.drawing.box
    tall = (y1 - y0) > (x1 - x0) * 1.25
    return layered(front.drawing.fit(8, 22 if tall else 34, 92, 100), back.drawing.fit(12, 0, 88, 76))


def _put_on_top(upper: Subject, lower: Subject) -> Drawing:
    """Put one subject above, the other below and in front, like a reader behind a book."""
    if lower.name in _PEAKS:
        return layered(upper.drawing.fit(16, 0, 84, 50), lower.drawing.fit(2, 44, 98, 100))
    if lower.name in _VESSELS:
        vessel = MOTIFS[f"plain {lower.name}"].sketch(Dice())
        return layered(vessel.fit(6, 52, 94, 100), upper.drawing.fit(16, 0, 80, 62))
    return layered(lower.drawing.fit(10, 56, 90, 100), upper.drawing.fit(14, 0, 86, 70))


def _scene(one: Subject, two: Subject) -> Drawing | None:
    """Put a figure before a mountain or between trees; return None when neither subject is such a setting."""
    for figure, setting in ((one, two), (two, one)):
        if setting.name in _PEAKS and figure.kind is not Kind.LAND:
            return layered(figure.drawing.fit(24, 48, 76, 100), setting.drawing.fit(-4, 0, 104, 84))
        if setting.name in _GROWING and figure.kind is Kind.FIGURE and figure.name not in _GROWING:
            trees = setting.drawing.fit(-6, 8, 42, 86) + setting.drawing.fit(58, 8, 106, 86)
            return layered(figure.drawing.fit(16, 30, 84, 98), trees)
    return None


def _put_under(figure: Subject, growing: Subject) -> Drawing:
    """Put a figure at the foot of a tree or under a mushroom."""
    return layered(figure.drawing.fit(29, 58, 71, 102), growing.drawing.fit(2, 0, 98, 94))


def _put_crown(head: Subject, crown: Subject) -> Drawing:
    """Put a crown on the other subject."""
    return layered(crown.drawing.fit(29, 0, 71, 27), head.drawing.fit(8, 19, 92, 100))


def _put_on_water(figure: Subject) -> Drawing:
    """Put a figure on the water."""
    return layered(_swell(), figure.drawing.fit(10, 0, 90, 82))


def _swell() -> Drawing:
    """Draw three rows of waves, each before the last."""
    rows = []
    for row, ink in enumerate((Ink.ACCENT, Ink.SECONDARY, Ink.PRIMARY)):
        top = 70.0 + 9 * row
        crests: list[Polygon] = []
        for i in range(7):
            x = 2 + 16 * i + (8 if row % 2 else 0) - 8
            crests.append((*arc((x + 8, top - 6), 10, 127, 233), (x, top + 12), (x + 16, top + 12)))
        body = tuple(point for crest in crests for point in reversed(crest[:-2]))
        shape = (*body, (body[-1][0], top + 11), (body[0][0], top + 11))
        frame = ((4.0, 0.0), (96.0, 0.0), (96.0, 200.0), (4.0, 200.0))
        band = fill(ink, shape, clip=(frame,))
        rows.append(draw(fill(Ink.GROUND, tuple((x, y - 1.6) for x, y in shape), clip=(frame,)), band))
    return draw(*rows)
