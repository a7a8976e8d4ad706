"""Sun, moon, stars, clouds, and what falls or flashes from them."""

from __future__ import annotations

from concept_worker.offline.drawing import Dice, Drawing, Ink, draw, fill
from concept_worker.offline.motifs.registry import Kind, motif
from concept_worker.offline.path import (
    Polygon,
    circle,
    crescent,
    outline,
    polar,
    polygon,
    rounded,
    sector,
    star,
    stroke,
)

P, S, A, G, H = Ink.PRIMARY, Ink.SECONDARY, Ink.ACCENT, Ink.GROUND, Ink.HIGHLIGHT


@motif("moon", "moon crescent ~lunar luna", Kind.BACKDROP)
def moon(dice: Dice) -> Drawing:
    """Draw a crescent on its pale disc, with one or three stars in its arms."""
    turn = dice.pick("turn", (35, 55, 70))
    body = crescent(50, 50, 42, 36, 19, turn)
    stars = (star(*polar((50, 50), 16, turn - 8), 9, 3.6, 4), star(*polar((50, 50), 33, turn + 22), 5, 2, 4))
    pale = (fill(H, circle(50, 50, 42)),) if dice.chance("pale disc", 0.6) else ()
    return draw(*pale, fill(S, body), fill(A, *stars[: dice.pick("stars", (1, 2))]))


@motif("sun", "sun sunny sunrise sunset sunshine solar dawn dusk", Kind.BACKDROP)
def sun(dice: Dice) -> Drawing:
    """Draw a disc with rays."""
    count, style = dice.pick("rays", (12, 16)), dice.pick("style", ("wedge", "bar", "alternate"))
    rays: list[Polygon] = []
    for i in range(count):
        angle = 360 * i / count
        reach = 47 if style != "alternate" or i % 2 == 0 else 40
        foot = 27.5
        if style == "bar":
            rays += stroke((polar((50, 50), foot + 3, angle), polar((50, 50), reach - 2, angle)), 4.6)
        else:
            half = 360 / count * 0.32
            rays.append(
                (
                    polar((50, 50), foot, angle - half),
                    polar((50, 50), reach, angle),
                    polar((50, 50), foot, angle + half),
                )
            )
    face = circle(50, 50, 23)
    return draw(
        fill(A, *rays), fill(S, face), fill(P, sector(50, 50, 23, 0, 45, 225)) if style == "wedge" else fill(S, face)
    )


@motif("star", "star starry constellation stellar", Kind.EMBLEM)
def five_pointed_star(dice: Dice) -> Drawing:
    """Draw a five-pointed star in facets, or a four-pointed sparkle with companions."""
    if dice.chance("sparkle", 0.35):
        big = outline("50,6! 55,36 64,45 94,50! 64,55 55,64 50,94! 45,64 36,55 6,50! 36,45 45,36")
        small = [star(x, y, r, r * 0.34, 4) for x, y, r in ((82, 20, 11), (19, 80, 8))]
        return draw(fill(P, big), fill(A, *small))
    points = star(50, 53, 46, 19, 5)
    center = (50.0, 53.0)
    facets = [(points[i], points[(i + 1) % 10], center) for i in range(0, 10, 2)]
    return draw(fill(P, points), fill(S, *facets))


@motif("cloud", "cloud cloudy ~sky ~overcast", Kind.BACKDROP)
def cloud(dice: Dice) -> Drawing:
    """Draw a flat-bottomed cloud with a second one behind."""
    front = (
        circle(34, 60, 18),
        circle(54, 48, 23),
        circle(75, 62, 16),
        rounded(((16, 60), (91, 60), (91, 78), (16, 78)), 9),
    )
    back = (circle(64, 36, 17), circle(82, 48, 13), circle(47, 42, 11))
    return draw(fill(dice.pick("back", (S, A)), *back), fill(P, *front))


@motif("bolt", "lightning bolt thunder ~electric ~electricity ~flash ~volt ~energy ~power ~spark ~charge", Kind.EMBLEM)
def bolt(_: Dice) -> Drawing:
    """Draw a lightning bolt, its lower limb in shade."""
    whole = polygon("60,4 22,56 46,56 38,96 78,40 54,40", 1.5)
    return draw(fill(P, whole), fill(S, polygon("46,56 38,96 78,40 54,40 62,48"), clip=(whole,)))


@motif("snowflake", "snow snowflake frost ~ice ~winter ~frozen", Kind.EMBLEM)
def snowflake(dice: Dice) -> Drawing:
    """Draw a six-armed crystal."""
    arms: list[Polygon] = []
    twigs: list[Polygon] = []
    for i in range(6):
        angle = 60.0 * i
        arms += stroke(((50, 50), polar((50, 50), 42, angle)), 5)
        for radius, reach in ((20, 10), (31, dice.pick("reach", (8, 12)))):
            foot = polar((50, 50), radius, angle)
            for side in (-50, 50):
                twigs += stroke((foot, polar(foot, reach, angle + side)), 4)
    return draw(fill(S, *twigs), fill(P, *arms), fill(A, circle(50, 50, 6.5)))
