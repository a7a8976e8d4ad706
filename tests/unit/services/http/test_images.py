"""Whether an answer is an image, by its bytes."""

from __future__ import annotations

import base64

import pytest

from concept_worker.devstack.fake_provider.pictures import TINY_JPEG, PlainArtist, encode_png
from concept_worker.errors import BadProviderAnswer, InvalidImage
from concept_worker.imaging.codec import ImageLimits
from concept_worker.services.http.images import checked_image, decoded_base64, json_budget

PNG = PlainArtist().draw("a fox", 7, 64, 64)
LIMITS = ImageLimits()


@pytest.mark.parametrize("content", [PNG, TINY_JPEG])
def test_images_pass_unchanged(content: bytes) -> None:
    """The same bytes come back."""
    assert checked_image(content, LIMITS) is content


@pytest.mark.parametrize(
    "content",
    [b"", b"<html></html>", b'{"success": false}', b"<svg/>", b"GIF89a" + b"\0" * 50, b"\x89PN", b"RIFF....WAVE"],
)
def test_anything_else_is_a_bad_answer(content: bytes) -> None:
    """Nothing to do with the user's image: the provider erred."""
    with pytest.raises(BadProviderAnswer):
        checked_image(content, LIMITS)


@pytest.mark.parametrize("content", [encode_png(60_000, 60_000, []), PNG[:12], TINY_JPEG[:20]])
def test_an_image_out_of_bounds_is_invalid(content: bytes) -> None:
    """Too many pixels, or cut within the header."""
    with pytest.raises(InvalidImage):
        checked_image(content, LIMITS)


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(PNG).decode(),
        base64.encodebytes(PNG).decode(),
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
    ],
)
def test_base64_in_its_usual_forms(text: str) -> None:
    """In one line, in many, as a data URL."""
    assert decoded_base64(text) == PNG


@pytest.mark.parametrize("text", ["abc", "not base64!", "größer", base64.b64encode(PNG).decode() + "!"])
def test_broken_base64_is_a_bad_answer(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadProviderAnswer):
        decoded_base64(text)


def test_the_budget_of_a_json_answer_fits_the_largest_image() -> None:
    """base64 makes three bytes four."""
    assert json_budget(LIMITS) > len(base64.b64encode(b"\0" * LIMITS.max_bytes))
