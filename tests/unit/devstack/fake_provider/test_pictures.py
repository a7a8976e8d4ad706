"""Pictures of the fake are real ones."""

from __future__ import annotations

import pytest

from concept_worker.devstack.fake_provider.faults import FaultKind
from concept_worker.devstack.fake_provider.offline_artist import OfflineArtist
from concept_worker.devstack.fake_provider.pictures import Artist, Picture, PlainArtist, spoiled
from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import decode_image
from concept_worker.payloads import Brief, Wish
from concept_worker.services.providers.briefs import logo_brief, refinement_brief


@pytest.mark.parametrize("artist", [PlainArtist(), OfflineArtist()], ids=["plain", "offline"])
def test_a_picture_depends_on_words_and_seed(artist: Artist) -> None:
    """Same arguments, same bytes; another seed or change, another picture."""
    brief = logo_brief(Brief(logo_description="a fox", theme_description="calm"))
    first = artist.draw(brief, 7, 256, 256)
    assert decode_image(first).size == (256, 256)
    assert first == artist.draw(brief, 7, 256, 256)
    assert first != artist.draw(brief, 8, 256, 256)
    change = refinement_brief(
        Wish(refinement_prompt="make it much darker and red", logo_description="a fox", theme_description="calm")
    )
    assert decode_image(artist.redraw(first, change, 7, 256, 256)).getcolors(1 << 20)


@pytest.mark.parametrize("size", [(256, 256), (1920, 256), (300, 777)])
def test_plain_pictures_of_every_format(size: tuple[int, int]) -> None:
    """Every row is complete."""
    assert decode_image(PlainArtist().draw("a fox", 7, *size)).size == size


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.HUGE, FaultKind.SVG])
def test_spoiled_pictures_do_not_decode(kind: FaultKind) -> None:
    """That is what they are for."""
    with pytest.raises(InvalidImage):
        decode_image(spoiled(Picture(PlainArtist().draw("a fox", 7, 64, 64)), kind).content)
