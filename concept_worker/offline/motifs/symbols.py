"""Signs: heart, crown, shield, compass, gear, diamond, cube, circuit, music, rocket, bicycle, hand."""

from __future__ import annotations

import math

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import Kind, motif
from concept_worker.offline.path import (
    Polygon,
    arc,
    brush,
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
    star,
    stroke,
    symmetric,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("heart", "heart ~love valentine ~romance ~charity ~care ~health heartbeat", Kind.EMBLEM)
def heart(_: Dice) -> Drawing:
    """Draw a heart, one lobe in shade."""
    whole = symmetric("50,28! 42,16 28,12 13,20 8,36 14,54 30,72 50,92!")
    return draw(
        fill(P, whole),
        fill(S, outline("50,28! 58,16 72,12 87,20 92,36 86,54 70,72 50,92! 64,68 70,48 62,30"), clip=(whole,)),
        fill(H, outline("18,36! 20,28 28,22! 26,30 24,40!")),
    )


@motif("crown", "crown king queen ~royal ~royalty prince princess ~majesty ~regal tiara", Kind.EMBLEM)
def crown(_: Dice) -> Drawing:
    """Draw a crown of five points."""
    body = polygon("12,72 6,30 28,52 50,16 72,52 94,30 88,72")
    gems = (circle(6, 28, 5), circle(94, 28, 5), circle(50, 14, 6))
    return draw(
        fill(P, body),
        fill(S, polygon("50,16 72,52 94,30 88,72 50,72")),
        fill(A, *gems, rect(12, 76, 76, 10, 3)),
        fill(H, regular(50, 56, 8, 4), circle(28, 63, 3.4), circle(72, 63, 3.4)),
    )


@motif("shield", "shield ~protection ~guard ~defense ~defence armor armour knight", Kind.EMBLEM)
def shield(dice: Dice) -> Drawing:
    """Draw a quartered shield."""
    shape = symmetric("50,4! 34,12 14,14! 12,40 16,62 30,82 50,97!")
    left, lower = rect(0, 0, 50, 50), rect(50, 50, 50, 50)
    inner = tuple((50 + (x - 50) * 0.82, 49 + (y - 49) * 0.82) for x, y in shape)
    sign = star(50, 48, 15, 6.5, 5) if dice.chance("star", 0.5) else rounded(regular(50, 48, 14, 4), 2)
    return draw(fill(P, shape), fill(H, inner), fill(S, left, lower, clip=(inner,)), fill(A, sign))


@motif(
    "compass",
    "compass north ~navigation ~explorer ~explore ~adventure ~direction ~travel ~expedition ~wander ~journey",
    Kind.EMBLEM,
)
def compass(_: Dice) -> Drawing:
    """Draw a compass rose in a ring."""

    def rose(radius: float, waist: float, turn: float) -> tuple[list[Polygon], list[Polygon]]:
        light: list[Polygon] = []
        dark: list[Polygon] = []
        for i in range(4):
            angle = turn + 90 * i
            tip = polar((50, 50), radius, angle)
            light.append((tip, polar((50, 50), waist, angle - 45), (50.0, 50.0)))
            dark.append((tip, polar((50, 50), waist, angle + 45), (50.0, 50.0)))
        return light, dark

    big, small = rose(46, 10.5, 0), rose(29, 11, 45)
    return draw(
        fill(S, ring(50, 50, 37, 32)),
        fill(H, *small[0]),
        fill(A, *small[1]),
        fill(S, *big[0]),
        fill(P, *big[1]),
        fill(H, circle(50, 50, 4)),
    )


@motif(
    "gear",
    "gear cog machine ~mechanic ~engineering ~industrial ~factory ~engine ~workshop ~garage ~tool wrench ~automation",
    Kind.EMBLEM,
)
def gear(dice: Dice) -> Drawing:
    """Draw a toothed wheel."""
    count = dice.pick("teeth", (8, 10, 12))
    teeth = []
    for i in range(count):
        a, half = 360 * i / count, 360 / count * 0.27
        teeth.append(
            (
                polar((50, 50), 34, a - half * 1.35),
                polar((50, 50), 47, a - half * 0.85),
                polar((50, 50), 47, a + half * 0.85),
                polar((50, 50), 34, a + half * 1.35),
            )
        )
    return draw(
        fill(P, circle(50, 50, 37), *teeth),
        fill(S, circle(50, 50, 26)),
        fill(G, circle(50, 50, 13)),
        fill(A, *(circle(*polar((50, 50), 19.5, 60.0 * i), 2.6) for i in range(6))),
    )


@motif(
    "diamond", "diamond gem ~jewel ~jewelry ~jewellery crystal gemstone ruby emerald sapphire brilliant", Kind.EMBLEM
)
def diamond(_: Dice) -> Drawing:
    """Draw a cut stone in facets."""
    whole = polygon("24,18 76,18 96,42 50,94 4,42")
    return draw(
        fill(P, whole),
        fill(H, polygon("24,18 36,42 50,18"), polygon("50,18 64,42 76,18")),
        fill(S, polygon("24,18 4,42 36,42"), polygon("36,42 64,42 50,94"), polygon("50,18 36,42 64,42")),
        fill(A, polygon("64,42 96,42 50,94"), polygon("50,18 36,42 64,42")),
        fill(S, polygon("76,18 96,42 64,42")),
    )


@motif("cube", "cube box block blockchain ~package ~container ~storage ~parcel dice ~logistics ~warehouse", Kind.EMBLEM)
def cube(dice: Dice) -> Drawing:
    """Draw a cube seen from its corner, whole or with a smaller one cut out."""
    corner = regular(50, 50, 46, 6)
    middle = (50.0, 50.0)
    faces = [
        (corner[5], corner[0], corner[1], middle),
        (corner[1], corner[2], corner[3], middle),
        (corner[3], corner[4], corner[5], middle),
    ]
    small = regular(50, 50, 21, 6)
    inset = [
        (small[5], small[0], small[1], middle),
        (small[1], small[2], small[3], middle),
        (small[3], small[4], small[5], middle),
    ]
    base = draw(fill(S, faces[0]), fill(P, faces[1]), fill(A, faces[2]))
    if dice.chance("inset", 0.5):
        return draw(base, fill(A, inset[0]), fill(H, inset[1]), fill(S, inset[2]))
    return base


@motif("hand", "hand palm handshake ~help ~helping fist massage ~volunteer ~community high_five", Kind.EMBLEM)
def hand(_: Dice) -> Drawing:
    """Draw an open hand with a heart in its palm."""
    fingers = [
        *stroke(((33, 58), (27, 22)), 11),
        *stroke(((45, 54), (43, 10)), 11.4),
        *stroke(((57, 54), (59, 12)), 11.4),
        *stroke(((68, 60), (75, 28)), 10.4),
    ]
    thumb = outline("30,84! 20,72 8,62 4,54 9,49 17,54 27,62!")
    palm = outline("27.5,56! 45,52 60,52 73.5,60! 74,76 66,92 50,97 36,93 28,82")
    sign = symmetric("51,71! 47,65 40,64 37,70 41,79 51,88!", 51)
    return draw(fill(P, *fingers, thumb, palm), fill(H, sign))


@motif("eye", "eye ~vision sight optical optician iris ~look ~view", Kind.EMBLEM)
def eye(_: Dice) -> Drawing:
    """Draw an eye with lashes of light."""
    lid = outline("2,54! 22,36 50,28 78,36 98,54! 78,72 50,80 22,72")
    rays = [p for a in (-52, -26, 0, 26, 52) for p in stroke((polar((50, 62), 42, a), polar((50, 62), 54, a)), 4)]
    return draw(
        fill(A, *rays),
        fill(P, lid),
        fill(H, outline("11,54! 28,41 50,35 72,41 89,54! 72,67 50,73 28,67")),
        fill(S, circle(50, 54, 18)),
        fill(P, circle(50, 54, 9.5)),
        fill(H, circle(55, 48, 4)),
    )


@motif("infinity", "infinity endless loop eternal forever", Kind.EMBLEM)
def infinity(_: Dice) -> Drawing:
    """Draw a woven band without end."""
    points = [
        (50 + 44 * math.cos(t) / (1 + math.sin(t) ** 2), 50 + 62 * math.sin(t) * math.cos(t) / (1 + math.sin(t) ** 2))
        for t in (2 * math.pi * i / 120 for i in range(121))
    ]
    half = tuple(points[32:90])
    over = tuple(points[84:97])
    return draw(
        fill(P, *stroke(tuple(points), 11)),
        fill(S, *stroke(half, 11)),
        fill(G, *stroke(over, 15, round_caps=False)),
        fill(P, *stroke(tuple(points[80:100]), 11)),
    )


@motif("tooth", "tooth ~dental dentist ~teeth dentistry ~smile", Kind.EMBLEM)
def tooth(_: Dice) -> Drawing:
    """Draw a molar with a sparkle."""
    whole = symmetric("50,22 40,17 26,15 14,26 14,44 22,62 26,84 33,94 40,86 43,70 50,64")
    return draw(
        fill(P, whole),
        fill(S, outline("50,22 60,17 74,15 86,26 86,44 78,62 74,84 67,94! 68,70 72,46 64,28"), clip=(whole,)),
        fill(H, star(32, 38, 12, 4, 4)),
        fill(A, star(88, 12, 10, 3.4, 4)),
    )


@motif("paw", "paw ~pet ~vet ~veterinary ~animal ~zoo ~pets pawprint", Kind.EMBLEM)
def paw(_: Dice) -> Drawing:
    """Draw a paw print."""
    pad = symmetric("50,48 38,53 26,66 22,80 30,90 42,88 50,86")
    return draw(
        fill(P, pad),
        fill(S, *pair(ellipse(14, 50, 9.5, 13, -22))),
        fill(P, *pair(ellipse(36, 25, 10.5, 15, -8))),
        fill(A, symmetric("50,72! 46,66 40,67 39,73 44,79 50,84!")),
    )


@motif(
    "dumbbell",
    "dumbbell ~gym ~fitness ~workout barbell weightlifting muscle ~training ~exercise ~athlete ~sport",
    Kind.EMBLEM,
)
def dumbbell(_: Dice) -> Drawing:
    """Draw a dumbbell, slanting."""
    flat = draw(
        fill(S, rect(26, 45.5, 48, 9)),
        fill(P, *pair(rect(14, 22, 13, 56, 4))),
        fill(A, *pair(rect(2, 33, 10, 34, 3.5))),
    )
    return flat.place((50, 50), 1.0, -30)


@motif("ball", "ball football soccer basketball tennis volleyball baseball ~league", Kind.EMBLEM)
def ball(_: Dice) -> Drawing:
    """Draw a ball with a pentagon and seams."""
    whole = circle(50, 50, 45)
    patches: list[Polygon] = [regular(50, 50, 17, 5)]
    seams: list[Polygon] = []
    for i in range(5):
        patches.append(regular(*polar((50, 50), 46, 72.0 * i + 36 * 0), 0.1, 5))
        seams += stroke((polar((50, 50), 16, 72.0 * i), polar((50, 50), 33, 72.0 * i)), 3)
        patches.append(
            tuple(
                polar(polar((50, 50), 45, 72.0 * i), r, 72.0 * i + 180 + d)
                for r, d in ((13, 0), (17, 60), (17, 120), (17, 240), (17, 300))
            )
        )
    return draw(
        fill(P, whole),
        fill(H, circle(50, 50, 41)),
        fill(S, *seams),
        fill(P, *patches[0:1], *patches[2::2], clip=(whole,)),
    )


@motif("knot", "knot celtic weave yarn knitting wool ~textile thread", Kind.EMBLEM)
def yarn(_: Dice) -> Drawing:
    """Draw a ball of yarn with two needles."""
    ball_ = circle(48, 58, 34)
    strands = [p for r in (14, 24, 34, 44) for p in stroke(arc((26, 84), r + 6, -20, 110), 3)]
    cross = [p for r in (16, 26) for p in stroke(arc((78, 78), r + 6, 250, 380), 3)]
    tail = brush(line("70,84 84,92 96,86 98,94"), lambda _: 3.4)
    needles = (*stroke(((86, 8), (30, 56)), 3.6), *stroke(((22, 6), (62, 62)), 3.6))
    return draw(
        fill(A, *needles, circle(87, 7, 5), circle(21, 5, 5)),
        fill(P, ball_, *tail),
        fill(H, *strands, clip=(ball_,)),
        fill(S, *cross, clip=(ball_,)),
    )


@motif("peace", "peace yin_yang ~balance ~harmony dove_peace taoist", Kind.EMBLEM)
def balance(_: Dice) -> Drawing:
    """Draw yin and yang."""
    left = arc((50, 50), 44, 180, 360) + arc((50, 28), 22, 0, 180) + arc((50, 72), 22, 360, 180)
    return draw(fill(S, circle(50, 50, 44)), fill(P, left), fill(H, circle(50, 28, 6.5)), fill(A, circle(50, 72, 6.5)))


@motif("speech", "speech chat ~message bubble ~talk ~conversation ~communication ~social", Kind.EMBLEM)
def speech(_: Dice) -> Drawing:
    """Draw two speech bubbles."""
    back = rounded(((36, 8), (96, 8), (96, 54), (36, 54)), 14)
    front = rounded(((4, 34), (70, 34), (70, 80), (4, 80)), 14)
    return draw(
        fill(S, back, polygon("78,48 92,48 90,68")),
        fill(G, tuple((37 + (x - 37) * 1.06, 57 + (y - 57) * 1.09) for x, y in front)),
        fill(P, front, polygon("14,72 32,76 14,96")),
        fill(H, *(circle(x, 57, 4.6) for x in (21, 37, 53))),
    )


@motif("puzzle", "puzzle jigsaw piece ~game ~play ~toy", Kind.EMBLEM)
def puzzle(_: Dice) -> Drawing:
    """Draw a piece of a jigsaw."""
    base = rect(14, 30, 56, 56, 3)
    tabs = (circle(42, 21, 11), rect(37, 24, 10, 12)), (circle(79, 58, 11), rect(64, 53, 12, 10))
    gap = (circle(23, 58, 11), rect(10, 53, 10, 10))
    return draw(
        fill(P, base, *tabs[0]),
        fill(S, polygon("72,28 72,88 12,88"), clip=(base,)),
        fill(S, *tabs[1]),
        fill(G, *gap),
        fill(A, circle(42, 21, 5.5)),
    )
