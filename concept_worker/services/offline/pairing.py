"""Two subjects in one mark: who stands in front, who above, and what parts them."""

from __future__ import annotations

from dataclasses import dataclass

from concept_worker.services.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.services.offline.motifs import Kind
from concept_worker.services.offline.path import circle, crescent, star
from concept_worker.services.offline.reading import Relation

KEYLINE = 1.7  # units of ground between what stands in front and what lies behind


@dataclass(frozen=True)
class Subject:
    """A sketched motif and how it behaves beside another."""

    name: str
    drawing: Drawing
    kind: Kind


def pair_up(one: Subject, two: Subject, relation: Relation, dice: Dice) -> Drawing:
    """Who goes behind is a matter of the kinds first, of the words second."""
    if relation in (Relation.UNDER, Relation.BEHIND):
        one, two = two, one
        relation = Relation.OVER if relation is Relation.UNDER else Relation.BEFORE
    leaps = relation is Relation.OVER
    if two.kind is Kind.BACKDROP and one.kind is not Kind.BACKDROP:
        return _leap(one, two, dice) if leaps else _before(one, two)
    if one.kind is Kind.BACKDROP:
        return _before(two, one)
    if one.kind is Kind.LAND and two.kind is not Kind.LAND:
        return _on_top(two.drawing, one.drawing)
    if two.kind is Kind.LAND or relation in (Relation.OVER, Relation.INSIDE):
        return _on_top(one.drawing, two.drawing)
    if relation is Relation.BESIDE:
        return one.drawing.fit(0, 26, 48, 74) + two.drawing.fit(52, 26, 100, 74)
    return _seal(one, two)


def layered(front: Drawing, back: Drawing) -> Drawing:
    """One in front of the other, a line of ground between."""
    return back + front.keyline(KEYLINE) + front


def _leap(figure: Subject, below: Subject, dice: Dice) -> Drawing:
    """A figure over sun or moon: it crosses the upper rim, and its arch completes the disc."""
    backdrop = _bowl(dice) if below.name == "moon" else below.drawing.fit(16, 28, 84, 96)
    x0, _, x1, _ = figure.drawing.box
    leaping = figure.drawing.place((50, 50), 1.0, flip=dice.chance("leaps left", 0.35), about=((x0 + x1) / 2, 50))
    return layered(leaping.fit(2, 6, 98, 58), backdrop)


def _bowl(dice: Dice) -> Drawing:
    """A crescent that opens upward like a bowl, a few stars in it."""
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


def _before(front: Subject, back: Subject) -> Drawing:
    """A figure or landscape before sun, moon or cloud."""
    if front.kind is Kind.LAND:
        return layered(front.drawing.fit(2, 42, 98, 100), back.drawing.fit(24, 0, 76, 52))
    x0, y0, x1, y1 = front.drawing.box
    disc = back.drawing.fit(12, 0, 88, 76)
    tall = (y1 - y0) > (x1 - x0) * 1.25
    return layered(front.drawing.fit(8, 22 if tall else 34, 92, 100), disc)


def _on_top(upper: Drawing, lower: Drawing) -> Drawing:
    """One above, the other below and in front, like a reader behind a book."""
    return layered(lower.fit(10, 56, 90, 100), upper.fit(14, 0, 86, 70))


def _seal(large: Subject, small: Subject) -> Drawing:
    """The second subject as a small companion at the first one's lower right."""
    return layered(small.drawing.fit(60, 58, 100, 98), large.drawing.fit(2, 2, 86, 86))
