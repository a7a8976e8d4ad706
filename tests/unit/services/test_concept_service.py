"""A provider that gives too few palettes, or too many."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from concept_worker.errors import CircuitOpen, ProviderPaused, RateLimited
from concept_worker.imaging.harmony import harmonize
from concept_worker.models import Palette, PaletteSource
from concept_worker.services.concept_service import ConceptService


@pytest.mark.parametrize("given", [0, 2, 6])
def test_there_are_as_many_palettes_as_asked_for(given: int) -> None:
    """What is missing is made here and says so; no two have the same name."""
    theirs = [
        Palette(name=palette.name, colors=palette.colors) for palette in reversed(harmonize("warm", "a fox", 6)[:given])
    ]
    generator = SimpleNamespace(generate_palettes=lambda *_: theirs)
    service = ConceptService(generator=cast("Any", generator), staging=cast("Any", None))
    palettes = service.generate_color_palettes("warm", "a fox", 4)
    assert len({palette.name for palette in palettes}) == len(palettes) == 4
    assert [palette.source for palette in palettes].count(PaletteSource.PROVIDER) == min(given, 4)


@pytest.mark.parametrize("door", [ProviderPaused("closed", 7.0), CircuitOpen("open", 7.0)])
def test_palettes_do_not_wait_for_ever(door: ProviderPaused) -> None:
    """They can be made without the provider, so a closed door is an attempt that failed."""

    def closed(*_: object) -> list[Palette]:
        raise door

    service = ConceptService(
        generator=cast("Any", SimpleNamespace(generate_palettes=closed)), staging=cast("Any", None)
    )
    with pytest.raises(RateLimited) as caught:
        service.generate_color_palettes("warm", "a fox", 3)
    assert (type(caught.value), caught.value.retry_after) == (RateLimited, 7.0)
