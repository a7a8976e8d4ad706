"""Trees, leaves, flowers, fruit and grain."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import Kind, motif
from concept_worker.offline.path import (
    Polygon,
    brush,
    circle,
    ellipse,
    line,
    mirror,
    outline,
    pair,
    placed,
    polar,
    polygon,
    rect,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT
_BLADE = "0,0! -9,-12 -8,-28 0,-42! 8,-28 9,-12"


def blade(x: float, y: float, turn: float, size: float = 1.0) -> Polygon:
    """Draw a leaf of length 42 x `size` that grows from (x, y) at `turn` degrees from upright."""
    return placed((x, y), size, turn, about=(0, 0))(outline(_BLADE))


@motif("pine", "pine fir pine_tree fir_tree spruce evergreen conifer christmas_tree cedar forest woods woodland")
def pine(dice: Dice) -> Drawing:
    """Draw a fir of three tiers, one flank in shade; sometimes with two small ones."""
    tiers = [
        symmetric(f"50,{top}! {50 - half},{low}! 50,{low - 4}")
        for top, low, half in ((6, 36, 19), (22, 60, 27), (42, 84, 35))
    ]
    right: tuple[Polygon, ...] = (rect(50, 0, 50, 100),)
    one = draw(fill(A, rect(45.5, 80, 9, 16)), fill(P, *tiers), fill(S, *tiers, clip=right))
    if dice.chance("grove", 0.45):
        return draw(one.place((20, 71), 0.52), one.place((80, 71), 0.52), one.keyline(1.5), one)
    return one


@motif("tree", "tree oak maple_tree willow orchard arbor baobab bonsai birch")
def tree(dice: Dice) -> Drawing:
    """Draw a broad tree with a branching trunk."""
    crown = [circle(x, y, r) for x, y, r in ((50, 27, 22), (28, 38, 19), (72, 38, 19), (38, 50, 17), (62, 50, 17))]
    light = [circle(x, y, r) for x, y, r in ((45, 22, 13), (26, 34, 10), (66, 33, 10))]
    trunk = outline("45,97! 47,80 46,68 36,56! 40,54! 48,62 49,46! 52,46! 52,62 61,53! 65,56! 54,70 53,80 55,97!")
    roots = outline("32,97! 40,93 46,86! 54,86! 60,93 68,97!")
    fruit = [circle(x, y, 2.8) for x, y in ((32, 46), (66, 46), (56, 36), (40, 34), (72, 34), (50, 18))]
    return draw(
        fill(P, *crown),
        fill(S, *light) if dice.chance("light", 0.6) else fill(H, *fruit),
        fill(A, trunk, roots),
    )


@motif(
    "leaf",
    "leaf leaves foliage ~herb tea ~plant ~vegan ~organic ~eco ~mint basil sprout seedling ~botanical ~nature ~green",
)
def leaf(dice: Dice) -> Drawing:
    """Draw a single leaf in two halves with its veins, or a sprout of two."""
    if dice.chance("sprout", 0.35):
        right = outline("51,62! 54,40 70,24 95,20! 94,44 78,62")
        left = outline("49,70! 44,52 28,40 6,38! 10,58 26,72")
        stem = brush(line("50,98 50,80 50,62"), lambda t: 5.5 - 2 * t)
        veins = (*stroke(line("54,60 70,44 84,30"), 2), *stroke(line("46,68 32,56 18,46"), 2))
        return draw(fill(A, *stem), fill(P, right), fill(S, left), fill(H, *veins))
    whole = outline("84,8! 88,36 80,64 58,80 28,80! 22,58 32,32 54,16")
    half = outline("84,8! 88,36 80,64 58,80 28,80! 46,56 64,34")
    stem = brush(line("10,97 28,80 52,50 76,18"), lambda t: 4.4 - 3.4 * t)
    ribs = [
        p
        for a, b, c in ((40, 65, "58,68"), (51, 51, "70,54"), (62, 37, "78,38"))
        for p in stroke(line(f"{a},{b} {c}"), 1.9)
    ]
    return draw(fill(P, whole), fill(S, half), fill(H, *ribs, clip=(half,)), fill(A, *stem))


@motif("flower", "flower ~floral daisy sunflower blossom bloom cherry_blossom sakura lily petal ~florist orchid")
def flower(dice: Dice) -> Drawing:
    """Draw a flower from above, its petals in two rows."""
    count = dice.pick("petals", (5, 6, 8, 10))
    width = {5: 1.25, 6: 1.12, 8: 0.95, 10: 0.82}[count]
    petal = tuple((x * width, y) for x, y in outline("0,0! -10,-18 -12,-36 0,-46 12,-36 10,-18"))
    front = [placed((50, 50), 1, 360 * i / count, about=(0, 0))(petal) for i in range(count)]
    back = [placed((50, 50), 0.94, 360 * (i + 0.5) / count, about=(0, 0))(petal) for i in range(count)]
    lines = [
        p
        for i in range(count)
        for p in stroke((polar((50, 50), 14, 360 * i / count), polar((50, 50), 28, 360 * i / count)), 2)
    ]
    return draw(
        fill(S, *back),
        fill(P, *front),
        fill(H, *lines),
        fill(A, circle(50, 50, 12)),
        fill(H, *(circle(*polar((50, 50), 6.5, 60.0 * i), 1.5) for i in range(6)), circle(50, 50, 1.5)),
    )


@motif("rose", "rose peony roses")
def rose(_: Dice) -> Drawing:
    """Draw a rose in profile with two leaves."""
    bloom = outline("50,64 34,60 26,46 28,28! 34,32 38,22 50,14 62,22 66,32 72,28! 74,46 66,60")
    left, right = outline("28,28! 38,36 48,50 50,64 34,60 26,46"), outline("72,28! 62,36 52,50 50,64 66,60 74,46")
    heart = outline("50,20 42,26 42,36 50,44 58,36 58,26")
    stem = brush(line("50,62 50,78 48,98"), lambda _: 3.6)
    leaves = (blade(50, 86, -62, 0.8), blade(50, 82, 62, 0.8))
    return draw(
        fill(A, *stem, *leaves),
        fill(P, bloom),
        fill(A, heart),
        fill(S, left),
        fill(P, right, clip=(rect(0, 0, 100, 100),)),
        fill(H, *stroke(line("58,28 52,28 47,32 51,37 55,34"), 1.8)),
        fill(S, right, clip=(outline("60,40! 72,28! 80,40 66,64 52,64! 58,54"),)),
    )


@motif("lotus", "lotus waterlily water_lily ~yoga ~spa ~meditation ~zen ~wellness")
def lotus(_: Dice) -> Drawing:
    """Draw a lotus on the water."""
    middle = symmetric("50,14! 38,30 35,50 42,68 50,74!")
    inner = outline("46,74! 28,66 20,48 22,28! 34,36 44,52")
    outer = outline("46,76! 24,78 8,66 1,48! 18,48 34,58")
    return draw(
        fill(A, *pair(outer)),
        fill(S, *pair(inner)),
        fill(P, middle),
        fill(H, symmetric("50,30! 45,40 44,54 50,64!")),
        fill(P, *brush(line("14,86 50,83 86,86"), lambda t: 0.8 + 4 * (1 - abs(2 * t - 1)))),
    )


@motif("tulip", "tulip")
def tulip(_: Dice) -> Drawing:
    """Draw a tulip with two leaves."""
    cup = symmetric("50,18! 43,30! 30,10! 25,30 28,48 40,58 50,59")
    leaf_ = outline("49,98! 34,94 22,78 18,56! 32,66 44,80")
    return draw(
        fill(A, *brush(line("50,56 50,98"), lambda _: 4)),
        fill(S, leaf_, mirror(leaf_)),
        fill(P, cup),
        fill(H, symmetric("50,18! 41,34 41,48 50,56!")),
    )


@motif("wheat", "wheat grain barley rye ~farm ~harvest ~field ~crop ~flour ~brewery")
def wheat(_: Dice) -> Drawing:
    """Draw three ears of grain, tied."""
    ear = draw(
        fill(A, *stroke(line("50,30 50,98"), 2.6)),
        fill(S, blade(50, 22, 0, 0.5)),
        *(fill(P if i % 2 else S, *pair(blade(49.5, 34 + 9 * i, -28, 0.46))) for i in range(5)),
    )
    sides = draw(ear.place((50, 94), 0.88, -24, about=(50, 94)), ear.place((50, 94), 0.88, 24, about=(50, 94)))
    return draw(sides, ear.keyline(1.4), ear, fill(A, rect(41, 82, 18, 6, 2.5)))


@motif("apple", "apple fruit orchard_fruit cider")
def apple(_: Dice) -> Drawing:
    """Draw an apple with a leaf, one cheek in shade."""
    body = symmetric("50,34 42,28 28,27 15,36 12,54 20,76 34,92 44,93 50,90")
    return draw(
        fill(P, body),
        fill(S, outline("50,20! 66,20 90,30 92,54 82,76 66,94 56,94! 72,76 76,54 68,36"), clip=(body,)),
        fill(H, outline("24,44! 28,38 34,36! 30,44 28,52 24,56!")),
        fill(
            A,
            *brush(line("50,38 49,26 44,14"), lambda t: 4.4 - 0.8 * t),
            outline("52,24! 56,10 70,4 84,6! 80,20 68,27"),
        ),
    )


@motif("orange", "orange citrus lemon lime grapefruit tangerine ~juice mandarin clementine")
def citrus(_: Dice) -> Drawing:
    """Draw a slice of citrus with a leaf."""
    wedges = [
        placed((50, 55), 1, 45.0 * i + 22.5, about=(0, 0))(outline("0,-5! -9.5,-26 -6,-31 0,-32 6,-31 9.5,-26"))
        for i in range(8)
    ]
    return draw(
        fill(P, circle(50, 55, 41)),
        fill(H, circle(50, 55, 36)),
        fill(S, *wedges),
        fill(A, outline("52,14! 58,2 74,-2 90,4! 82,16 66,20")),
    )


@motif("cherry", "cherry cherries berry blueberry strawberry raspberry")
def cherry(_: Dice) -> Drawing:
    """Draw two cherries on one stem."""
    stems = (*brush(line("66,10 46,30 30,56"), lambda t: 4 - t), *brush(line("66,10 72,34 70,60"), lambda t: 4 - t))
    return draw(
        fill(A, *stems, outline("64,12! 44,4 26,8 16,20! 34,28 52,24")),
        fill(P, circle(28, 72, 20)),
        fill(S, circle(72, 76, 20)),
        fill(H, ellipse(21, 65, 3, 5.5, 35), ellipse(65, 69, 3, 5.5, 35)),
    )


@motif("grape", "grape vine wine ~winery vineyard vintner")
def grape(_: Dice) -> Drawing:
    """Draw a bunch of grapes."""
    rows = ((4, 38), (5, 50), (4, 62), (3, 74), (2, 85))
    berries = [(50 + (i - (n - 1) / 2) * 14.5, y, (i + row) % 2) for row, (n, y) in enumerate(rows) for i in range(n)]
    leaf_ = outline("52,28! 44,20 46,6 60,8! 66,0! 74,8 88,6! 86,20 80,30! 66,34")
    return draw(
        fill(A, *brush(line("50,36 48,22 40,8"), lambda t: 4.6 - t)),
        fill(P, *(circle(x, y, 7.4) for x, y, odd in berries if not odd)),
        fill(S, *(circle(x, y, 7.4) for x, y, odd in berries if odd)),
        fill(H, *(circle(x - 2.2, y - 2.4, 1.5) for x, y, _odd in berries)),
        fill(A, leaf_),
    )


@motif("cactus", "cactus succulent agave")
def cactus(_: Dice) -> Drawing:
    """Draw a saguaro in a pot."""
    arms = (*stroke(line("50,58 34,57 26,50 26,36"), 11), *stroke(line("50,48 66,47 74,40 74,28"), 11))
    spines = [p for y in (24, 34, 44, 54, 64) for p in stroke(line(f"50,{y} 50,{y + 4}"), 1.7)]
    return draw(
        fill(P, *arms, *stroke(line("50,16 50,76"), 19)),
        fill(H, *spines),
        fill(S, polygon("28,74 72,74 66,97 34,97", 3), rect(25, 70, 50, 9, 3)),
        fill(
            A,
            *(
                placed((50, 7), 0.17, 72.0 * i, about=(0, 0))(outline("0,0! -16,-22 -14,-42 0,-48 14,-42 16,-22"))
                for i in range(5)
            ),
        ),
    )


@motif("mushroom", "mushroom toadstool fungus fungi truffle")
def mushroom(_: Dice) -> Drawing:
    """Draw a toadstool with spots."""
    cap = symmetric("50,10 28,16 12,34 6,56 12,62 30,60 50,59")
    spots = [
        circle(x, y, r) for x, y, r in ((48, 27, 7), (27, 42, 6), (70, 40, 8), (47, 49, 4), (14, 57, 4), (88, 58, 4))
    ]
    return draw(
        fill(H, outline("40,58! 60,58! 61,74 66,90 50,95 34,90 39,74")),
        fill(S, outline("36,59! 64,59! 60,68 50,65 40,68")),
        fill(P, cap),
        fill(H, *spots, clip=(cap,)),
        fill(A, *(blade(x, 96, t, 0.36) for x, t in ((22, -18), (28, 14), (72, -14), (79, 20)))),
    )


@motif("acorn", "acorn nut hazelnut walnut squirrel chestnut", Kind.EMBLEM)
def acorn(_: Dice) -> Drawing:
    """Draw an acorn with a leaf."""
    return draw(
        fill(A, *brush(line("50,28 50,18 44,10"), lambda t: 5 - t), blade(52, 24, 68, 0.95)),
        fill(S, symmetric("50,44! 28,44! 27,58 34,76 45,88 50,97!")),
        fill(H, outline("36,54! 39,68 44,78! 37,72 33,60")),
        fill(P, symmetric("50,22 34,24 23,33 20,44! 24,48 50,49")),
        fill(A, *(circle(x, y, 1.7) for x, y in ((34, 40), (42, 33), (50, 40), (58, 33), (66, 40)))),
    )
