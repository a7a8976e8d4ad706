"""Things on a table: cup, book, bottle, pen, key, camera, lamp."""

from __future__ import annotations

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


@motif(
    "cup",
    "cup mug coffee coffee_cup espresso latte cappuccino "
    "~cafe ~café tea_cup teacup coffee_shop ~roastery cocoa ~barista",
    Kind.LAND,
)
def cup(dice: Dice) -> Drawing:
    """Draw a cup on its saucer, steaming."""
    bowl = outline("16,44! 76,44! 75,62 68,78 58,86! 34,86! 24,78 17,62")
    handle = brush(line("73,52 86,49 92,57 86,68 69,73"), lambda _: 6.4)
    steam = [
        p
        for x in (34, 46, 58)
        for p in brush(line(f"{x},36 {x - 4},28 {x + 4},18 {x},8"), lambda t: 1.2 + 3.8 * (1 - abs(2 * t - 1)))
    ]
    bean = draw(fill(H, ellipse(46, 64, 8, 11, 28)), fill(P, *brush(line("51,54 47,61 46,67 41,74"), lambda _: 2.2)))
    band = fill(S, rect(10, 58, 70, 9), clip=(bowl,))
    return draw(
        fill(S, *steam),
        fill(P, *handle, bowl),
        bean if dice.chance("bean", 0.6) else band,
        fill(A, outline("8,90! 84,90! 76,97 16,97")),
    )


@motif("plain cup", "")
def plain_cup(_: Dice) -> Drawing:
    """Draw a cup without steam, for a figure that sits in it."""
    handle = brush(line("73,52 86,49 92,57 86,68 69,73"), lambda _: 6.4)
    return draw(
        fill(P, *handle, outline("16,44! 76,44! 75,62 68,78 58,86! 34,86! 24,78 17,62")),
        fill(S, polygon("16,44 76,44 75.8,51 16.2,51")),
        fill(A, outline("8,90! 84,90! 76,97 16,97")),
    )


@motif("plain pot", "")
def plain_pot(_: Dice) -> Drawing:
    """Draw a pot without lid or steam, for a subject that cooks in it."""
    return draw(
        fill(P, outline("14,48! 86,48! 84,74 76,90 66,94! 34,94! 24,90 16,74")),
        fill(P, *stroke(line("15,56 5,56 5,66 16,66"), 4.6), *stroke(line("85,56 95,56 95,66 84,66"), 4.6)),
        fill(S, outline("14,48! 86,48! 85.6,56! 14.4,56!")),
    )


@motif(
    "book",
    "book novel ~library ~reading ~literature bookshop bookstore "
    "~story ~publishing ~publisher ~school ~education ~study ~learn",
    Kind.LAND,
)
def book(_: Dice) -> Drawing:
    """Draw an open book."""
    page = outline("50,34! 38,27 22,25 8,28! 8,76! 22,73 38,76 50,84!")
    edge = outline("50,88! 38,81 22,78 4,81! 4,33! 8,33! 8,76! 22,73 38,76 50,84!")
    lines = [p for y in (38, 47, 56) for p in stroke(line(f"16,{y} 28,{y + 0.5} 41,{y + 6}"), 2.4)]
    ribbon = polygon("60,80 67,77 67,97 63.5,92 60,98")
    return draw(
        fill(P, edge, mirror(edge)),
        fill(H, page),
        fill(S, mirror(page)),
        fill(P, *lines),
        fill(H, *(mirror(piece) for piece in lines)),
        fill(A, ribbon),
        fill(P, *stroke(((50, 35), (50, 86)), 2.2)),
    )


@motif("bottle", "bottle wine_bottle beer brewery_bottle whiskey gin rum spirit potion perfume flask soda")
def bottle(_: Dice) -> Drawing:
    """Draw a bottle with a label."""
    glass = symmetric("50,6! 43,6! 43,30! 36,40 31,50! 31,92! 35,96 50,96!")
    return draw(
        fill(P, glass),
        fill(A, rect(41, 3, 18, 12, 2)),
        fill(H, rect(31, 56, 38, 26)),
        fill(S, *(blade for blade in pair(outline("49,76! 40,74 36,66! 44,66 49,70"))), circle(50, 63, 4)),
        fill(S, outline("60,38! 65,46 65,52! 61,52! 60,46")),
    )


@motif("pen", "pen nib fountain_pen writer writing author ink calligraphy ~blog ~journal poet")
def pen(_: Dice) -> Drawing:
    """Draw a fountain pen's nib."""
    nib = symmetric("50,98! 44,82 30,60 30,46 36,30! 50,30!")
    return draw(
        fill(P, nib),
        fill(S, mirror(outline("50,98! 44,82 30,60 30,46 36,30! 50,30!")), clip=(rect(50, 0, 50, 100),)),
        fill(A, polygon("32,22 68,22 64,32 36,32", 1.5), rect(35, 4, 30, 14, 3)),
        fill(G, circle(50, 56, 5), *stroke(((50, 56), (50, 94)), 2)),
    )


@motif("pencil", "pencil ~draw ~drawing ~sketch ~design ~designer illustration crayon")
def pencil(_: Dice) -> Drawing:
    """Draw a pencil, upright and slanting."""
    body = draw(
        fill(A, rect(38, 2, 24, 12, 4)),
        fill(H, rect(38, 13, 24, 6)),
        fill(P, rect(38, 19, 8, 54)),
        fill(S, rect(46, 19, 8, 54)),
        fill(P, rect(54, 19, 8, 54)),
        fill(H, polygon("38,73 62,73 50,98")),
        fill(A, polygon("45.2,88 54.8,88 50,98")),
    )
    return body.place((50, 50), 1.0, 38)


@motif("brush", "brush paint ~painting ~painter paintbrush ~artist ~art palette ~studio", Kind.FIGURE)
def palette(_: Dice) -> Drawing:
    """Draw a painter's palette and a brush."""
    board = outline("50,16 74,20 92,36 96,56 84,66 70,66 64,74 66,86 54,92 30,86 10,68 6,46 20,24")
    dabs = ((A, 28, 40), (S, 46, 31), (G, 66, 36), (S, 80, 50), (A, 26, 60))
    return draw(
        fill(P, board),
        fill(G, ellipse(45, 74, 6.5, 5)),
        *(fill(H if ink is G else ink, circle(x, y, 6.4)) for ink, x, y in dabs),
        fill(G, *stroke(((56, 56), (93, 12)), 8)),
        fill(
            A,
            *brush(((62, 49), (96, 8)), lambda t: 5.4 - 2 * t),
            outline("64,52! 57,50 50,60 42,64! 54,68 64,62 67,54!"),
        ),
    )


@motif("key", "key unlock ~security ~access lock locksmith password ~secure", Kind.EMBLEM)
def key(_: Dice) -> Drawing:
    """Draw an ornate key, slanting."""
    upright = draw(
        fill(P, ring(50, 22, 20, 11), circle(50, 22, 4), rect(46, 40, 8, 54, 2)),
        fill(S, rect(42, 42, 16, 6, 2.5)),
        fill(P, rect(52, 78, 17, 6.5, 1.5), rect(52, 88, 12, 6.5, 1.5)),
        fill(A, circle(50, 22, 5.5)),
    )
    return upright.place((50, 50), 1.0, 40)


@motif("camera", "camera ~photo ~photography ~photographer lens snapshot ~film ~picture ~instagram")
def camera(_: Dice) -> Drawing:
    """Draw a camera, its lens in the middle."""
    return draw(
        fill(A, polygon("34,20 66,20 72,32 28,32", 2), rect(12, 24, 14, 10, 2)),
        fill(P, rect(4, 30, 92, 54, 9)),
        fill(S, rect(4, 42, 92, 9)),
        fill(H, circle(50, 57, 23)),
        fill(P, circle(50, 57, 18.5)),
        fill(S, circle(50, 57, 12)),
        fill(H, sector(50, 57, 9, 6.4, 280, 350), circle(84, 37, 2.8)),
    )


@motif("lamp", "lamp lightbulb light_bulb bulb ~idea lantern ~light ~innovation bright_idea", Kind.FIGURE)
def bulb(_: Dice) -> Drawing:
    """Draw a light bulb with rays."""
    glass = symmetric("50,14 34,19 25,34 28,50 38,62 40,72! 50,72!")
    rays = [
        p
        for x0, y0, x1, y1 in ((12, 36, 2, 36), (18, 16, 10, 9), (36, 3, 33, -6))
        for p in stroke(((x0, y0), (x1, y1)), 4)
    ]
    filament = stroke(line("42,72! 40,50! 46,56! 50,48! 54,56! 60,50! 58,72!"), 2.2)
    return draw(
        fill(A, *rays, *(mirror(piece) for piece in rays)),
        fill(S, glass),
        fill(H, *filament, outline("34,36! 36,27 43,22! 40,30 38,38!")),
        fill(P, rect(39, 74, 22, 6, 3), rect(39, 82, 22, 6, 3), outline("42,90! 58,90! 55,96 45,96")),
    )


@motif("clock", "clock watch ~time hour timepiece watchmaker minute", Kind.EMBLEM)
def clock(_: Dice) -> Drawing:
    """Draw a clock at ten past ten."""
    ticks = [
        p
        for i in range(12)
        for p in stroke(
            (arc((50, 50), 36 if i % 3 else 33, 30 * i, 30 * i + 1)[0], arc((50, 50), 39.5, 30 * i, 30 * i + 1)[0]),
            2.2 if i % 3 else 3.6,
        )
    ]
    return draw(
        fill(P, circle(50, 50, 48)),
        fill(H, circle(50, 50, 42)),
        fill(S, *ticks),
        fill(A, *stroke(((50, 50), (32, 40)), 5), *stroke(((50, 50), (74, 36)), 4)),
        fill(P, circle(50, 50, 5)),
    )


@motif("bag", "bag ~shop ~shopping ~store ~market tote handbag ~fashion ~boutique ~retail")
def bag(_: Dice) -> Drawing:
    """Draw a shopping bag with a handle like a smile."""
    return draw(
        fill(A, *brush(arc((50, 30), 17, -90, 90), lambda _: 5)),
        fill(P, polygon("16,30 84,30 90,94 10,94", 4)),
        fill(S, polygon("16,30 84,30 85.2,42 14.8,42")),
        fill(H, *brush(arc((50, 54), 17, 270, 90), lambda _: 4.4), circle(33, 53, 3.6), circle(67, 53, 3.6)),
    )


@motif(
    "pot",
    "pot ~cooking ~cook ~chef ~kitchen soup stew ~restaurant ramen noodle bowl ~culinary ~food ~dinner",
    Kind.LAND,
)
def pot(_: Dice) -> Drawing:
    """Draw a cooking pot with its lid lifted by steam."""
    steam = [
        p
        for x in (38, 50, 62)
        for p in brush(line(f"{x},22 {x - 3},16 {x + 3},9 {x},2"), lambda t: 1 + 3 * (1 - abs(2 * t - 1)))
    ]
    return draw(
        fill(S, *steam),
        fill(A, circle(50, 28, 4.5), symmetric("50,30 30,34 18,44! 50,44!")),
        fill(P, outline("14,48! 86,48! 84,74 76,90 66,94! 34,94! 24,90 16,74")),
        fill(P, *stroke(line("15,56 5,56 5,66 16,66"), 4.6), *stroke(line("85,56 95,56 95,66 84,66"), 4.6)),
        fill(S, outline("14,48! 86,48! 85.6,56! 14.4,56!")),
        fill(H, *brush(line("28,64 30,76 36,85"), lambda _: 3.2)),
    )


@motif("bread", "bread ~bakery loaf pastry ~baker baguette croissant cake cupcake pie sourdough")
def bread(_: Dice) -> Drawing:
    """Draw a loaf with cuts."""
    loaf = outline("8,62 10,44 24,32 50,27 76,32 90,44 92,62 84,76 50,80 16,76")
    cuts = [outline(f"{x},{36} {x + 7},{33} {x + 12},{54} {x + 9},{62} {x + 2},{52}") for x in (24, 42, 60)]
    ears = [p for x, y, t in ((22, 96, 0), (78, 96, 0)) for p in pair(ellipse(x, y - t, 2, 2))]
    return draw(
        fill(P, loaf),
        fill(H, *cuts),
        fill(A, outline("8,62 16,76 50,80 84,76 92,62! 90,76 82,86 50,89 18,86 10,76")),
        fill(
            S,
            *brush(line("34,20 31,14 35,8 32,2"), lambda t: 1 + 3 * (1 - abs(2 * t - 1))),
            *brush(line("50,17 47,11 51,5 48,-1"), lambda t: 1 + 3 * (1 - abs(2 * t - 1))),
            *brush(line("66,20 63,14 67,8 64,2"), lambda t: 1 + 3 * (1 - abs(2 * t - 1))),
        ),
        *((fill(A, *ears),) if not ears else ()),
    )


@motif("scissors", "scissors barber hairdresser ~hair ~salon ~tailor haircut ~sewing cut", Kind.EMBLEM)
def scissors(_: Dice) -> Drawing:
    """Draw a pair of scissors, open."""
    blade = outline("49,60! 60,44 74,20 80,2! 70,8 54,36 44,58!")
    grip = (ring(30, 80, 14, 7.5), *stroke(((50, 56), (38, 70)), 6))
    return draw(
        fill(S, mirror(blade)),
        fill(P, blade),
        fill(P, *grip),
        fill(S, *(mirror(piece) for piece in grip)),
        fill(A, circle(50, 55, 4)),
    )


@motif("umbrella", "umbrella parasol ~insurance", Kind.FIGURE)
def umbrella(_: Dice) -> Drawing:
    """Draw an open umbrella."""
    dome = outline(
        "50,10! 28,16 11,34 6,56! 14,50 22,50 28,56! 36,50 44,50 "
        "50,56! 56,50 64,50 72,56! 78,50 86,50 94,56! 89,34 72,16"
    )
    panel = outline("50,10! 38,22 30,38 28,56! 36,50 44,50 50,56! 56,50 64,50 72,56! 70,38 62,22")
    return draw(
        fill(A, *brush(line("50,4 50,84 47,93 40,95 35,90"), lambda _: 4.2)),
        fill(P, dome),
        fill(S, panel),
        fill(H, outline("50,10! 45,28 44,51! 50,56! 56,51! 55,28")),
    )
