"""The library of motifs, by name. Importing it registers every sketch."""

from concept_worker.offline.motifs import (
    birds,
    foxes,
    land,
    machines,
    objects,
    pets,
    plants,
    sea,
    sky,
    symbols,
    treats,
    wild,
)
from concept_worker.offline.motifs.registry import MOTIFS, Kind, Motif

__all__ = [
    "MOTIFS",
    "Kind",
    "Motif",
    "birds",
    "foxes",
    "land",
    "machines",
    "objects",
    "pets",
    "plants",
    "sea",
    "sky",
    "symbols",
    "treats",
    "wild",
]
