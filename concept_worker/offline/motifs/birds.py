"""Owl, eagle, hummingbird, dove, duck, penguin; butterfly and bee."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import motif
from concept_worker.offline.path import brush, circle, ellipse, line, outline, pair, sector, stroke, symmetric

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("owl", "owl owlet")
def owl(dice: Dice) -> Drawing:
    """Draw an owl, whole, from the front."""
    body = symmetric("50,16! 38,13 28,12 18,3! 17,18 14,34 14,56 20,78 34,92 50,96!")
    wings = pair(outline("14,40 11,54 13,72 22,86 33,92! 31,78 26,62 21,50"))
    belly = symmetric("50,46 38,52 30,62 31,78 40,89 50,92")
    scallops = []
    for row in range(4):
        for column in range(-2 + row % 2, 3):
            x = 50 + (column - 0.5 * (row % 2)) * 9
            scallops.append(sector(x, 58 + row * 8, 4.0, 0, 90, 270))
    eyes = pair(circle(34, 33, 15))
    iris, pupils = pair(circle(34.5, 33.5, 10.2)), pair(circle(35.5, 34, 5.4))
    beak = symmetric("50,38! 45,42 46,48 50,55!")
    brow = symmetric("50,26! 42,17 30,12 17,2! 22,18 34,22 44,30 50,40!")
    return draw(
        fill(P, body),
        fill(S, *wings),
        fill(H, belly),
        fill(S, *scallops, clip=(belly,)),
        fill(H, *eyes),
        fill(A if dice.chance("iris", 0.6) else S, *iris),
        fill(P, *pupils, brow),
        fill(H, *pair(circle(37.3, 31.6, 1.7))),
        fill(A, beak, *(ellipse(50 + dx, 95, 2.2, 4) for dx in (-14, -9, 9, 14))),
    )


@motif("eagle", "eagle hawk falcon phoenix raptor osprey condor griffin")
def eagle(_: Dice) -> Drawing:
    """Draw an eagle with wings raised, heraldic."""
    wing = outline(
        "46,44! 38,32 24,22 4,18! 6,26 12,31! 3,31! 6,38 14,42! "
        "6,43! 10,50 18,52! 11,55! 16,61 24,61! 18,66! 26,70 34,67 "
        "42,60 48,52!"
    )
    coverts = outline("46,44! 38,32 24,22 4,18! 10,26 22,34 32,44 38,56 48,52!")
    body = symmetric("50,40 43,44 40,54 41,66 45,76 50,80")
    tail = symmetric("50,70! 44,70! 36,92! 42,90! 44,97! 50,93!")
    head = outline("43,44! 42,34 43,26 49,21 57,22 62,27 69,29 71,34 69,38! 66,35 61,35 57,38 57,44!")
    beak = outline("60,26.5! 66,27 71,31 70,38! 67,35 61,35!")
    return draw(
        fill(P, *pair(wing)),
        fill(S, *pair(coverts)),
        fill(S, tail),
        fill(P, body),
        fill(H, head),
        fill(A, beak, circle(56, 28.5, 1.8), *(ellipse(50 + d, 82, 2, 5, -d * 3) for d in (-7, 7))),
    )


@motif("hummingbird", "hummingbird colibri kingfisher")
def hummingbird(_: Dice) -> Drawing:
    """Draw a hummingbird hovering, facing right."""
    bill = outline("71,29! 84,24 99,20! 85,28 72,33!")
    body = outline("58,27 64,23 71,25 74,30 71,36 69,42 67,52 60,62 50,70 40,77! 44,66 48,54 53,40")
    throat = outline("74,31 70,33 64,40 62,48 68,48 71,38")
    tail = (outline("50,68! 40,70 24,84 14,97! 28,92 44,80!"), outline("52,66! 46,74 40,88 36,99! 46,90 56,72!"))
    near = outline("58,40! 50,26 38,12 16,2! 18,12 22,18! 16,19! 22,28 28,31! 24,34! 34,44 46,50 56,50!")
    far = outline("57,36! 56,22 60,8 70,0! 70,12 67,22 62,32!")
    return draw(
        fill(S, far),
        fill(A, tail[0], bill),
        fill(S, tail[1]),
        fill(P, body),
        fill(H, throat, clip=(body,)),
        fill(P, near),
        fill(S, outline("58,40! 50,26 38,12 16,2! 26,14 38,26 47,42 56,50!")),
        fill(G, circle(68, 29.5, 1.9)),
    )


@motif("bird", "bird dove swallow sparrow robin finch pigeon songbird raven crow nightingale canary feathered")
def bird(dice: Dice) -> Drawing:
    """Draw a bird in flight, wings up, facing right."""
    far = outline("54,44! 50,30 52,14 62,2! 66,16 66,30 62,44!")
    body = outline(
        "4,74! 18,66 30,58 38,50 48,44 60,42 70,40 76,34 84,34 88,39 98,43! 89,46 86,54 78,64 64,71 46,73 28,72 14,76!"
    )
    belly = outline("88,42 84,54 76,63 64,70 46,73 28,72 44,68 60,62 72,54 78,46")
    near = outline("66,48! 56,36 40,22 14,14! 20,24 26,29! 20,30! 28,40 35,43! 30,45! 40,56 54,60 66,58!")
    return draw(
        fill(S, far),
        fill(P, body),
        fill(H if dice.chance("pale", 0.6) else S, belly, clip=(body,)),
        fill(S, near),
        fill(P, outline("66,48! 56,36 40,22 14,14! 26,26 40,38 52,52 66,58!")),
        fill(A, outline("87,38! 98,43! 88,46!")),
        fill(G, circle(82, 39.5, 1.8)),
    )


@motif("duck", "duck duckling swan goose")
def duck(_: Dice) -> Drawing:
    """Draw a duck afloat, facing right."""
    body = outline(
        "4,52! 14,58 28,56 44,54 56,48 58,38 58,28 63,19 73,16 "
        "82,21 85,30 82,40 82,52 84,66 76,80 58,86 36,86 18,78 8,66"
    )
    wing = outline("24,62 38,58 54,60 66,58! 62,70 50,77 36,76 26,72!")
    bill = outline("83,25! 92,27 99,32 92,36 84,35!")
    waves = (*stroke(line("2,92 14,88 26,92 38,88 50,92 62,88 74,92 86,88 98,92"), 3.4),)
    return draw(
        fill(P, body),
        fill(S, wing),
        fill(H, outline("58,38 66,42 76,42 83,38! 82,48 70,50 57,46")),
        fill(A, bill, *waves),
        fill(G, circle(74, 26, 2.4)),
    )


@motif("penguin", "penguin")
def penguin(_: Dice) -> Drawing:
    """Draw a penguin from the front."""
    body = symmetric("50,4 38,7 31,17 30,30 24,44 22,64 28,84 42,93 50,94")
    front = symmetric("50,30 45,22 38,22 35,30 38,40 32,54 31,70 38,84 50,88")
    flippers = pair(outline("29,36 20,48 13,64 11,74! 19,70 26,60"))
    return draw(
        fill(A, *pair(ellipse(39, 94, 9, 4.2))),
        fill(P, *flippers, body),
        fill(H, front),
        fill(A, symmetric("50,30! 44,32 50,40!")),
        fill(P, *pair(circle(41.5, 28, 2.5))),
        fill(S, symmetric("50,46! 40,44 34,45! 38,51 50,53!")),
    )


@motif("butterfly", "butterfly moth monarch")
def butterfly(dice: Dice) -> Drawing:
    """Draw a butterfly with spread wings."""
    upper = outline("48,46! 40,28 26,12 10,10 2,20 4,36 14,48 30,53 48,52!")
    lower = outline("48,54! 34,55 20,60 13,72 18,86 30,92 40,84 46,70")
    inner = outline("45,45! 38,31 27,20 15,19 11,26 14,36 24,44 36,48!")
    heart = outline("44,58! 34,60 25,66 22,75 27,82 34,80 40,72!")
    spots = [
        *pair(circle(9, 24, 2)),
        *pair(circle(10.5, 33, 1.8)),
        *pair(circle(18.5, 82, 1.6)),
        *pair(circle(24, 87.5, 1.4)),
    ]
    antennae = brush(line("49,34 44,22 36,16"), lambda t: 1.6 + 1.6 * t)
    return draw(
        fill(P, *pair(upper)),
        fill(P if dice.chance("plain", 0.4) else A, *pair(lower)),
        fill(S, *pair(inner)),
        fill(H, *pair(heart)),
        fill(H, *spots),
        fill(A, *antennae, *(pair(piece)[1] for piece in antennae), ellipse(50, 56, 2.8, 22), circle(50, 35, 3.4)),
    )


@motif("bee", "bee honeybee bumblebee wasp ~honey ~hive ~beehive ~apiary")
def bee(_: Dice) -> Drawing:
    """Draw a bee from above."""
    wings = (*pair(ellipse(25, 40, 24, 11, 28)), *pair(ellipse(30, 58, 16, 8, -8)))
    body = symmetric("50,36 39,42 35,56 38,74 46,88 50,97!")
    stripes = [outline(f"20,{y} 50,{y + 5} 80,{y} 80,{y + 7} 50,{y + 12.5} 20,{y + 7}") for y in (48, 63, 78)]
    antennae = stroke(line("47,20 42,11 34,8"), 2.2)
    return draw(
        fill(H, *wings),
        fill(A, *antennae, *(pair(piece)[1] for piece in antennae)),
        fill(S, body),
        fill(P, *stripes, clip=(body,)),
        fill(P, circle(50, 25, 9.5)),
        fill(S, symmetric("50,31 42,33 40,39 44,44 50,45")),
        fill(H, *pair(circle(46.2, 22, 1.9))),
    )
