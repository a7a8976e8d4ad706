"""The library of motifs: what can be drawn, by name. Importing it enrols every sketch."""

from concept_worker.services.offline.motifs import birds, foxes, land, objects, pets, plants, sea, sky, symbols, wild
from concept_worker.services.offline.motifs.registry import MOTIFS, Kind, Motif

__all__ = [
    "MOTIFS",
    "Kind",
    "Motif",
    "birds",
    "foxes",
    "land",
    "objects",
    "pets",
    "plants",
    "sea",
    "sky",
    "symbols",
    "wild",
]
