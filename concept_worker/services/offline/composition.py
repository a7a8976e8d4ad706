"""From a reading to a mark: which subjects, how large, where, in front of what, and inside which frame."""

from __future__ import annotations

from concept_worker.services.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.services.offline.frames import enframe
from concept_worker.services.offline.motifs import MOTIFS, Kind
from concept_worker.services.offline.path import circle
from concept_worker.services.offline.reading import Frame, Reading, Relation

KEYLINE = 1.7  # units of ground between what stands in front and what lies behind
_LOOSE = (Frame.NONE, Frame.NONE, Frame.NONE, Frame.CIRCLE, Frame.CIRCLE, Frame.SQUARE, Frame.HEXAGON, Frame.SHIELD)


def compose(reading: Reading, dice: Dice) -> Drawing:
    """The mark of a reading, in a box of 100 x 100 units; the dice vary it."""
    sketches = [MOTIFS[name].sketch(dice) for name in reading.subjects]
    kinds = [MOTIFS[name].kind for name in reading.subjects]
    if len(sketches) >= 2:
        mark = _duo(sketches[0], sketches[1], kinds[0], kinds[1], reading.relation)
        return enframe(mark, reading.frame or Frame.NONE, dice)
    if sketches:
        frame = reading.frame or dice.pick("frame", _LOOSE)
        return enframe(sketches[0], frame, dice) if frame is not Frame.NONE else _solo(sketches[0], kinds[0], dice)
    return draw(fill(Ink.PRIMARY, circle(50, 50, 40)))


def _solo(mark: Drawing, kind: Kind, dice: Dice) -> Drawing:
    if kind is Kind.FIGURE and dice.chance("disc", 0.35):
        return draw(fill(Ink.HIGHLIGHT, circle(50, 46, 40)), mark.inked({Ink.HIGHLIGHT: Ink.GROUND}))
    return mark


def _duo(one: Drawing, two: Drawing, kind_one: Kind, kind_two: Kind, relation: Relation) -> Drawing:
    """Two subjects; who goes behind is a matter of their kinds first, of the words second."""
    if relation in (Relation.UNDER, Relation.BEHIND):
        one, two, kind_one, kind_two = two, one, kind_two, kind_one
        relation = Relation.OVER if relation is Relation.UNDER else Relation.BEFORE
    if kind_one is Kind.BACKDROP and kind_two is not Kind.BACKDROP:
        return _before(two, one, 62 if kind_two is Kind.LAND else 57)
    if kind_two is Kind.BACKDROP:
        return _before(one, two, 30 if relation is Relation.OVER else 57)
    if kind_one is Kind.LAND and kind_two is not Kind.LAND:
        return _on_top(two, one)
    if kind_two is Kind.LAND or relation in (Relation.OVER, Relation.INSIDE):
        return _on_top(one, two)
    if relation is Relation.BESIDE:
        return one.fit(0, 26, 48, 74) + two.fit(52, 26, 100, 74)
    return _badge(one, two)


def _layered(front: Drawing, back: Drawing) -> Drawing:
    return back + front.keyline(KEYLINE) + front


def _before(front: Drawing, backdrop: Drawing, height: float) -> Drawing:
    """A figure in front of sun, moon or cloud; `height` is where its middle comes."""
    behind = backdrop.fit(12, 14, 88, 90) if height < 50 else backdrop.fit(14, 2, 86, 74)
    x0, y0, x1, y1 = front.box
    scale = min(92 / (x1 - x0), 66 / (y1 - y0))
    return _layered(front.place((50, height), scale, about=((x0 + x1) / 2, (y0 + y1) / 2)), behind)


def _on_top(upper: Drawing, lower: Drawing) -> Drawing:
    return _layered(lower.fit(10, 54, 90, 98), upper.fit(14, 2, 86, 68))


def _badge(large: Drawing, small: Drawing) -> Drawing:
    return _layered(small.fit(58, 56, 98, 96), large.fit(4, 4, 88, 88))
