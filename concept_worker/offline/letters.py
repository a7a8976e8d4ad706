"""Capitals and digits for monograms: skeletons of one even stroke, in a box of 100 x 100 units."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.path import Polygon, circle, line, rect, stroke

# Strokes of a character, separated by "|", in the notation of `path`.
_SKELETONS = {
    "A": "19,86! 50,14! 81,86! | 31,63! 69,63!",
    "B": "26,14! 26,86! | 26,14! 50,14! 64,19 69,31 64,43 50,48! 26,48! | 50,48! 68,54 74,67 68,80 52,86! 26,86!",
    "C": "78,27 66,17 50,14 30,22 18,40 18,60 30,78 50,86 66,83 78,73",
    "D": "26,14! 26,86! | 26,14! 46,14! 66,22 78,40 78,60 66,78 46,86! 26,86!",
    "E": "72,14! 27,14! 27,86! 72,86! | 27,50! 64,50!",
    "F": "72,14! 27,14! 27,86! | 27,51! 64,51!",
    "G": "77,27 65,17 50,14 30,22 18,40 18,60 30,78 50,86 68,82 80,68! 80,54! 54,54!",
    "H": "24,14! 24,86! | 76,14! 76,86! | 24,50! 76,50!",
    "I": "50,14! 50,86!",
    "J": "68,14! 68,60 62,78 46,86 30,80 24,66",
    "K": "26,14! 26,86! | 74,14! 28,58! | 44,44! 76,86!",
    "L": "28,14! 28,86! 73,86!",
    "M": "16,86! 20,14! 50,62! 80,14! 84,86!",
    "N": "23,86! 23,14! 77,86! 77,14!",
    "O": "",
    "P": "27,14! 27,86! | 27,14! 52,14! 68,20 74,34 68,48 52,54! 27,54!",
    "Q": " | 62,64! 82,90!",
    "R": "27,14! 27,86! | 27,14! 52,14! 67,20 73,33 67,46 52,52! 27,52! | 50,53! 75,86!",
    "S": "75,28 65,17 48,14 32,20 28,33 38,45 52,50 68,57 74,70 66,82 50,86 34,83 24,72",
    "T": "50,14! 50,86! | 18,14! 82,14!",
    "U": "22,14! 22,56 30,78 50,86 70,78 78,56 78,14!",
    "V": "17,14! 50,86! 83,14!",
    "W": "10,14! 31,86! 50,32! 69,86! 90,14!",
    "X": "21,14! 79,86! | 79,14! 21,86!",
    "Y": "19,14! 50,52! 81,14! | 50,52! 50,86!",
    "Z": "22,14! 77,14! 23,86! 78,86!",
    "0": "50,14 32,22 24,50 32,78 50,86 68,78 76,50 68,22 50,14",
    "1": "32,28! 52,14! 52,86!",
    "2": "26,32 34,18 52,14 70,22 72,40 58,58 24,86! 78,86!",
    "3": "26,24 40,14 58,15 70,26 66,42 48,48! 68,54 75,68 66,82 48,87 30,82 22,70",
    "4": "64,86! 64,14! 20,66! 82,66!",
    "5": "72,14! 32,14! 29,46! 46,42 66,46 75,62 68,79 50,87 34,84 24,74",
    "6": "68,18 48,18 32,34 24,58 32,80 50,86 68,80 75,63 66,47 50,43 34,48 26,60",
    "7": "22,14! 78,14! 42,86!",
    "8": "50,48 34,42 29,30 36,18 50,14 64,18 71,30 66,42 50,48 32,55 25,68 33,82 50,86 67,82 75,68 68,55 50,48",
    "9": "32,82 52,82 68,66 76,42 68,20 50,14 32,20 25,37 34,53 50,57 66,52 74,40",
}
_WEIGHT = 14.0


def has_letter(character: str) -> bool:
    """Tell whether the character can be drawn."""
    return character in _SKELETONS


def letter_shapes(character: str, weight: float = _WEIGHT) -> tuple[Polygon, ...]:
    """Return the pieces that cover the character."""
    pieces: list[Polygon] = []
    if character in "OQ":
        points = circle(50, 50, 36)
        pieces += stroke((*points, points[0]), weight)
    for skeleton in _SKELETONS[character].split("|"):
        if skeleton.strip():
            pieces += stroke(line(skeleton.strip()), weight)
    return tuple(pieces)


def monogram(initials: str, dice: Dice) -> Drawing:
    """Draw one letter with one half in shade, or two letters side by side or overlapping."""
    weight = dice.pick("weight", (12.0, 15.0, 18.0))
    if len(initials) == 1:
        shapes = letter_shapes(initials, weight + 3)
        half = dice.pick("half", (rect(0, 0, 50, 100), rect(0, 50, 100, 50)))
        return draw(fill(Ink.PRIMARY, *shapes), fill(Ink.SECONDARY, *shapes, clip=(half,)))
    first = draw(fill(Ink.PRIMARY, *letter_shapes(initials[0], weight)))
    second = draw(fill(Ink.SECONDARY, *letter_shapes(initials[1], weight)))
    reach, drop = dice.pick("overlap", ((58.0, 0.0), (44.0, 26.0), (62.0, 0.0)))
    beside = second.place((50 + reach, 50 + drop), 1.0)
    return draw(first, beside.keyline(3.0), beside)
