"""Fish, whale, octopus, shell; anchor, ship, lighthouse and the wave below them."""

from __future__ import annotations

import math

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import Kind, motif
from concept_worker.offline.path import (
    arc,
    brush,
    circle,
    ellipse,
    line,
    mirror,
    outline,
    pair,
    polygon,
    rect,
    ring,
    sector,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("fish", "fish salmon trout tuna koi goldfish sushi ~fishing carp ~seafood")
def fish(dice: Dice) -> Drawing:
    """Draw a fish with scales, facing right."""
    body = outline("96,52! 88,40 72,30 52,28 34,36 24,48! 24,54! 34,66 52,74 72,73 88,64")
    tail = outline("29,50! 18,42 8,28 1,26! 6,40 8,51 5,62 1,76! 9,74 18,62 29,54!")
    fins = (outline("64,29! 54,18 40,14 32,17! 38,26 44,32!"), outline("60,73! 54,84 46,88 41,88! 44,80 48,72!"))
    gill = sector(86, 52, 22, 18.5, 215, 325)
    scales = [sector(x, y, 5.2, 0, 180, 360) for x in range(34, 66, 8) for y in (40, 51, 62)]
    scales += [sector(x + 4, y, 5.2, 0, 180, 360) for x in range(34, 60, 8) for y in (45.5, 56.5)]
    return draw(
        fill(A, tail, *fins),
        fill(P, body),
        fill(S, *scales, clip=(outline("62,30 44,34 27,46! 27,56! 44,68 62,72"),)),
        fill(H, outline("96,52! 88,64 72,73 52,74 66,68 80,58") if dice.chance("belly", 0.5) else gill, clip=(body,)),
        fill(G, circle(83, 46, 3.6)),
        fill(A, circle(83.6, 46, 1.7)),
    )


@motif("whale", "whale orca dolphin moby")
def whale(_: Dice) -> Drawing:
    """Draw a whale with a lifted fluke and a spout, facing left."""
    body = outline("4,58 8,44 22,36 40,37 56,46 68,50 76,42 79,30! 86,34 88,46 84,62 72,78 52,88 28,88 10,78")
    fluke = outline("80,34! 72,28 66,18 66,10! 76,12 82,20 83,28! 85,19 92,12 100,12! 99,22 94,30 86,35!")
    belly = outline("3,62! 14,66 28,66 42,64 52,60! 56,72 50,82 36,87 20,85 8,76")
    fin = outline("42,70! 48,80 58,90 68,92! 66,80 56,70!")
    spout = (
        *brush(line("24,30 23,20 16,14 10,17"), lambda t: 3.4 - 0.8 * t),
        *brush(line("24,30 25,20 32,14 38,17"), lambda t: 3.4 - 0.8 * t),
    )
    grooves = [piece for x in (14, 22, 30, 38) for piece in stroke(line(f"{x},70 {x + 2},77 {x + 5},84"), 1.5)]
    return draw(
        fill(S, *spout),
        fill(P, body, fluke),
        fill(H, belly, clip=(body,)),
        fill(S, *grooves, clip=(belly,)),
        fill(A, fin),
        fill(G, circle(20, 56, 2.4)),
    )


@motif("octopus", "octopus squid kraken jellyfish tentacle")
def octopus(_: Dice) -> Drawing:
    """Draw an octopus with curling arms."""
    arms = [
        *brush(line("38,58 30,72 18,78 8,72 8,62 15,60"), lambda t: 11 - 8 * t),
        *brush(line("44,60 38,78 28,90 16,94 10,88"), lambda t: 11 - 8 * t),
        *brush(line("47,60 46,80 42,92 34,99"), lambda t: 10 - 7 * t),
    ]
    head = symmetric("50,6 34,9 24,22 25,38 33,50 35,62 50,66")
    suckers = [circle(x, y, 1.5) for x, y in ((29, 75.5), (21, 78.5), (36, 84), (29, 90), (45.5, 86))]
    return draw(
        fill(S, *arms, *(mirror(piece) for piece in arms)),
        fill(H, *suckers, *(mirror(one) for one in suckers)),
        fill(P, head),
        fill(H, *pair(circle(40, 42, 5.4))),
        fill(A, *pair(circle(41, 43, 2.6)), circle(38, 20, 3), circle(60, 16, 2.2), circle(62, 27, 3)),
    )


@motif("shell", "shell seashell scallop clam oyster pearl")
def shell(_: Dice) -> Drawing:
    """Draw a scallop shell."""
    rim = [
        circle(50 + 40 * math.sin(math.radians(a)), 80 - 62 * math.cos(math.radians(a)), 8) for a in range(-60, 61, 20)
    ]
    fan = symmetric("50,14 30,18 14,34 12,52 44,88! 50,88!")
    ribs = [
        piece
        for a in range(-50, 51, 20)
        for piece in stroke(((50, 86), (50 + 41 * math.sin(math.radians(a)), 80 - 58 * math.cos(math.radians(a)))), 2.2)
    ]
    hinge = polygon("36,84 64,84 70,95 30,95", 3)
    return draw(fill(P, fan, *rim), fill(H, *ribs), fill(A, hinge))


@motif("anchor", "anchor ~harbor ~harbour ~marina ~port nautical sailor ~navy")
def anchor(_: Dice) -> Drawing:
    """Draw an anchor."""
    shank = rect(46, 24, 8, 66, 2)
    stock = rect(28, 30, 44, 7.5, 3.7)
    arms = brush(arc((50, 54), 36, 100, 260), lambda _: 8)
    flukes = pair(polygon("2,65 14,44 27,65", 1.5))
    return draw(
        fill(P, ring(50, 14, 11, 5.2), shank),
        fill(S, stock),
        fill(P, *arms, *flukes),
        fill(A, circle(28, 33.7, 5), circle(72, 33.7, 5)),
    )


@motif("ship", "ship boat sailboat sail sailing yacht schooner vessel regatta pirate")
def ship(dice: Dice) -> Drawing:
    """Draw a sailing boat."""
    main = outline("52,6! 72,24 84,46 87,66! 70,62 52,66!")
    jib = outline("47,14! 36,34 24,50 12,64! 28,61 47,66!")
    hull = outline("8,71! 92,71! 87,82 78,91! 22,91! 13,82")
    return draw(
        fill(S, main),
        fill(A if dice.chance("jib", 0.5) else H, jib),
        fill(P, rect(48, 4, 3.4, 68)),
        fill(P, hull),
        fill(H, polygon("10,76.5 90,76.5 89,79.5 11,79.5")),
        fill(A, polygon("50,4 64,8 50,12")),
    )


@motif("lighthouse", "lighthouse beacon light_house", Kind.FIGURE)
def lighthouse(_: Dice) -> Drawing:
    """Draw a striped lighthouse with two beams."""
    tower = polygon("41,36 59,36 65,90 35,90")
    bands = [polygon("30,46 70,50 70,60 30,56"), polygon("30,66 70,70 70,80 30,76")]
    beams = pair(polygon("44,25 0,12 0,36 44,29"))
    rock = outline("12,96! 22,88 36,89 50,86 64,89 80,88 90,96!")
    return draw(
        fill(H, *beams),
        fill(P, tower),
        fill(G, *bands, clip=(tower,)),
        fill(S, rect(42, 19, 16, 15)),
        fill(P, outline("38,19! 42,12 50,7 58,12 62,19!"), rect(36, 33, 28, 5, 2), rect(48.6, 2, 2.8, 8)),
        fill(A, rock),
        fill(P, outline("46,90! 46,82 50,79 54,82 54,90!")),
    )


@motif("wave", "wave ocean sea ~water surf surfing tide ~river ~lake ~beach ~coast tsunami", Kind.LAND)
def wave(_: Dice) -> Drawing:
    """Draw a breaking wave with foam."""
    crest = outline("2,90! 8,62 22,36 44,22 66,24 80,38 82,52! 74,44 62,42 54,50 54,62 64,72 80,76 98,74! 98,90!")
    inner = outline("14,90! 18,66 28,48 42,38 54,38! 44,48 42,62 50,76 66,84 84,84 98,82! 98,90!")
    deep = outline("28,90! 30,74 36,62! 42,78 56,87 70,90!")
    foam = [circle(x, y, r) for x, y, r in ((83, 50, 5), (76, 41, 5.5), (66, 36, 4), (88, 62, 2.6), (93, 53, 1.8))]
    return draw(fill(P, crest), fill(S, inner), fill(A, deep), fill(H, *foam))


@motif("crab", "crab lobster shrimp prawn crayfish")
def crab(_: Dice) -> Drawing:
    """Draw a crab, claws up."""
    legs = [
        p
        for y, dx in ((62, 0), (70, 3), (78, 8))
        for p in brush(line(f"28,{y} {12 + dx},{y - 1} {4 + dx},{y + 11}"), lambda t: 4.6 - 2 * t)
    ]
    arms = brush(line("28,54 16,48 14,36"), lambda _: 6)
    claw = outline("14,40 5,32 4,18 14,8 20,8! 14,18 18,25! 25,14! 28,22 25,34 20,40")
    shell_ = symmetric("50,44 32,46 20,56 22,72 36,84 50,86")
    return draw(
        fill(S, *legs, *(mirror(piece) for piece in legs)),
        fill(P, *arms, *(mirror(piece) for piece in arms), *pair(claw)),
        fill(P, *pair(rect(39, 34, 3.4, 14)), shell_),
        fill(H, *pair(circle(40.6, 33, 4.6))),
        fill(A, *pair(circle(41, 33, 2.2)), *stroke(line("40,66 50,71 60,66"), 2.4), *pair(ellipse(31, 62, 4, 2.6))),
    )
