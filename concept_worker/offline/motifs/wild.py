"""Wolf, bear, lion, deer, elephant, panda, mouse, turtle: animals of forest and plain."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import motif
from concept_worker.offline.path import (
    brush,
    circle,
    ellipse,
    line,
    mirror,
    outline,
    pair,
    polar,
    regular,
    rounded,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("wolf", "wolf wolve husky coyote werewolf")
def wolf(dice: Dice) -> Drawing:
    """Draw a wolf's head in facets."""
    head = symmetric("50,22! 40,25! 35,27! 27,4! 15,28! 13,44! 5,58! 13,60! 10,71! 20,71! 20,82! 31,80! 39,90! 50,98!")
    ears = pair(outline("26.5,12! 19,29! 19,42! 32,30!"))
    ruff = pair(outline("5,58! 13,60! 10,71! 20,71! 20,82! 31,80! 39,90! 36,72! 27,62! 14,50!"))
    brow = pair(outline("50,22! 40,25! 35,27! 31,38! 40,50! 46,62! 50,62!"))
    bridge = symmetric("50,34! 44,50! 42,72! 50,78!")
    muzzle = pair(outline("42,70! 36,72! 39,90! 50,98! 50,84! 44,80!"))
    eyes = pair(outline("24,50! 38,53! 36,58! 29,57!"))
    nose = symmetric("50,74! 43,74! 43,79! 50,86!")
    return draw(
        fill(P, head),
        fill(A, *ears),
        fill(S, *ruff),
        fill(S if dice.chance("brow", 0.5) else P, brow[0]),
        fill(H, *muzzle),
        fill(P, bridge),
        fill(H, *eyes),
        fill(A, nose),
    )


@motif("bear", "bear grizzly teddy polar_bear")
def bear(dice: Dice) -> Drawing:
    """Draw a bear's round head."""
    ears = pair(circle(22, 24, 15))
    head = symmetric("50,14 32,17 17,30 12,50 18,72 34,87 50,90")
    muzzle = symmetric("50,52 40,53 32,62 33,76 42,84 50,85")
    nose = symmetric("50,56 42,56 40,61 45,67 50,69")
    mouth = (*stroke(line("50,68 50,73"), 2.4), *stroke(line("43,76 47,77 50,73 53,77 57,76"), 2.4))
    return draw(
        fill(P, *ears),
        fill(S, *pair(circle(23, 25, 8))),
        fill(P, head),
        fill(H, muzzle),
        fill(A, nose, *mouth, *pair(circle(33, 46, 4))),
        *((fill(S, *pair(ellipse(21, 60, 5.5, 4))),) if dice.chance("blush", 0.4) else ()),
    )


@motif("panda", "panda")
def panda(_: Dice) -> Drawing:
    """Draw a panda's head: pale, with dark ears and eyes."""
    head = symmetric("50,14 31,17 15,31 10,52 17,74 33,87 50,90")
    return draw(
        fill(P, *pair(circle(21, 22, 15))),
        fill(H, head),
        fill(P, *pair(ellipse(31, 50, 9.5, 12.5, 32))),
        fill(G, *pair(circle(33.5, 48, 3.6))),
        fill(P, symmetric("50,62 43,62 42,66 47,71 50,72"), *stroke(line("43,78 47,79 50,75 53,79 57,78"), 2.4)),
        fill(S, *pair(ellipse(20, 67, 5, 3.6))),
    )


@motif("lion", "lion lioness leo")
def lion(dice: Dice) -> Drawing:
    """Draw a lion's head in a mane of locks."""
    count = dice.pick("locks", (12, 14))
    locks = []
    for i in range(count):
        angle = 360 * (i + 0.5) / count
        tip, left, right = (polar((50, 50), r, angle + d) for r, d in ((49, 6), (36, -17), (36, 17)))
        locks.append(rounded((left, tip, right, (50, 50)), 5))
    face = symmetric("50,20 40,20 31,26 27,34 26,46 31,62 38,76 50,83")
    muzzle = symmetric("50,56! 44,60 36,64 36,74 43,80 50,83")
    nose = symmetric("50,54 42,53! 43,58 50,65!")
    bridge = symmetric("50,30 46,34 45.5,46 42,54! 50,56")
    return draw(
        fill(A, *locks),
        fill(S, *(tuple((50 + (x - 50) * 0.84, 50 + (y - 50) * 0.84) for x, y in lock) for lock in locks)),
        fill(P, *pair(circle(29, 26, 8.5))),
        fill(A, *pair(circle(29, 26, 4.6))),
        fill(P, face),
        fill(H, muzzle),
        fill(S, bridge),
        fill(A, nose, *stroke(line("50,63 50,69"), 2), *stroke(line("43,73 47,74 50,70 53,74 57,73"), 2)),
        fill(A, *pair(outline("33,45! 38,42 43,47! 38,48"))),
    )


@motif("deer", "deer stag doe buck reindeer elk moose antler antelope")
def deer(dice: Dice) -> Drawing:
    """Draw a stag's head with antlers."""
    spread = dice.pick("spread", (0.0, 3.0))
    beam = line(f"43,44 {34 - spread},34 {24 - spread},26 {20 - spread},14 {24 - spread},2")
    tines = (
        f"{33 - spread},33 {36 - spread},24 {35 - spread},14",
        f"{23 - spread},24 {14 - spread},20 {9 - spread},11",
    )
    antler = [*brush(beam, lambda t: 5.4 - 2.6 * t)]
    for tine in (*tines, f"{39 - spread},39 {28 - spread},39 {20 - spread},35"):
        antler += brush(line(tine), lambda t: 4 - 2 * t)
    ears = pair(outline("40,50! 30,44 17,44 9,49! 16,57 28,58 40,57!"))
    head = symmetric("50,40 42,42 38,50 38,60 42,74 43,88 50,95")
    blaze = symmetric("50,41 46,46 45,58 47,70 50,74")
    nose = symmetric("50,84 44,84 43,90 50,95")
    return draw(
        fill(S, *antler, *(mirror(piece) for piece in antler)),
        fill(P, *ears),
        fill(H, *pair(outline("36,52! 28,48 18,48! 26,54 36,56!"))),
        fill(P, head),
        fill(H, blaze),
        fill(A, nose, *pair(ellipse(42, 60, 2.2, 3.2, -14))),
    )


@motif("elephant", "elephant mammoth")
def elephant(_: Dice) -> Drawing:
    """Draw an elephant from the front, its ears spread."""
    ear = outline("36,24 22,14 7,20 1,38 6,58 18,68 30,64 36,50")
    lining = outline("33,30 22,22 11,27 7,40 11,54 20,60 29,56 33,44")
    head = symmetric("50,12 38,15 31,26 31,44 36,56 41,66 42,84 50,88")
    trunk = outline("41,56 59,56 59,70 60,80 66,86 74,82! 77,88! 70,96 58,95 50,88 44,80 41,68")
    tusks = pair(outline("38,62! 34,70 28,77 22,78! 26,83 34,81 42,72!"))
    return draw(
        fill(P, *pair(ear)),
        fill(S, *pair(lining)),
        fill(H, *tusks),
        fill(P, head, trunk),
        fill(A, *pair(ellipse(40.5, 43, 2.4, 3.2))),
        fill(S, *(piece for y in (66, 72, 78) for piece in stroke(line(f"46,{y} 50,{y + 1} 54,{y}"), 1.6))),
    )


@motif("turtle", "turtle tortoise")
def turtle(_: Dice) -> Drawing:
    """Draw a turtle from above."""
    flippers = (
        *pair(outline("32,30 20,16 6,14 2,22 10,32 24,42!")),
        *pair(outline("34,72 24,78 18,90 24,94 34,88 42,80!")),
    )
    head = symmetric("50,2 42,5 40,14 44,26 50,28")
    scutes = [regular(50, 52, 13, 6)]
    scutes += [regular(*polar((50, 52), 24, 60.0 * i + 30), 10.5, 6) for i in range(6)]
    shell = ellipse(50, 52, 29, 33)
    return draw(
        fill(S, *flippers, head, symmetric("50,84 46,86 50,98!")),
        fill(P, shell),
        fill(H, *scutes, clip=(ellipse(50, 52, 25, 29),)),
        fill(
            A,
            *(
                tuple((c[0] + (x - c[0]) * 0.62, c[1] + (y - c[1]) * 0.62) for x, y in s)
                for s, c in ((s, (sum(p[0] for p in s) / 6, sum(p[1] for p in s) / 6)) for s in scutes)
            ),
            clip=(ellipse(50, 52, 25, 29),),
        ),
        fill(A, *pair(circle(45, 10, 1.6))),
    )
