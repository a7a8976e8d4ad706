"""The fox: its head from the front, and whole, in full leap."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import motif
from concept_worker.offline.path import circle, outline, pair, symmetric

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("leaping fox", "")
def leaping_fox(_: Dice) -> Drawing:
    """Draw a fox in mid-leap, facing right, its back an arch."""
    far_hind = outline("34,42 24,48 14,53 6,55.5 1,57! -1,60! 1,62.5! 7,62 16,60 27,56 38,50")
    far_fore = outline("66,47 68.5,57 73.5,66 80,72! 86,75! 89.5,73! 88,70! 84,67.5 79,61 75,52")
    tail = outline("34,33! 27,26 18,20 7,20 -2,27 -9,40! -2,37.5 7,39.5 17,40.5 26,39.5 33,38!")
    tip = outline("6,15! 3.5,24! 8.5,26.5! 3.5,31.5! 8,35! 3,46! -20,46! -20,15!")
    body = outline(
        "99,44! 92.5,37.5 86,33! 84.5,18.5! 76,28 70,31 62,29 53,24 43,23.5 35,28 29,35 26,44 20,53 12,60 5,64! "
        "2,68! 3,70.5! 8,71 16,67.5 26,61 35,53 44,48 53,46 "
        "61,48 67,55 75,62 84,66 92,67.5! 97,67! 98.5,64.5! 96.5,62! "
        "91,61 84,58.5 79.5,55! 77.5,52 79,49.5 84,49.5 92,48.5 98,46.5"
    )
    far_ear = outline("77,29! 74.5,17! 68,25 69,32!")
    bib = outline(
        "100,43! 95,43.8 90,43.4 85,45.6 80,44.2 75.5,46.5! 77,49! 73.5,50! 75.5,52.5! 73,55! 77,55.5! 79.5,51! 100,51!"
    )
    inner_ear = outline("83.8,31! 83.2,23! 79,29.5!")
    return draw(
        fill(A, *(far_hind, far_fore, far_ear)),
        fill(P, tail),
        fill(H, tip, clip=(tail,)),
        fill(P, body),
        fill(H, bib, clip=(body,)),
        fill(A, inner_ear),
        fill(A, outline("86,38.2! 88,37.2 90.4,39.9! 87.6,40.2")),
        fill(A, circle(98, 44.6, 1.9)),
    )


@motif("fox", "fox vixen fennec reynard")
def fox(dice: Dice) -> Drawing:
    """Draw a fox's head from the front."""
    head = symmetric("50,24! 41,27 36,28! 31,17 14,4! 8,25 12,44! 5,58! 17,68 31,80 43,93 50,96!")
    ears = pair(outline("17,12! 27,20 32,30! 22,38 15,42! 12,28"))
    cheeks = pair(outline("5,58! 14,58 25,56 36,62 43,74 46,92 50,97! 43,93 31,80 17,68"))
    eyes = pair(outline("24,51! 31,48 38,54! 31,56"))
    nose = symmetric("50,86! 43,86 44,91 50,97!")
    shade = outline("50,24! 59,27 64,28! 69,17 86,4! 92,25 88,44! 95,58! 83,68 69,80 57,93 50,96!")
    return draw(
        fill(P, head),
        *((fill(S, shade),) if dice.chance("two-tone", 0.5) else ()),
        fill(A, *ears, clip=(head,)),
        fill(H, *cheeks, clip=(head,)),
        fill(A, *eyes, nose),
    )
