"""The library of motifs: what can be drawn, by name. Importing it enrols every sketch."""

from concept_worker.services.offline.motifs import foxes, sky
from concept_worker.services.offline.motifs.registry import MOTIFS, Kind, Motif

__all__ = ["MOTIFS", "Kind", "Motif", "foxes", "sky"]
