"""The contracts of this floor. Adapters live beside them and have no docstring to repeat."""

from __future__ import annotations

from typing import Protocol

from concept_worker.models import Palette


class ConceptGenerator(Protocol):
    """Whoever draws logos and proposes palettes: the paid provider, or the offline generator.

    Every method raises `ProviderUnavailable` (worth another try; `RateLimited` says how long to wait),
    `ProviderRefused`, `BadProviderAnswer` or `InvalidImage`. Requests depend on their arguments alone, never on the
    attempt, so that a provider which caches identical requests is not paid twice.
    """

    def generate_image(self, logo_description: str, theme_description: str, *, seed: int) -> bytes:
        """A logo for the description, as PNG, JPEG or WebP bytes, not yet validated.

        `seed` is a non-negative 31-bit integer made from the task id: the same task asks the same thing again.
        """
        ...

    def generate_palettes(self, theme_description: str, logo_description: str, count: int) -> list[Palette]:
        """At most `count` palettes of five colours in the order of `PALETTE_ROLES`; may be fewer, never broken."""
        ...

    def refine_image(
        self,
        original: bytes,
        refinement_prompt: str,
        *,
        logo_description: str,
        theme_description: str,
        preserve_aspects: tuple[str, ...],
        seed: int,
    ) -> bytes:
        """The original (PNG bytes), changed as the prompt asks, as PNG, JPEG or WebP bytes, not yet validated."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
