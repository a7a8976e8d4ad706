"""Things that move or sound: chip, notes, rocket, bicycle, car, plane; robot and guitar."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import Kind, motif
from concept_worker.offline.path import (
    Polygon,
    circle,
    ellipse,
    line,
    outline,
    pair,
    polar,
    polygon,
    rect,
    regular,
    ring,
    rounded,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif(
    "circuit",
    "circuit ~tech ~technology chip processor ~computer ~software ~code"
    "data digital ai network server electronics cyber startup",
)
def circuit(_: Dice) -> Drawing:
    """Draw a chip with its leads."""
    leads: list[Polygon] = []
    pads: list[Polygon] = []
    for i, reach in enumerate((10, 3, 3, 10)):
        at = 32 + 12 * i
        for one, other in (
            ((at, 28), (at, reach)),
            ((at, 72), (at, 100 - reach)),
            ((28, at), (reach, at)),
            ((72, at), (100 - reach, at)),
        ):
            leads += stroke((one, other), 3)
            pads.append(circle(*other, 3.6))
    core = symmetric("50,38! 44,38! 38,44! 38,56! 44,62! 50,62!")
    return draw(
        fill(S, *leads),
        fill(A, *pads),
        fill(P, rect(24, 24, 52, 52, 9)),
        fill(H, core),
        fill(A, rounded(regular(50, 50, 8, 4), 1.5)),
    )


@motif(
    "music",
    "~music note melody ~song ~band ~concert ~musician piano ~jazz ~orchestra ~sound ~audio ~radio ~podcast choir",
    Kind.EMBLEM,
)
def music(dice: Dice) -> Drawing:
    """Draw two notes under one beam, or a single one with a flag."""
    if dice.chance("pair", 0.6):
        beam = polygon("32,20 86,8 86,24 32,36", 1.5)
        return draw(
            fill(P, rect(32, 26, 6.5, 54), rect(79.5, 14, 6.5, 54)),
            fill(S, ellipse(25, 81, 14.5, 11, -20)),
            fill(A, ellipse(72, 69, 14.5, 11, -20)),
            fill(P, beam),
        )
    flag = outline("54,6! 60,22 78,30 80,48 72,62! 74,46 66,38 54,36!")
    return draw(fill(A, flag), fill(P, rect(50, 6, 6.5, 74)), fill(S, ellipse(42, 81, 16, 12, -20)))


@motif("rocket", "rocket spaceship launch spacecraft startup_rocket shuttle astronaut missile")
def rocket(_: Dice) -> Drawing:
    """Draw a rocket with flame, slanting to the upper right."""
    hull = symmetric("50,0! 40,12 34,30 34,52 38,70! 50,70!")
    fins = pair(outline("35,46! 24,56 20,70 21,82! 30,74 38,70!"))
    fire = outline("42,73! 58,73! 60,84 54,90 50,100! 46,90 40,84")
    upright = draw(
        fill(S, fire),
        fill(H, outline("46,73! 54,73! 55,80 50,90! 45,80")),
        fill(A, *fins),
        fill(P, hull),
        fill(S, hull, clip=(rect(50, 0, 50, 100),)),
        fill(A, symmetric("50,0! 43,8 38.5,17! 50,18!")),
        fill(H, circle(50, 36, 8.5)),
        fill(A, circle(50, 36, 5.4), symmetric("50,54! 47,56 47,74 50,78!")),
    )
    return upright.place((50, 50), 1.0, 40)


@motif("bicycle", "bicycle bike cycling cyclist wheel cycle velo")
def bicycle(_: Dice) -> Drawing:
    """Draw a bicycle from the side."""
    wheels = (ring(22, 66, 21, 17), ring(78, 66, 21, 17))
    spokes = [
        p
        for x in (22, 78)
        for i in range(4)
        for p in stroke((polar((x, 66), 18, 45 * i), polar((x, 66), 18, 45 * i + 180)), 1.1)
    ]
    frame = [
        p
        for ends in ("22,66! 40,38! 68,38! 48,66! 22,66!", "40,38! 48,66!", "40,38! 37,30!", "78,66! 66,30!")
        for p in stroke(line(ends), 4)
    ]
    saddle = outline("29,27! 40,27 46,30! 40,32 31,31")
    bar = stroke(line("66,31! 64,25! 72,23 77,27"), 3.8)
    return draw(
        fill(H, *spokes),
        fill(P, *wheels),
        fill(S, *frame),
        fill(A, saddle, *bar, circle(48, 66, 5.4), circle(22, 66, 3), circle(78, 66, 3)),
    )


@motif("car", "car automobile auto vehicle taxi ~driving ~motor ~racing garage_car truck van")
def car(_: Dice) -> Drawing:
    """Draw a small car from the side."""
    body = outline("4,68! 5,54 12,49 24,47! 34,32 44,27 62,27 72,33 80,47! 92,50 97,58 96,68!")
    windows = (outline("31,46! 38,36 46,33! 51,33! 51,46!"), outline("55,33! 62,33 68,37 73,46! 55,46!"))
    wheels = (circle(25, 69, 11.5), circle(76, 69, 11.5))
    return draw(
        fill(P, body),
        fill(H, *windows),
        fill(S, rect(4, 58, 93, 4.5), clip=(body,)),
        fill(G, *(circle(x, 69, 14) for x in (25, 76)), clip=(rect(0, 0, 100, 68.2),)),
        fill(A, *wheels),
        fill(H, circle(25, 69, 4.6), circle(76, 69, 4.6)),
    )


@motif(
    "plane",
    "plane airplane aeroplane jet flight ~aviation ~airline pilot paper_plane paper_airplane travel_agency ~send",
    Kind.EMBLEM,
)
def plane(_: Dice) -> Drawing:
    """Draw a folded paper plane."""
    return draw(
        fill(P, polygon("98,6 2,44 32,56")),
        fill(S, polygon("98,6 40,60 76,82")),
        fill(A, polygon("98,6 32,56 38,92 46,64")),
        fill(H, polygon("38,92 46,64 56,70")),
    )


@motif("robot", "robot android bot automaton cyborg")
def robot(dice: Dice) -> Drawing:
    """Draw a robot's head with antenna."""
    mouth = [rect(36 + 6 * i, 70, 4, 7, 1) for i in range(5)]
    eyes = pair(circle(36, 48, 7.5)) if dice.chance("round eyes", 0.6) else pair(rect(28, 42, 16, 12, 3))
    return draw(
        fill(A, rect(48.4, 10, 3.2, 16), circle(50, 9, 5.5), *pair(rect(6, 42, 10, 22, 3))),
        fill(P, rect(14, 24, 72, 66, 14)),
        fill(H, rect(23, 34, 54, 28, 11)),
        fill(S, *eyes),
        fill(H, *mouth, *pair(circle(37.6, 45.8, 1.8))),
    )


@motif("guitar", "guitar ukulele banjo rock_band luthier violin fiddle")
def guitar(_: Dice) -> Drawing:
    """Draw a guitar, slanting."""
    body = symmetric("50,44 40,46 35,53 37,61 33,68 29,77 32,88 41,95 50,97")
    upright = draw(
        fill(P, body),
        fill(S, body, clip=(rect(50, 0, 50, 100),)),
        fill(A, rect(46.8, 8, 6.4, 52), polygon("45,-4 55,-4 54,9 46,9", 1.5)),
        fill(A, circle(50, 66, 7), rect(42, 82, 16, 4, 1.5)),
        fill(H, circle(50, 66, 4.6), *(circle(x, y, 1.5) for x in (43.6, 56.4) for y in (-1, 4))),
        fill(H, rect(49.3, 8, 1.4, 76)),
    )
    return upright.place((50, 50), 1.0, 35)
