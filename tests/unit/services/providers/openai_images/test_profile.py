"""Which fields, which header and which links belong to a server of OpenAI's wire."""

from __future__ import annotations

import pytest

from concept_worker.services.providers.openai_images.profile import known_profile, profile_of, size_trouble
from concept_worker.services.providers.openai_images.wire import ImagesAnswer, Message
from concept_worker.settings import Settings


def settings(**changes: object) -> Settings:
    """Settings without an environment."""
    return Settings(_env_file=None, **changes)


@pytest.mark.parametrize(
    ("base_url", "vendor"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://acme.openai.azure.com/openai/v1", "azure"),
        ("https://acme.openai.azure.com/openai/deployments/draw?api-version=preview", "azure"),
        ("https://api.x.ai/v1", "xai"),
        ("https://external.api.recraft.ai/v1", "recraft"),
        ("https://api.together.xyz/v1", "together"),
        ("http://127.0.0.1:8080/v1", "openai-compatible"),
        ("https://evil.example/api.openai.com/v1", "openai-compatible"),
        ("https://notopenai.azure.com.example/v1", "openai-compatible"),
    ],
)
def test_a_profile_is_chosen_by_host(base_url: str, vendor: str) -> None:
    """By the whole host, not by a part of the address."""
    assert known_profile(base_url).vendor == vendor


def test_azure_takes_the_key_alone() -> None:
    """In a header of its own name."""
    assert known_profile("https://a.openai.azure.com/v1").headers("k") == {"api-key": "k"}
    assert known_profile("https://api.openai.com/v1").headers("k") == {"authorization": "Bearer k"}
    assert known_profile("http://127.0.0.1/v1").headers("") == {}


def test_single_fields_are_settable_and_removable() -> None:
    """`none` leaves a field out, anything else takes the vendor's place."""
    vendor = profile_of(settings(openai_base_url="https://api.openai.com/v1"))
    assert (vendor.sends_size, dict(vendor.fields)) == (True, {"output_format": "png"})
    bare = profile_of(settings(openai_size="none", openai_output_format="none"))
    assert (bare.sends_size, dict(bare.fields)) == (False, {})
    rich = profile_of(settings(openai_quality="low", openai_background="opaque", openai_auth_header="Api-Key"))
    assert dict(rich.fields) == {"output_format": "png", "quality": "low", "background": "opaque"}
    assert rich.headers("k") == {"api-key": "k"}


def test_xai_gets_no_size() -> None:
    """It refuses the field, and answers by link unless told."""
    profile = profile_of(settings(openai_base_url="https://api.x.ai/v1"))
    assert not profile.sends_size
    assert profile.fields["response_format"] == "b64_json"


@pytest.mark.parametrize(
    ("model", "side", "well"),
    [
        ("gpt-image-2.5-flare", 1024, True),
        ("gpt-image-2.5-flare", 816, True),
        ("gpt-image-2.5-flare", 800, False),
        ("gpt-image-2", 512, False),
        ("gpt-image-2", 1920, True),
        ("gpt-image-1", 1024, True),
        ("gpt-image-1.5", 1920, False),
        ("gpt-image-1-mini", 816, False),
        ("openai/gpt-image-2", 512, False),
        ("dall-e-3", 512, False),
        ("flux-schnell", 256, True),
    ],
)
def test_sizes_by_model_family(model: str, side: int, well: bool) -> None:
    """A size that the model refuses is known before anybody's run fails of it."""
    trouble = size_trouble(model, side)
    assert (trouble is None) is well
    if trouble:
        assert "CONCEPT_IMAGE_SIZE" in trouble


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"url": "", "respect_moderation": False}, True),
        ({"url": None, "is_image_safe": False}, True),
        ({"url": "https://x", "respect_moderation": True}, False),
        ({"b64_json": "x"}, False),
    ],
)
def test_a_picture_that_moderation_kept_back_is_declined(item: dict[str, object], expected: bool) -> None:
    """xAI and Ideogram answer 200 and say it beside the empty link."""
    assert ImagesAnswer.model_validate({"data": [item]}).data[0].is_declined is expected


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("abc", "abc"),
        (None, ""),
        ([{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ([None, 3, {"text": 4}], ""),
        (7, ""),
    ],
)
def test_a_message_in_parts_is_one_text(content: object, text: str) -> None:
    """Servers of thinking models send lists."""
    assert Message(content=content).text == text
