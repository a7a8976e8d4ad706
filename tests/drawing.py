"""Pictures that tests need: the offline illustrator draws them."""

from __future__ import annotations

from concept_worker.offline.generator import OfflineGenerator
from concept_worker.payloads import Brief


def drawn(logo: str = "x", theme: str = "y", *, seed: int = 1, size: int = 64) -> bytes:
    """Draw a square PNG, `size` pixels wide."""
    brief = Brief.model_construct(logo_description=logo, theme_description=theme)  # any text at all
    return OfflineGenerator(size=size).draw(brief, seed=seed).content
