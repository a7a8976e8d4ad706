"""Each picture says who drew it, with which model, and what it used or cost, as far as the vendor tells."""

from __future__ import annotations

from typing import Any

import pytest

from concept_worker.models import Origin, Receipt
from concept_worker.services.http.origins import origin_of
from tests.contract.providers.briefs import BRIEF

WIRES = ("jigsawstack", "openai", "openai-responses", "gemini", "runware", "replicate", "fal")


def origin(generator: Any) -> Origin:
    """Of the usual picture."""
    answer = generator.draw(BRIEF, seed=7)
    picture = generator.collect(answer) if isinstance(answer, Receipt) else answer
    found: Origin = picture.origin
    return found


@pytest.mark.parametrize("wire", WIRES)
def test_a_picture_says_who_drew_it(build: Any, settings_for: Any, wire: str) -> None:
    """Provider and model, of an answer and of a collected job alike."""
    found = origin(build(wire))
    assert (found.provider, found.model) == (wire, model_of(settings_for(), wire))


@pytest.mark.parametrize(
    ("wire", "counted"),
    [("openai", "total_tokens"), ("openai-responses", "total_tokens"), ("gemini", "totalTokenCount")],
)
def test_tokens_come_along(build: Any, wire: str, counted: str) -> None:
    """Under the vendor's own names."""
    assert origin(build(wire)).usage[counted] > 0


def test_a_price_comes_along(build: Any) -> None:
    """Runware says it in dollars."""
    assert origin(build("runware")).cost == 0.03


@pytest.mark.parametrize(
    ("usage", "cost", "expected"),
    [
        ({"cost": 0.04}, None, 0.04),  # OpenRouter
        (None, 0.07, 0.07),  # xAI
        ({"cost": "free"}, "much", None),
        ({"cost": -1, "total_tokens": True}, float("nan"), None),
        (["no", "mapping"], {"a": 1}, None),
    ],
)
def test_only_sane_prices_are_taken(usage: object, cost: object, expected: float | None) -> None:
    """Wherever they stand; text, negative numbers and odd shapes are left out."""
    found = origin_of("someone", "model", usage=usage, cost=cost)
    assert (found.cost, found.usage) == (expected, {})


def model_of(settings: Any, wire: str) -> str:
    """The model that the settings name for pictures."""
    names = {"openai-responses": "openai_image_model", "runware": "runware_model", "jigsawstack": ""}
    name = names.get(wire, f"{wire}_image_model")
    return str(getattr(settings, name)) if name else ""
