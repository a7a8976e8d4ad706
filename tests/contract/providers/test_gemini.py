"""Gemini's image models over HTTP: what a picture costs, and whom a refusal blames."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from structlog.testing import capture_logs

from concept_worker.devstack.fake_provider import FakeProvider, Fault, FaultKind
from concept_worker.errors import (
    AccountRefused,
    BadProviderAnswer,
    ConceptWorkerError,
    ContentDeclined,
    InvalidImage,
    MaybeCharged,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from concept_worker.imaging.codec import decode_image
from concept_worker.services.providers.gemini import gemini_generator

K = FaultKind


def answered(body: object, status: int = 200) -> Fault:
    """Another answer of the vendor."""
    return Fault(kind=K.CANNED, status=status, body=body)


def ended(reason: str) -> Fault:
    """A candidate without a picture."""
    return answered({"candidates": [{"content": {"role": "model"}, "finishReason": reason}]})


def test_a_picture_and_a_refinement_are_paid_once_each(
    fake: FakeProvider, build: Any, image: Any, refined: Any
) -> None:
    """A sketch among the thoughts is not taken for the picture; nobody is asked for palettes."""
    generator = build("gemini")
    drawn = image(generator)
    changed = refined(generator, drawn)
    assert (decode_image(drawn).size, decode_image(changed).size, drawn == changed) == ((256, 256), (256, 256), False)
    assert not generator.proposes_palettes
    assert [(call.endpoint, call.paid) for call in fake.calls] == [("image", True), ("refine", True)]


def test_a_square_alone_is_asked_for(fake: FakeProvider, build: Any, image: Any) -> None:
    """No words beside it, and the same task asks in the same bytes."""
    for _ in range(2):
        image(build("gemini"))
    first, second = fake.calls
    assert first.body["generationConfig"] == {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "1:1"}}
    assert (first.body["model"], first.key) == ("gemini-3.1-flash-image", second.key)


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        *[(ended(reason), ContentDeclined) for reason in ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE")],
        *[(ended(reason), ContentDeclined) for reason in ("SAFETY", "PROHIBITED_CONTENT", "IMAGE_RECITATION")],
        (answered({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), ContentDeclined),
        (answered({"promptFeedback": {"blockReason": "OTHER"}, "candidates": []}), ContentDeclined),
        (ended("IMAGE_OTHER"), BadProviderAnswer),
        (ended("MAX_TOKENS"), BadProviderAnswer),
        (answered({"candidates": [{"content": {"parts": [{"text": "A fox."}]}}]}), BadProviderAnswer),
        (answered({"candidates": None}), BadProviderAnswer),
        (answered({"candidates": "none"}), BadProviderAnswer),
        (answered({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "x"}}, 400), ProviderRefused),
        (answered({"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}, 400), AccountRefused),
        (Fault(kind=K.STATUS, status=403), AccountRefused),
        (Fault(kind=K.STATUS, status=404), AccountRefused),
        (Fault(kind=K.STATUS, status=500), ProviderUnavailable),
        (Fault(kind=K.STATUS, status=503), ProviderUnavailable),
        (Fault(kind=K.STATUS, status=504), MaybeCharged),
        (Fault(kind=K.TEXT_ERROR, status=502), MaybeCharged),
        (Fault(kind=K.HTML), BadProviderAnswer),
        (Fault(kind=K.EMPTY), BadProviderAnswer),
        (Fault(kind=K.BROKEN_JSON), BadProviderAnswer),
        (Fault(kind=K.FAILURE), BadProviderAnswer),
    ],
)
def test_an_answer_without_a_picture_has_its_word(
    fake: FakeProvider, build: Any, image: Any, fault: Fault, trouble: type[ConceptWorkerError]
) -> None:
    """One call, and nothing paid."""
    fake.faults.add(fault)
    with pytest.raises(ConceptWorkerError) as caught:
        image(build("gemini"))
    assert (type(caught.value), len(fake.calls), fake.paid()) == (trouble, 1, 0)


def test_a_picture_is_taken_whatever_the_reason_of_its_end(fake: FakeProvider, build: Any, image: Any) -> None:
    """It is paid for."""
    drawn = image(build("gemini"))
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(drawn).decode()}}
    fake.faults.add(answered({"candidates": [{"content": {"parts": [part]}, "finishReason": "IMAGE_OTHER"}]}))
    assert image(build("gemini")) == drawn


@pytest.mark.parametrize(
    ("kind", "trouble"), [(K.BAD_BASE64, BadProviderAnswer), (K.SVG, BadProviderAnswer), (K.HUGE, InvalidImage)]
)
def test_what_is_no_picture_is_said_so(
    fake: FakeProvider, build: Any, image: Any, kind: FaultKind, trouble: type[ConceptWorkerError]
) -> None:
    """By its bytes, not by its declared type."""
    fake.faults.add(Fault(kind=kind))
    with pytest.raises(trouble):
        image(build("gemini"))


@pytest.mark.parametrize("kind", [K.DISCONNECT, K.CUT, K.HANG])
def test_a_lost_answer_may_be_charged(fake: FakeProvider, build: Any, image: Any, kind: FaultKind) -> None:
    """The wire has no key by which the picture could be found again."""
    fake.faults.add(Fault(kind=kind))
    with pytest.raises(MaybeCharged):
        image(build("gemini", image_timeout_seconds=0.5))
    assert fake.paid() == 1


def test_the_wait_of_a_limit_is_read_from_its_details(fake: FakeProvider, build: Any, image: Any) -> None:
    """`RetryInfo` of the body: Google sends no header."""
    fake.faults.add(Fault(kind=K.RATE_LIMITED, wait_ms=55_000))
    with pytest.raises(RateLimited) as caught:
        image(build("gemini"))
    assert caught.value.retry_after == 55


def test_a_worker_without_a_key_does_not_start(settings_for: Any) -> None:
    """The setting is named."""
    with pytest.raises(ValueError, match="GEMINI_API_KEY"):
        gemini_generator(settings_for(gemini_api_key=""))


def test_no_log_line_holds_a_key_or_a_prompt(fake: FakeProvider, build: Any, image: Any) -> None:
    """In success and in failure."""
    with capture_logs() as lines:
        image(build("gemini"))
        fake.faults.add(ended("IMAGE_SAFETY"))
        with pytest.raises(ContentDeclined):
            image(build("gemini"))
    assert all(word not in str(lines) for word in (fake.api_key, "fox", "nordic"))
