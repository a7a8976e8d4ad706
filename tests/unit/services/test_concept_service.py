"""A provider that gives too few palettes, or too many."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from concept_worker.errors import CircuitOpen, ProviderPaused, RateLimited
from concept_worker.models import Palette, PaletteSource
from concept_worker.palettes.harmony import harmonize
from concept_worker.payloads import Brief
from concept_worker.services.concept_service import ConceptService

BRIEF = Brief(logo_description="a fox", theme_description="warm")


def service_with(propose: Callable[..., list[Palette]], *, proposes: bool = True) -> ConceptService:
    """A service whose provider answers so."""
    generator = SimpleNamespace(propose_palettes=propose, proposes_palettes=proposes)
    return ConceptService(generator=cast("Any", generator), staging=cast("Any", None))


def test_a_provider_without_palettes_is_not_asked() -> None:
    """It says so, and does not have to pretend an answer."""

    def ask(*_: object) -> list[Palette]:
        raise AssertionError

    palettes = service_with(ask, proposes=False).generate_color_palettes(BRIEF, 3)
    assert [palette.source for palette in palettes] == [PaletteSource.LOCAL] * 3


@pytest.mark.parametrize("given", [0, 2, 6])
def test_there_are_as_many_palettes_as_asked_for(given: int) -> None:
    """What is missing is made here and says so; no two have the same name."""
    theirs = [
        Palette(name=palette.name, colors=palette.colors) for palette in reversed(harmonize("warm", "a fox", 6)[:given])
    ]
    service = service_with(lambda *_: theirs)
    palettes = service.generate_color_palettes(BRIEF, 4)
    assert len({palette.name for palette in palettes}) == len(palettes) == 4
    assert [palette.source for palette in palettes].count(PaletteSource.PROVIDER) == min(given, 4)


@pytest.mark.parametrize("door", [ProviderPaused("closed", 7.0), CircuitOpen("open", 7.0)])
def test_palettes_do_not_wait_for_ever(door: ProviderPaused) -> None:
    """They can be made without the provider, so a closed door is an attempt that failed."""

    def closed(*_: object) -> list[Palette]:
        raise door

    with pytest.raises(RateLimited) as caught:
        service_with(closed).generate_color_palettes(BRIEF, 3)
    assert (type(caught.value), caught.value.retry_after) == (RateLimited, 7.0)
