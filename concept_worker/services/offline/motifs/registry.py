"""Where the motifs enrol, each with the words that call for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from concept_worker.services.offline.drawing import Dice, Drawing

Sketch = Callable[[Dice], Drawing]


class Kind(Enum):
    """How a motif behaves beside another one."""

    FIGURE = "figure"  # has a face or a body; stands in front
    BACKDROP = "backdrop"  # sun, moon, cloud: goes behind and above
    LAND = "land"  # mountain, wave, book: goes below and in front
    EMBLEM = "emblem"  # heart, star, leaf: small beside a figure


@dataclass(frozen=True)
class Motif:
    """One subject, drawn in a box of 100 x 100 units; the dice vary its details, never what it is."""

    name: str
    words: tuple[str, ...]
    kind: Kind
    sketch: Sketch


MOTIFS: dict[str, Motif] = {}


def motif(name: str, words: str, kind: Kind = Kind.FIGURE) -> Callable[[Sketch], Sketch]:
    """Enrol a sketch under `name`; `words` are stems in the singular, phrases joined by "_"."""

    def enrol(sketch: Sketch) -> Sketch:
        MOTIFS[name] = Motif(name, tuple(word.replace("_", " ") for word in words.split()), kind, sketch)
        return sketch

    return enrol
