"""Providers in order: the next one draws when the one before it is unavailable for long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from concept_worker.errors import AccountRefused, BadProviderAnswer, CircuitOpen, ConceptWorkerError
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import UNKNOWN_RECEIPT, ConceptGenerator, Picture

log = get_logger(__name__)

T = TypeVar("T")

# Errors after which certainly nothing is being drawn and an early retry is useless. An unknown outcome is not one of
# them. Declined content is not either: the next provider must not get it.
_LASTING_ABSENCE = (AccountRefused, CircuitOpen)


class ProviderChain(ConceptGenerator):
    """A generator over one or more named generators. `pictures` and `palettes` name the providers to ask, in order."""

    def __init__(
        self, generators: Mapping[str, ConceptGenerator], *, pictures: Sequence[str], palettes: Sequence[str]
    ) -> None:
        self._generators = dict(generators)
        self._for_pictures = tuple(pictures)
        self._for_palettes = tuple(name for name in palettes if generators[name].proposes_palettes)

    @property
    def proposes_palettes(self) -> bool:
        return bool(self._for_palettes)

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        return self._first_of(self._for_pictures, lambda one: one.draw(brief, seed=seed))

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        return self._first_of(self._for_pictures, lambda one: one.refine(original, wish, seed=seed))

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        return self._first_of(self._for_palettes, lambda one: one.propose_palettes(brief, count))

    def collect(self, receipt: Receipt) -> Picture:
        return self._holder(receipt).collect(receipt)

    def abandon(self, receipt: Receipt) -> None:
        if receipt.provider in self._generators:
            self._holder(receipt).abandon(receipt)

    def close(self) -> None:
        for generator in self._generators.values():
            generator.close()

    def _first_of(self, names: Sequence[str], ask: Callable[[ConceptGenerator], T]) -> T:
        """Ask the providers in turn while the one before is unavailable for long; raise the last one's error."""
        for name in names[:-1]:
            try:
                return ask(self._generators[name])
            except _LASTING_ABSENCE as exc:
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
