"""Several providers in order: the next one draws when the one before is away for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from concept_worker.errors import AccountRefused, BadProviderAnswer, CircuitOpen, ConceptWorkerError
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt
from concept_worker.services.interfaces import ConceptGenerator

log = get_logger(__name__)

T = TypeVar("T")

UNKNOWN_RECEIPT = (
    "The picture was ordered from an image provider that is no longer set up; the operator must add it again."
)

# Certain that nothing is being drawn, and that asking again soon would change nothing. Never after an unknown outcome,
# and never after declined content, which would only be carried to the next house.
_AWAY_FOR_GOOD = (AccountRefused, CircuitOpen)


class ProviderChain:
    """A `ConceptGenerator` over several by name. `pictures` and `palettes` say who is asked, in which order."""

    def __init__(
        self, generators: Mapping[str, ConceptGenerator], *, pictures: Sequence[str], palettes: Sequence[str]
    ) -> None:
        self._generators = dict(generators)
        self._for_pictures = tuple(pictures)
        self._for_palettes = tuple(palettes)

    def generate_image(self, logo_description: str, theme_description: str, *, seed: int) -> bytes | Receipt:
        return self._first_of(
            self._for_pictures, lambda one: one.generate_image(logo_description, theme_description, seed=seed)
        )

    def generate_palettes(self, theme_description: str, logo_description: str, count: int) -> list[Palette]:
        return self._first_of(
            self._for_palettes, lambda one: one.generate_palettes(theme_description, logo_description, count)
        )

    def refine_image(
        self,
        original: bytes,
        refinement_prompt: str,
        *,
        logo_description: str,
        theme_description: str,
        preserve_aspects: tuple[str, ...],
        seed: int,
    ) -> bytes | Receipt:
        return self._first_of(
            self._for_pictures,
            lambda one: one.refine_image(
                original,
                refinement_prompt,
                logo_description=logo_description,
                theme_description=theme_description,
                preserve_aspects=preserve_aspects,
                seed=seed,
            ),
        )

    def collect(self, receipt: Receipt) -> bytes:
        return self._holder(receipt).collect(receipt)

    def abandon(self, receipt: Receipt) -> None:
        if receipt.provider in self._generators:
            self._holder(receipt).abandon(receipt)

    def close(self) -> None:
        for generator in self._generators.values():
            generator.close()

    def _first_of(self, names: Sequence[str], ask: Callable[[ConceptGenerator], T]) -> T:
        """The answer of the first that is there; the last one's trouble is everybody's."""
        for name in names[:-1]:
            try:
                return ask(self._generators[name])
            except _AWAY_FOR_GOOD as exc:
                log.warning("next provider asked", away=name, error=type(exc).__name__)
        return ask(self._generators[names[-1]])

    def _holder(self, receipt: Receipt) -> ConceptGenerator:
        generator = self._generators.get(receipt.provider)
        if generator is None:
            raise _unknown_receipt(receipt)
        return generator


def _unknown_receipt(receipt: Receipt) -> ConceptWorkerError:
    log.error("receipt of a provider that is not set up", provider=receipt.provider[:40])
    return BadProviderAnswer(UNKNOWN_RECEIPT)
