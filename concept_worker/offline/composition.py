"""From a reading to a mark: subject, pair, monogram or geometry, and the frame round it."""

from __future__ import annotations

from concept_worker.offline.abstract import abstract_mark
from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.frames import STYLES, enframe
from concept_worker.offline.letters import monogram
from concept_worker.offline.motifs import MOTIFS, Kind
from concept_worker.offline.motifs.plants import blade
from concept_worker.offline.pairing import Subject, pair_up
from concept_worker.offline.path import arc, circle, mirror, star, stroke
from concept_worker.offline.reading import Frame, Reading

_LOOSE = (Frame.NONE, Frame.NONE, Frame.NONE, Frame.CIRCLE, Frame.CIRCLE, Frame.RING, Frame.SQUARE, Frame.HEXAGON)
# Subjects whose pale parts belong to their outline: on a ground of primary ink these parts would vanish.
_PALE_PARTS = frozenset(
    ("bee", "mushroom", "pizza", "mountain", "rainbow", "panda", "ice cream", "lighthouse", "volcano")
)
_LETTER_FRAMES = (Frame.CIRCLE, Frame.SHIELD, Frame.HEXAGON, Frame.SQUARE, Frame.RING, Frame.NONE)


def compose(reading: Reading, dice: Dice) -> Drawing:
    """Draw the mark of a reading, not yet fitted to a box; the dice vary everything but its subject."""
    subjects = [Subject(name, MOTIFS[name].sketch(dice), MOTIFS[name].kind) for name in reading.subjects]
    if len(subjects) >= 2:
        mark = pair_up(subjects[0], subjects[1], reading.relation, dice)
        return enframe(mark, reading.frame or Frame.NONE, dice, STYLES[1::2])
    if subjects:
        frame = reading.frame or dice.pick("frame", _LOOSE)
        if frame is Frame.NONE:
            return _alone(subjects[0], dice)
        return enframe(subjects[0].drawing, frame, dice, STYLES[1::2] if subjects[0].name in _PALE_PARTS else STYLES)
    if reading.initials:
        frame = reading.frame or dice.pick("letter frame", _LETTER_FRAMES)
        return enframe(monogram(reading.initials, dice), frame, dice)
    return enframe(abstract_mark(dice), reading.frame or Frame.NONE, dice)


def _alone(subject: Subject, dice: Dice) -> Drawing:
    """Draw a subject without a frame, sometimes on a pale disc, between sprigs or under a few stars."""
    mark = subject.drawing.fit(8, 8, 92, 92)
    if subject.kind not in (Kind.FIGURE, Kind.EMBLEM):
        return mark
    setting = dice.pick("setting", ("plain", "plain", "disc", "sprigs", "stars"))
    if setting == "disc":
        disc = fill(Ink.HIGHLIGHT, circle(50, 50, 46))
        return draw(disc, subject.drawing.fit(17, 17, 83, 83).inked({Ink.HIGHLIGHT: Ink.GROUND}))
    if setting == "sprigs":
        return draw(_sprigs(), subject.drawing.fit(20, 8, 80, 68))
    if setting == "stars":
        stars = [star(x, y, r, r * 0.36, 4) for x, y, r in ((4, 14, 5), (96, 20, 6.5), (92, 4, 3))]
        return draw(fill(Ink.ACCENT, *stars), mark)
    return mark


def _sprigs() -> Drawing:
    """Draw two branches that meet below, like an open wreath."""
    stem = stroke(arc((50, 48), 44, 186, 268), 1.8)
    leaves = []
    for i, angle in enumerate(range(196, 270, 12)):
        foot = arc((50, 48), 44, angle, angle + 1)[0]
        leaves += [blade(*foot, angle - 90 + side * 42 + 90 + 90, 0.3 - 0.018 * i) for side in (-1, 1)]
    shapes = [*stem, *leaves]
    return draw(fill(Ink.SECONDARY, *shapes, *(mirror(shape) for shape in shapes)))
