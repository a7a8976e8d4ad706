"""The vendors' own SDKs against the fake: what they understand is their wire, so what the adapters speak is it too."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.imaging.codec import decode_image
from concept_worker.services.providers.openai_images.wire import palette_format

jigsawstack = pytest.importorskip("jigsawstack")
openai = pytest.importorskip("openai")

PALETTE_PROMPT = {
    "prompt": "Propose {count} palettes for {theme}.",
    "inputs": [{"key": "count", "optional": False}, {"key": "theme", "optional": False}],
    "input_values": {"count": "3", "theme": "calm"},
    "return_prompt": [{"name": "name", "description": "one sentence", "colors": ["#RRGGBB"]}],
}


@pytest.fixture
def jigsaw(fake: Any) -> Any:
    """JigsawStack's SDK, pointed at the fake."""
    return jigsawstack.JigsawStack(api_key=fake.api_key, base_url=fake.url)


@pytest.fixture
def open_ai(fake: Any) -> Iterator[Any]:
    """OpenAI's SDK, pointed at the fake, without retries of its own."""
    with openai.OpenAI(api_key=fake.api_key, base_url=fake.openai_url, max_retries=0) as client:
        yield client


def test_jigsawstack_images(fake: Any, jigsaw: Any) -> None:
    """Bytes, a link, base64: as the SDK tells them apart."""
    asked = {"prompt": "a fox", "width": 256, "height": 256, "advance_config": {"seed": 5}}
    content = jigsaw.image_generation(asked)
    assert decode_image(content).size == (256, 256)
    linked = jigsaw.image_generation({**asked, "return_type": "url"})
    assert linked["success"] is True
    assert httpx.get(linked["url"], trust_env=False).content == content
    encoded = jigsaw.image_generation({**asked, "return_type": "base64"})
    assert base64.b64decode(encoded["url"]) == content
    assert jigsaw.image_generation(asked) == content
    assert [call.cache_hit for call in fake.calls if call.endpoint == "image"] == [False, False, False, True]


def test_jigsawstack_image_to_image(fake: Any, jigsaw: Any) -> None:
    """An uploaded file, or a result of before, is what a key or a link names; an unreachable one is refused."""
    original = jigsaw.image_generation({"prompt": "a fox"})
    stored = jigsaw.store.upload(original, {"key": "a fox.png", "overwrite": True, "content_type": "image/png"})
    assert (stored["key"], stored["size"]) == ("a fox.png", len(original))
    by_key = jigsaw.image_generation({"prompt": "bluer", "file_store_key": stored["key"]})
    assert decode_image(by_key).size == (512, 512)
    linked = jigsaw.image_generation({"prompt": "a fox", "return_type": "url"})
    by_link = jigsaw.image_generation({"prompt": "bluer", "url": linked["url"], "return_type": "base64"})
    assert by_link["success"] is True
    with pytest.raises(jigsawstack.JigsawStackError):
        jigsaw.image_generation({"prompt": "bluer", "url": "https://files.example.com/gone.png"})


def test_jigsawstack_file_store(fake: Any, jigsaw: Any) -> None:
    """Upload, read, delete."""
    jigsaw.store.upload(b"\x89PNG", {"key": "k.png", "content_type": "image/png"})
    assert jigsaw.store.get("k.png") == b"\x89PNG"
    assert jigsaw.store.delete("k.png")["success"] is True
    assert fake.stored_files() == []


def test_jigsawstack_palettes(fake: Any, jigsaw: Any) -> None:
    """The shape that was asked for comes back."""
    answer = jigsaw.prompt_engine.run_prompt_direct(PALETTE_PROMPT)
    assert answer["success"] is True
    assert [len(entry["colors"]) for entry in answer["result"]] == [5, 5, 5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
def test_jigsawstack_errors(fake: Any, jigsaw: Any, status: int) -> None:
    """The SDK finds code and message where it looks for them."""
    fake.faults.add(Fault(kind=FaultKind.STATUS, status=status))
    with pytest.raises(jigsawstack.JigsawStackError) as caught:
        jigsaw.image_generation({"prompt": "a fox"})
    assert caught.value.code == status
    assert caught.value.message


def test_jigsawstack_wrong_key(fake: Any) -> None:
    """403 for a key that is not known."""
    with pytest.raises(jigsawstack.JigsawStackError) as caught:
        jigsawstack.JigsawStack(api_key="other", base_url=fake.url).image_generation({"prompt": "a fox"})
    assert caught.value.code == 403


def test_our_requests_use_the_sdks_fields(fake: Any, build: Any, image: Any, palettes: Any, refined: Any) -> None:
    """No field of ours is unknown to the SDK's own types."""
    from jigsawstack.image_generation import AdvanceConfig, ImageGenerationParams
    from jigsawstack.prompt_engine import PromptEngineRunParams
    from jigsawstack.store import FileUploadParams

    generator = build("jigsawstack")
    refined(generator, image(generator))
    palettes(generator)
    known = {
        "image": ImageGenerationParams,
        "refine": ImageGenerationParams,
        "palettes": PromptEngineRunParams,
        "store": FileUploadParams,
    }
    for call in fake.calls:
        assert set(call.body) <= set(known[call.endpoint].__annotations__)
        assert set(call.body.get("advance_config", {})) <= set(AdvanceConfig.__annotations__)


def test_openai_images(fake: Any, open_ai: Any) -> None:
    """Generation, and an edit as multipart."""
    drawn = open_ai.images.generate(model="gpt-image-2.5-flare", prompt="a fox", n=1, size="256x256")
    content = base64.b64decode(drawn.data[0].b64_json)
    assert decode_image(content).size == (256, 256)
    edited = open_ai.images.edit(
        model="gpt-image-2.5-flare", prompt="bluer", image=("fox.png", content, "image/png"), size="256x256"
    )
    assert decode_image(base64.b64decode(edited.data[0].b64_json)).size == (256, 256)
    assert [call.endpoint for call in fake.calls] == ["image", "refine"]


def test_openai_palettes(fake: Any, open_ai: Any) -> None:
    """Chat with our own JSON schema."""
    completion = open_ai.chat.completions.create(
        model="gpt-5.4-mini",
        messages=[
            {"role": "system", "content": "Propose 3 palettes."},
            {"role": "user", "content": '{"theme": "calm", "logo": "a fox"}'},
        ],
        response_format=palette_format(),
    )
    assert len(json.loads(completion.choices[0].message.content)["palettes"]) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind=FaultKind.STATUS, status=400), "BadRequestError"),
        (Fault(kind=FaultKind.CONTENT), "BadRequestError"),
        (Fault(kind=FaultKind.STATUS, status=401), "AuthenticationError"),
        (Fault(kind=FaultKind.STATUS, status=403), "PermissionDeniedError"),
        (Fault(kind=FaultKind.STATUS, status=404), "NotFoundError"),
        (Fault(kind=FaultKind.RATE_LIMITED, retry_after="3"), "RateLimitError"),
        (Fault(kind=FaultKind.QUOTA), "RateLimitError"),
        (Fault(kind=FaultKind.STATUS, status=500), "InternalServerError"),
        (Fault(kind=FaultKind.DISCONNECT), "APIConnectionError"),
    ],
)
def test_openai_errors(fake: Any, open_ai: Any, fault: Fault, error: str) -> None:
    """The SDK knows each of them by its own name."""
    fake.faults.add(fault)
    with pytest.raises(openai.OpenAIError) as caught:
        open_ai.images.generate(model="gpt-image-2.5-flare", prompt="a fox", size="256x256")
    assert type(caught.value).__name__ == error
    if fault.kind is FaultKind.CONTENT:
        assert caught.value.code == "moderation_blocked"


def test_openai_refuses_what_its_models_do_not_take(open_ai: Any) -> None:
    """As with GPT image models: a legacy field is an error, so the adapter may not send it."""
    with pytest.raises(openai.BadRequestError):
        open_ai.images.generate(model="gpt-image-2.5-flare", prompt="a fox", response_format="b64_json")


def test_our_openai_requests_use_the_sdks_fields(
    fake: Any, build: Any, image: Any, palettes: Any, refined: Any
) -> None:
    """No field of ours is unknown to the SDK's own types."""
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase
    from openai.types.image_edit_params import ImageEditParamsBase
    from openai.types.image_generate_params import ImageGenerateParamsBase

    generator = build("openai")
    refined(generator, image(generator))
    palettes(generator)
    known = {
        "image": ImageGenerateParamsBase,
        "refine": ImageEditParamsBase,
        "palettes": CompletionCreateParamsBase,
    }
    assert len(fake.calls) == 3
    for call in fake.calls:
        assert set(call.body) <= set(known[call.endpoint].__annotations__)
