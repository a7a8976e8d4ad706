"""The parts of a logo before it has pixels: layers of flat ink, and the dice that vary them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

from concept_worker.offline.path import Affine, Point, Polygon, bounds, placed

T = TypeVar("T")


class Ink(IntEnum):
    """A colour by its role; the number is its position in a palette (`PALETTE_ROLES`)."""

    PRIMARY = 0
    SECONDARY = 1
    ACCENT = 2
    GROUND = 3
    HIGHLIGHT = 4


# On a ground of primary ink the marks change places with the ground: ground becomes ink.
INVERTED: Mapping[Ink, Ink] = {
    Ink.PRIMARY: Ink.GROUND,
    Ink.SECONDARY: Ink.HIGHLIGHT,
    Ink.ACCENT: Ink.HIGHLIGHT,
    Ink.GROUND: Ink.PRIMARY,
    Ink.HIGHLIGHT: Ink.PRIMARY,
}


@dataclass(frozen=True)
class Layer:
    """A flat ink over the union of `shapes`, less `holes`, within `clip` (everywhere when empty)."""

    ink: Ink
    shapes: tuple[Polygon, ...]
    holes: tuple[Polygon, ...] = ()
    clip: tuple[Polygon, ...] = ()
    keyline: float = 0.0  # width of a rim in the ink, round the shapes: it separates a drawing from the one behind

    def moved(self, affine: Affine, scale: float) -> Layer:
        """Return the layer after `affine`, which enlarges by `scale`."""
        shapes, holes, clip = (
            tuple(affine(polygon) for polygon in polygons) for polygons in (self.shapes, self.holes, self.clip)
        )
        return Layer(self.ink, shapes, holes, clip, self.keyline * scale)


@dataclass(frozen=True)
class Drawing:
    """A drawing: layers from back to front."""

    layers: tuple[Layer, ...]

    def __add__(self, other: Drawing) -> Drawing:
        return Drawing(self.layers + other.layers)

    def place(
        self, center: Point, scale: float, turn: float = 0.0, flip: bool = False, about: Point = (50, 50)
    ) -> Drawing:
        """Move the drawing so that `about` comes to `center`; scale it, and turn it clockwise by `turn` degrees."""
        affine = placed(center, scale, turn, flip, about)
        return Drawing(tuple(layer.moved(affine, scale) for layer in self.layers))

    def fit(self, left: float, top: float, right: float, bottom: float) -> Drawing:
        """Scale the drawing evenly to fit a box, and move it to the box's middle."""
        x0, y0, x1, y1 = self.box
        scale = min((right - left) / max(x1 - x0, 1e-6), (bottom - top) / max(y1 - y0, 1e-6))
        return self.place(((left + right) / 2, (top + bottom) / 2), scale, about=((x0 + x1) / 2, (y0 + y1) / 2))

    def inked(self, inks: Mapping[Ink, Ink]) -> Drawing:
        """Exchange inks."""
        return Drawing(tuple(replace(layer, ink=inks.get(layer.ink, layer.ink)) for layer in self.layers))

    def within(self, *clip: Polygon) -> Drawing:
        """Keep only the parts inside `clip`; a layer with a clip of its own keeps that instead."""
        return Drawing(tuple(layer if layer.clip else replace(layer, clip=clip) for layer in self.layers))

    def keyline(self, width: float, ink: Ink = Ink.GROUND) -> Drawing:
        """Return the silhouette in one ink, grown by `width` all round; it goes under a drawing in front of another."""
        return Drawing(
            tuple(Layer(ink, layer.shapes, clip=layer.clip, keyline=width) for layer in self.layers if layer.ink != ink)
        )

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the drawing."""
        return bounds(shape for layer in self.layers for shape in layer.shapes)


def draw(*layers: Layer | Drawing) -> Drawing:
    """Join layers and drawings, from back to front."""
    flat: list[Layer] = []
    for layer in layers:
        flat += layer.layers if isinstance(layer, Drawing) else (layer,)
    return Drawing(tuple(flat))


def fill(ink: Ink, *shapes: Polygon, holes: Iterable[Polygon] = (), clip: Iterable[Polygon] = ()) -> Layer:
    """Make a layer of `ink` over the union of `shapes`, less `holes`, within `clip`."""
    return Layer(ink, shapes, tuple(holes), tuple(clip))


class Dice:
    """Choices that look random but are not: the same words give the same choices, in any order of calls."""

    def __init__(self, *words: object) -> None:
        self._key = "\x1f".join(str(word) for word in words).encode("utf-8", "replace")

    def number(self, name: str) -> float:
        """Return a number for this name, 0 <= x < 1."""
        digest = hashlib.sha256(self._key + b"\x1e" + name.encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def between(self, name: str, low: float, high: float) -> float:
        """Return a number for this name, low <= x < high."""
        return low + (high - low) * self.number(name)

    def pick(self, name: str, options: Sequence[T]) -> T:
        """Pick one of `options` for this name."""
        return options[int(self.number(name) * len(options))]

    def chance(self, name: str, probability: float) -> bool:
        """Return True with this probability."""
        return self.number(name) < probability
