"""Pictures that tests need: the offline illustrator draws them."""

from __future__ import annotations

from concept_worker.payloads import Brief
from concept_worker.services.offline.generator import OfflineGenerator


def drawn(logo: str = "x", theme: str = "y", *, seed: int = 1, size: int = 64) -> bytes:
    """Draw a square PNG, `size` pixels wide."""
    brief = Brief(logo_description=logo, theme_description=theme)
    return OfflineGenerator(size=size).draw(brief, seed=seed).content
