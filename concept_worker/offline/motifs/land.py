"""Mountains, hills, houses, bridges; flame and drop."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import Kind, motif
from concept_worker.offline.path import (
    arc,
    brush,
    circle,
    ellipse,
    line,
    outline,
    pair,
    polygon,
    rect,
    sector,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif(
    "mountain",
    "mountain mountains peak summit alpine alps hill everest ~climbing ~hiking ~trail ~outdoor ~camping ~ski",
    Kind.LAND,
)
def mountain(dice: Dice) -> Drawing:
    """Draw a main peak with snow and one or two lesser ones."""
    main = polygon("52,16 94,86 8,86")
    shade = polygon("52,16 94,86 60,86 49,64 57,48")
    snow = polygon("52,16 70,46 61,40 54,48 47,41 40,47 34,45")
    left, right = polygon("22,50 46,86 0,86"), polygon("80,52 101,86 58,86")
    far = right if dice.chance("right", 0.6) else polygon("76,42 103,86 50,86")
    return draw(
        fill(S, far),
        fill(P, main),
        fill(A, shade, clip=(main,)),
        fill(H, snow, clip=(main,)),
        fill(S, left),
        fill(A, polygon("22,50 46,86 26,86 20,72"), clip=(left,)),
    )


@motif("volcano", "volcano lava eruption", Kind.LAND)
def volcano(_: Dice) -> Drawing:
    """Draw a volcano with glowing streams."""
    cone = outline("38,40! 62,40! 72,66 96,92! 4,92! 28,66")
    lava = outline("38,40! 62,40! 66,52 60,60 58,70 52,58 48,66 44,82 40,64 36,56 34,50")
    plume = [circle(x, y, r) for x, y, r in ((50, 26, 11), (38, 18, 9), (62, 16, 10), (50, 9, 9))]
    return draw(
        fill(H, *plume), fill(P, cone), fill(S, lava), fill(A, outline("62,40! 72,66 96,92! 66,92! 70,70 64,56"))
    )


@motif("flame", "flame fire campfire bonfire torch ~burning ~burn ~grill ~barbecue ~bbq ~spicy ember candle match")
def flame(_: Dice) -> Drawing:
    """Draw a flame in three tongues of colour."""
    outer = outline("54,2! 58,18 72,32 82,50 80,72 68,90 50,97 32,90 20,72 22,52 32,38! 36,48 42,50! 40,34 44,16")
    middle = outline("54,34! 58,46 68,56 70,72 62,88 50,93 38,88 31,74 34,62! 40,68 46,66! 46,52 48,42")
    inner = outline("51,62! 54,70 60,76 58,87 50,92 42,87 41,78 47,72")
    return draw(fill(P, outer), fill(S, middle), fill(H, inner))


@motif("drop", "drop droplet water_drop raindrop rain ~oil dew ~liquid ~plumbing hydration", Kind.EMBLEM)
def drop(_: Dice) -> Drawing:
    """Draw a drop with a light and a shade."""
    whole = symmetric("50,4! 38,28 24,48 19,64 24,82 38,94 50,96")
    return draw(
        fill(P, whole),
        fill(S, outline("50,4! 62,28 76,48 81,64 76,82 62,94 50,96! 64,82 66,62 60,36"), clip=(whole,)),
        fill(H, outline("31,62! 30,74 38,84! 41,82! 37,74 36,62!")),
    )


@motif(
    "house",
    "house ~home cottage cabin hut ~real_estate ~property roof ~architecture ~hotel ~inn ~building ~shelter",
    Kind.FIGURE,
)
def house(dice: Dice) -> Drawing:
    """Draw a gabled house with a lit window."""
    walls = polygon("20,46 50,20 80,46 80,92 20,92")
    roof = stroke(((8, 52), (50, 14), (92, 52)), 9)
    door = outline("42,92! 42,72 44,65 50,62 56,65 58,72 58,92!")
    window = (rect(40, 40, 8.8, 8.8), rect(51.2, 40, 8.8, 8.8), rect(40, 51, 8.8, 6), rect(51.2, 51, 8.8, 6))
    smoke = brush(line("72,14 76,6 71,-1 76,-8"), lambda t: 4 - 2.4 * t)
    return draw(
        fill(A, rect(67, 18, 10, 24)),
        *((fill(H, *smoke),) if dice.chance("smoke", 0.5) else ()),
        fill(P, walls),
        fill(S, polygon("50,20 80,46 80,92 50,92")),
        fill(A, *roof),
        fill(H, *window),
        fill(A, door),
        fill(H, circle(54.6, 79, 1.4)),
    )


@motif("castle", "castle fortress tower kingdom chess rook palace", Kind.FIGURE)
def castle(_: Dice) -> Drawing:
    """Draw a castle with three towers."""

    def tower(x: float, y: float, width: float) -> tuple[tuple[tuple[float, float], ...], ...]:
        teeth = tuple(rect(x - 2 + i * (width + 4) * 0.4, y - 6, (width + 4) * 0.2, 8) for i in range(3))
        return (rect(x, y, width, 94 - y), rect(x - 2, y, width + 4, 6), *teeth)

    gate = outline("42,94! 42,80 45,72 50,69 55,72 58,80 58,94!")
    slits = [rect(x, y, 3.4, 10, 1.7) for x, y in ((18.3, 52), (78.3, 52), (48.3, 34), (40, 54), (56.6, 54))]
    flags = (polygon("50,4 66,9 50,14"), rect(49, 4, 2, 20))
    return draw(
        fill(S, *tower(10, 40, 20), *tower(70, 40, 20)),
        fill(P, *tower(34, 24, 32)),
        fill(H, *slits),
        fill(A, gate, *flags),
    )


@motif("tent", "tent camp camping_tent campsite glamping tipi teepee")
def tent(_: Dice) -> Drawing:
    """Draw a tent, its door open."""
    body = polygon("50,18 96,88 4,88", 2)
    return draw(
        fill(A, *stroke(((50, 22), (56, 10)), 3), *stroke(((50, 22), (44, 10)), 3)),
        fill(P, body),
        fill(S, polygon("50,18 96,88 66,88")),
        fill(A, polygon("50,42 68,88 34,88")),
        fill(H, polygon("50,42 34,88 44,88")),
    )


@motif("bridge", "bridge golden_gate viaduct span", Kind.LAND)
def bridge(_: Dice) -> Drawing:
    """Draw a suspension bridge over water."""
    cables = (
        *brush(line("0,58 14,44 26,22"), lambda _: 3),
        *brush(line("26,22 38,48 50,56 62,48 74,22"), lambda _: 3),
        *brush(line("74,22 86,44 100,58"), lambda _: 3),
    )
    hangers = [
        rect(x - 0.9, y, 1.8, 62 - y)
        for x, y in ((8, 50), (17, 38), (35, 42), (43, 53), (50, 56), (57, 53), (65, 42), (83, 38), (92, 50))
    ]
    water = [
        p for y in (84, 92) for p in stroke(line(f"8,{y} 22,{y - 3} 36,{y} 50,{y - 3} 64,{y} 78,{y - 3} 92,{y}"), 3)
    ]
    return draw(
        fill(S, *hangers, *cables),
        fill(P, rect(22.5, 12, 7, 70), rect(70.5, 12, 7, 70), rect(0, 60, 100, 6)),
        fill(A, *water),
    )


@motif(
    "planet", "planet saturn ~space ~orbit ~galaxy ~cosmos ~universe ~astronomy jupiter mars globe_ring", Kind.BACKDROP
)
def planet(_: Dice) -> Drawing:
    """Draw a ringed planet with bands."""
    ball = circle(50, 50, 29)
    tilt = -20
    ring_front = (rect(-10, 50, 120, 60),)
    outer, inner = ellipse(50, 50, 48, 14.5, tilt), ellipse(50, 50, 37, 8.5, tilt)
    from_left = tuple(
        (50 + (x - 50) * 0.94 + (y - 50) * 0.342, 50 - (x - 50) * 0.342 + (y - 50) * 0.94) for x, y in ring_front[0]
    )
    bands = [ellipse(50, y, 40, 3.6, tilt) for y in (32, 44, 68)]
    return draw(
        fill(A, outer, holes=(inner,)),
        fill(P, ball),
        fill(S, *bands, clip=(ball,)),
        fill(G, ellipse(50, 50, 50, 16.5, tilt), holes=(ellipse(50, 50, 35, 6.8, tilt),), clip=(from_left,)),
        fill(A, outer, holes=(inner,), clip=(from_left,)),
        fill(H, circle(86, 16, 3.4), circle(14, 82, 2.6), circle(20, 22, 1.8)),
    )


@motif("globe", "globe ~earth ~world planet_earth ~international ~global ~worldwide ~map ~geography", Kind.EMBLEM)
def globe(_: Dice) -> Drawing:
    """Draw a globe with meridians, on a stand."""
    ball = circle(50, 44, 34)
    lines = (
        *stroke(arc((50, 44), 34, 0, 360), 2.6),
        *stroke(ellipse(50, 44, 15, 34), 2.6),
        *stroke(((16, 44), (84, 44)), 2.6),
        *stroke(((50, 10), (50, 78)), 2.6),
        *stroke(line("22,25 50,31 78,25"), 2.6),
        *stroke(line("22,63 50,57 78,63"), 2.6),
    )
    return draw(
        fill(P, ball),
        fill(H, *lines, clip=(ball,)),
        fill(S, *stroke(arc((50, 44), 41, 30, 210), 5)),
        fill(A, rect(46.5, 84, 7, 8), polygon("30,98 70,98 64,91 36,91", 2)),
    )


@motif("rainbow", "rainbow", Kind.BACKDROP)
def rainbow(_: Dice) -> Drawing:
    """Draw a rainbow between two clouds."""
    bands = [sector(50, 72, 46 - 9 * i, 37 - 9 * i, -90, 90) for i in range(4)]
    clouds = pair(circle(10, 72, 9)) + pair(circle(21, 68, 11)) + pair(circle(32, 74, 8)) + pair(rect(4, 71, 34, 11, 5))
    return draw(*(fill(ink, band) for ink, band in zip((P, S, A, H), bands, strict=True)), fill(H, *clouds))


@motif("feather", "feather quill plume", Kind.EMBLEM)
def feather(_: Dice) -> Drawing:
    """Draw a feather, two vanes and a shaft."""
    whole = outline("88,6! 92,24 84,44! 80,44! 82,52 66,68! 62,66! 60,74 42,80 28,80! 22,66 30,44 50,22 70,10")
    half = outline("88,6! 92,24 84,44! 80,44! 82,52 66,68! 62,66! 60,74 42,80 28,80! 48,56 68,32")
    return draw(fill(P, whole), fill(S, half), fill(A, *brush(line("10,96 28,80 50,54 86,8"), lambda t: 3.8 - 2.8 * t)))


@motif("arrow", "arrow archery bow target bullseye ~aim ~goal ~focus", Kind.EMBLEM)
def target(_: Dice) -> Drawing:
    """Draw a target, an arrow in its middle."""
    rings = [(P, 44.0), (H, 35.0), (S, 26.0), (H, 17.0), (A, 8.5)]
    shaft = stroke(((50, 52), (86, 16)), 4)
    vanes = (polygon("82,20 82,6 92,-3 92,10"), polygon("82,20 96,20 105,10 92,10"))
    return draw(
        *(fill(ink, circle(48, 54, r)) for ink, r in rings),
        fill(G, *stroke(((50, 52), (84, 18)), 7)),
        fill(P, *shaft),
        fill(A, *vanes),
        fill(P, symmetric("48,50 46,52 48,56", 48)),
    )
