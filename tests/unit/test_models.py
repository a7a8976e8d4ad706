"""Payloads are checked at the door, and the refusal names field and mend."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from concept_worker.errors import InvalidRequest
from concept_worker.models import Palette
from concept_worker.payloads import GenerationPayload
from concept_worker.validation import payload_from

GOOD: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm"}


def test_defaults_are_the_originals() -> None:
    """Seven palettes, anonymous."""
    payload = payload_from(GenerationPayload, GOOD)
    assert (payload.num_palettes, payload.is_anonymous) == (7, True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"logo_description": ""}, "logo_description"),
        ({"logo_description": " \t\n"}, "logo_description"),
        ({"theme_description": "x" * 501}, "theme_description"),
        ({"theme_description": None}, "theme_description"),
        ({"theme_description": 7}, "theme_description"),
        ({"logo_description": "a\x00b"}, "logo_description"),
        ({"num_palettes": 0}, "num_palettes"),
        ({"num_palettes": 21}, "num_palettes"),
        ({"num_palettes": -1}, "num_palettes"),
        ({"num_palettes": "seven"}, "num_palettes"),
        ({"num_palettes": 2.5}, "num_palettes"),
        ({"is_anonymous": "perhaps"}, "is_anonymous"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    """And the value, which may be private, is not repeated."""
    with pytest.raises(InvalidRequest) as caught:
        payload_from(GenerationPayload, GOOD | change)
    sentence = str(caught.value)
    assert sentence.startswith("Invalid request: ")
    assert f"{field}: " in sentence
    assert "xxxx" not in sentence


def test_every_wrong_field_is_named_at_once() -> None:
    """One round trip is enough to mend a request."""
    with pytest.raises(InvalidRequest, match=r"logo_description: .*; theme_description: .*; num_palettes: "):
        payload_from(GenerationPayload, {"logo_description": "", "num_palettes": 99})


@given(st.dictionaries(st.text(max_size=20), st.none() | st.booleans() | st.integers() | st.text(), max_size=6))
def test_any_fields_give_a_payload_or_a_refusal(fields: dict[str, Any]) -> None:
    """Nothing else comes out of the door."""
    try:
        payload = payload_from(GenerationPayload, fields)
    except InvalidRequest:
        return
    assert payload_from(GenerationPayload, payload.model_dump(mode="json")) == payload


@pytest.mark.parametrize("colors", [["#12345"], ["red", "#000000"], ["#000000"], ["#000000"] * 9])
def test_palettes_are_two_to_eight_hex_colors(colors: list[str]) -> None:
    """Anything else is no palette."""
    with pytest.raises(ValidationError, match="colors"):
        Palette.model_validate({"name": "x", "colors": colors})
