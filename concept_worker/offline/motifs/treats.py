"""Motifs for playful briefs: pizza, ice cream, pumpkin; frog, pig, dinosaur and dragon."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import motif
from concept_worker.offline.path import (
    brush,
    circle,
    ellipse,
    line,
    outline,
    pair,
    polygon,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("pizza", "pizza pizzeria slice")
def pizza(_: Dice) -> Drawing:
    """Draw a slice of pizza with dripping cheese."""
    cheese = outline("12,26! 88,26! 70,62! 68,72 63,71 62,66! 56,78 50,94! 44,84! 42,76! 40,80 36,78 34,68!")
    return draw(
        fill(H, cheese),
        fill(P, outline("6,20 14,8 32,3 50,2 68,3 86,8 94,20 90,29 82,29 50,25 18,29 10,29")),
        fill(A, circle(36, 42, 8), circle(62, 46, 8.5), circle(49, 66, 6.5)),
        fill(
            S,
            ellipse(48, 34, 2, 4, 40),
            ellipse(30, 58, 2, 4, -30),
            ellipse(70, 34, 2, 4, 10),
            ellipse(50, 80, 1.7, 3.4),
        ),
    )


@motif("ice cream", "ice_cream icecream gelato sorbet sundae popsicle frozen_yogurt ~dessert ~sweet ~candy")
def ice_cream(dice: Dice) -> Drawing:
    """Draw two or three scoops in a cone."""
    cone = polygon("28,50 72,50 50,98", 2)
    lattice = [
        p
        for d in (-24, -8, 8, 24)
        for p in (*stroke(((50 + d, 48), (66 + d, 98)), 1.8), *stroke(((50 + d, 48), (34 + d, 98)), 1.8))
    ]
    drip = outline(
        "24,46 26,34 38,26 50,25 62,26 74,34 76,46 74,54 70,52 66,48 "
        "62,56 57,56 55,50 50,48 46,54 42,60 38,58 36,50 30,54 26,54"
    )
    top = circle(50, 18, 15) if dice.chance("three", 0.6) else circle(50, 24, 14)
    return draw(
        fill(S, cone),
        fill(A, *lattice, clip=(cone,)),
        fill(H, top),
        fill(P, drip),
        fill(A, circle(54, 4, 4.6)),
        fill(H, outline("32,42! 34,36 41,32! 38,38 36,43!")),
    )


@motif("pumpkin", "pumpkin squash halloween jack_o_lantern gourd")
def pumpkin(_: Dice) -> Drawing:
    """Draw a ribbed pumpkin."""
    return draw(
        fill(A, outline("46,30! 44,18 36,12! 46,8! 54,16 56,30!")),
        fill(P, *pair(ellipse(24, 62, 21, 29)), *pair(ellipse(38, 62, 19, 32))),
        fill(S, *pair(ellipse(27, 62, 13, 28)), ellipse(50, 62, 13, 33)),
        fill(P, *pair(ellipse(30, 62, 11, 28))),
        fill(A, *brush(line("56,24 70,22 78,12 88,16"), lambda t: 3 - t)),
    )


@motif("frog", "frog toad froggy")
def frog(_: Dice) -> Drawing:
    """Draw a frog's head, wide-mouthed."""
    head = symmetric("50,30 40,30 30,32 14,44 7,60 14,76 32,87 50,89")
    return draw(
        fill(P, *pair(circle(27, 28, 15)), head),
        fill(H, *pair(circle(27, 27, 10))),
        fill(A, *pair(circle(27.5, 27.5, 5.4))),
        fill(H, symmetric("50,70 32,69 16,62! 22,76 36,83 50,84")),
        fill(A, *stroke(line("14,60 30,67 50,69 70,67 86,60"), 2.6), *pair(circle(45, 52, 1.5))),
        fill(S, *pair(ellipse(20, 58, 4.6, 3.2))),
    )


@motif("pig", "pig piglet piggy boar pork hog swine")
def pig(_: Dice) -> Drawing:
    """Draw a pig's head."""
    ear = outline("36,24! 24,12 10,10! 10,26 18,40!")
    return draw(
        fill(A, *pair(ear)),
        fill(P, symmetric("50,18 32,20 18,32 12,52 18,74 34,88 50,90")),
        fill(H, ellipse(50, 64, 19, 14)),
        fill(A, *pair(ellipse(43.5, 64, 3, 5)), *pair(circle(33, 44, 4))),
        fill(S, *pair(ellipse(22, 62, 5, 3.8))),
    )


@motif("dinosaur", "dinosaur dino brontosaurus t_rex trex jurassic")
def dinosaur(_: Dice) -> Drawing:
    """Draw a long-necked dinosaur, walking to the left."""
    body = outline(
        "4,24 8,16 18,12 27,16 31,26 33,40 40,48 54,46 66,50 76,60 86,66 99,68! 88,76 77,77! "
        "78,84 79,94! 67,94! 65,82 60,77! 50,78! 49,86 49,94! 37,94! 36,82 28,70 23,54 20,40 19,30! 10,31"
    )
    plates = [
        polygon(f"{x},{y} {x + 5.5},{y - 11} {x + 10},{y + 1.5}")
        for x, y in ((28, 33), (33.5, 46.5), (43, 50), (54, 50), (63.5, 54), (72, 61.5))
    ]
    far = (outline("30,70! 33,94! 43,94! 44,76!"), outline("60,74! 60,94! 70,94! 72,76!"))
    spots = [circle(x, y, r) for x, y, r in ((44, 58, 3.4), (55, 56, 2.8), (64, 62, 3.2), (52, 66, 2.4))]
    return draw(fill(A, *plates, *far), fill(P, body), fill(S, *spots), fill(H, circle(13, 20, 2.2)))


@motif("dragon", "dragon wyvern drake")
def dragon(_: Dice) -> Drawing:
    """Draw a winged dragon, breathing fire to the left."""
    body = outline(
        "22,26! 30,20 38,17! 42,9! 46,18 52,24 54,34 50,44 52,52 62,56 72,60 80,68 84,76 92,76 97,69! 99,82 92,90 "
        "80,88 70,92! 70,98! 58,98! 58,86 50,84 46,90! 46,98! 34,98! 34,84 32,70 34,56 36,44 36,36! 28,36 21,33!"
    )
    near = outline("52,54! 54,34 64,18 82,6 98,4! 92,14 92,24! 84,24 80,34! 74,34 72,46! 66,48 64,58!")
    ribs = (
        *stroke(line("54,54 66,28 97,5"), 1.8),
        *stroke(line("55,54 70,36 91,24"), 1.6),
        *stroke(line("56,55 68,44 80,34"), 1.6),
    )
    fire = outline("20,28! 12,20 2,20! 7,26 -2,30! 6,33 1,40! 12,38 20,33!")
    belly = outline("38,44! 38,56 37,70 39,84 44,84! 48,76 46,62 44,54 45,46!")
    return draw(
        fill(A, fire, polygon("97,69 106,64 101,76")),
        fill(S, near),
        fill(P, body),
        fill(H, belly, clip=(body,)),
        fill(A, *ribs, clip=(near,)),
        fill(H, circle(38, 25, 2.3)),
    )
