"""Cat, dog, rabbit, horse: companions, mostly from the front."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import motif
from concept_worker.offline.path import circle, ellipse, line, outline, pair, stroke, symmetric

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("cat", "cat kitten kitty feline tomcat tiger panther lynx")
def cat(dice: Dice) -> Drawing:
    """Draw a cat's head with striped brow and whiskers."""
    head = symmetric("50,27! 42,26 35,28! 19,6! 11,30 8,52 14,72 30,86 50,90!")
    ears = pair(outline("20.5,15! 16,27 15,38! 23,33 30,30!"))
    stripes = (symmetric("50,25! 46.5,26! 47.5,40 50,46!"), *pair(outline("39,26! 43,26! 44.5,33 44,39! 40.5,33")))
    muzzle = symmetric("50,60! 40,62 33,70 36,80 44,85 50,90!")
    eyes = pair(outline("20,53! 29,45 38,56! 29,59"))
    pupils = pair(ellipse(30, 52, 2.2, 5.6))
    nose = symmetric("50,63! 45,62 44,65 50,70!")
    mouth = (*stroke(line("50,69! 50,74! 45,78 40,76"), 2.2), *stroke(line("50,74! 55,78 60,76"), 2.2))
    whiskers = [*stroke(line("27,70 12,68 -1,70"), 1.5), *stroke(line("28,75 14,77 2,82"), 1.5)]
    whiskers += [piece for one in tuple(whiskers) for piece in (pair(one)[1],)]
    return draw(
        fill(S, *whiskers),
        fill(P, head),
        fill(S, *ears),
        fill(dice.pick("stripes", (A, S)), *stripes, clip=(head,)),
        fill(H, muzzle, clip=(head,)),
        fill(H, *eyes),
        fill(P, *pupils, *mouth),
        fill(A, nose),
    )


@motif("dog", "dog puppy pup hound canine labrador terrier retriever bulldog beagle poodle")
def dog(dice: Dice) -> Drawing:
    """Draw a dog's head with drop ears and a patch over one eye."""
    head = symmetric("50,14 36,16 25,27 22,46 25,64 35,82 50,90")
    ear = outline("33,15! 22,15 11,24 6,40 7,56 14,66 22,62 27,50 27,34")
    patch = outline("50,14 64,15 76,27 78,44 72,54 62,55 55,46 53,30")
    muzzle = symmetric("50,46 43,50 40,58 33,64 32,76 40,86 50,89")
    eyes = pair(circle(37, 45, 4.2))
    nose = symmetric("50,58 43,57 40,61 44,67 50,70")
    mouth = (*stroke(line("50,69 50,75!"), 2.4), *stroke(line("40,77 45,79 50,75 55,79 60,77"), 2.4))
    tongue = symmetric("50,78! 45,79! 45,86 50,90")
    return draw(
        fill(P, head),
        fill(S, patch, clip=(head,)) if dice.chance("patch", 0.7) else fill(P, head),
        fill(H, muzzle),
        fill(A, *pair(ear)),
        fill(A, *eyes, nose, *mouth),
        *((fill(S, tongue),) if dice.chance("tongue", 0.5) else ()),
    )


@motif("rabbit", "rabbit bunny hare easter_bunny")
def rabbit(dice: Dice) -> Drawing:
    """Draw a rabbit's head, one ear folded now and then."""
    ear = outline("44,44 35,36 29,20 31,4 37,0 44,8 48,26 49,42")
    inner = outline("43,36 37,30 33.5,18 35,8 39,10 43,22 45,34")
    folded = outline("54,42 55,24 62,8 72,4 84,12 88,26! 78,24 68,26 62,34 60,44")
    lining = outline("88,26! 84,12 76,8 72,16 76,22")
    head = symmetric("50,36 36,40 26,54 25,70 34,86 50,93")
    cheeks = symmetric("50,66 42,66 33,72 33,84 42,91 50,93")
    face = (*pair(circle(38, 61, 3.8)), symmetric("50,68 46,67 45,70 50,74"), *stroke(line("50,73 50,79"), 2))
    teeth = symmetric("50,79! 46.5,79! 46.5,86 50,86")
    fold = dice.chance("fold", 0.4)
    ears = (ear, folded) if fold else pair(ear)
    return draw(
        fill(P, *ears),
        fill(S, *((inner, lining) if fold else pair(inner))),
        fill(P, head),
        fill(H, cheeks),
        fill(G, teeth),
        fill(A, *face),
    )


@motif("horse", "horse stallion mare pony ~equestrian mustang unicorn")
def horse(_: Dice) -> Drawing:
    """Draw a horse's head in profile, facing left, its mane in locks."""
    head = outline(
        "45,16! 40,6! 50,10! 54,14 64,20 74,34 80,54 84,78 86,96! "
        "40,96! 45,82 50,70 52,60 48,56! 42,60 34,64 28,72 22,77 "
        "15,76 11,70 13,62 19,52 26,40 33,28 40,19"
    )
    mane = outline(
        "48,8! 58,10 68,16! 66,18! 76,24 82,36! 79,36! 88,46 91,60! "
        "88,58! 95,72 96,86! 92,82! 96,92 95,96! 80,96! 77,78 "
        "72,58 65,40 56,26 50,18"
    )
    cheek = outline("52,60! 56,52 55,42 50,36! 58,40 62,50 58,60 52,72!")
    return draw(
        fill(P, head),
        fill(S, mane),
        fill(A, cheek),
        fill(G, outline("36,34! 40,31 43,34! 40,36"), ellipse(17, 69, 1.7, 2.6, 30)),
        fill(A, outline("45,16! 41,9.5! 48,13!")),
    )
