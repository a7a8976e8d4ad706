"""The registry of motifs, each with the words that call for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from concept_worker.offline.drawing import Dice, Drawing

Sketch = Callable[[Dice], Drawing]


class Kind(Enum):
    """A kind of motif: it decides the motif's place beside another one."""

    FIGURE = "figure"  # has a face or a body; stands in front
    BACKDROP = "backdrop"  # sun, moon, cloud: goes behind and above
    LAND = "land"  # mountain, wave, book: goes below and in front
    EMBLEM = "emblem"  # heart, star, leaf: small beside a figure


@dataclass(frozen=True)
class Motif:
    """A subject, drawn in a box of 100 x 100 units; the dice vary its details, never the subject itself."""

    name: str
    words: tuple[str, ...]
    hints: tuple[str, ...]  # words that call for the motif only when no other subject is named
    kind: Kind
    sketch: Sketch


MOTIFS: dict[str, Motif] = {}


def motif(name: str, words: str, kind: Kind = Kind.FIGURE) -> Callable[[Sketch], Sketch]:
    """Register a sketch under `name`; `words` are singular stems, phrases joined by "_", hints marked by "~"."""

    def enrol(sketch: Sketch) -> Sketch:
        plain = [word.replace("_", " ") for word in words.split()]
        strong = tuple(word for word in plain if not word.startswith("~"))
        hints = tuple(word[1:] for word in plain if word.startswith("~"))
        MOTIFS[name] = Motif(name, strong, hints, kind, sketch)
        return sketch

    return enrol
