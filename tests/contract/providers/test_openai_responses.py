"""OpenAI's responses in background mode: an order is paid once, and each end of a job has its word."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.errors import (
    AccountRefused,
    BadProviderAnswer,
    ConceptWorkerError,
    ContentDeclined,
    InvalidImage,
    JobEnded,
    MaybeCharged,
    PictureGone,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    StillDrawing,
)
from concept_worker.imaging.codec import decode_image
from concept_worker.models import PaletteSource, Receipt
from concept_worker.services.providers.openai_responses import openai_responses_generator
from tests.contract.providers.briefs import BRIEF

K = FaultKind
WIRE = "openai-responses"
TOOL = {"type": "image_generation", "model": "gpt-image-2.5-flare", "size": "256x256"}


@pytest.fixture
def ordered(fake: FakeProvider, build: Any) -> Callable[..., tuple[Any, Receipt]]:
    """`ordered({"status": …})`: an adapter, and the receipt of a job that ends so."""

    def order(ending: Mapping[str, Any] | None = None, **changes: Any) -> tuple[Any, Receipt]:
        if ending is not None:
            fake.faults.add(Fault(kind=K.CANNED, endpoint="job", times=1, body=dict(ending)))
        generator = build(WIRE, **changes)
        return generator, generator.draw(BRIEF, seed=7)

    return order


def error(code: str | None, message: str = "No.") -> dict[str, Any]:
    """A response that failed."""
    return {"status": "failed", "output": [], "error": {"code": code, "message": message}}


def call_of_tool(**fields: Any) -> dict[str, Any]:
    """An output item of the tool."""
    return {"id": "ig_1", "type": "image_generation_call", "status": "failed", "result": None, **fields}


class TestAnOrder:
    """The one request that costs money."""

    def test_gives_a_receipt_that_another_process_collects(self, ordered: Any, build: Any, fake: FakeProvider) -> None:
        """As often as asked, and for nothing; the receipt names the job and holds neither key nor link."""
        _, receipt = ordered()
        assert (receipt.provider, receipt.url, fake.api_key in receipt.model_dump_json()) == (WIRE, "", False)
        pictures = {build(WIRE).collect(receipt).content for _ in range(3)}
        assert ([decode_image(one).size for one in pictures], fake.paid()) == ([(256, 256)], 1)

    def test_of_a_refinement_carries_the_original(
        self, fake: FakeProvider, build: Any, image: Any, refined: Any
    ) -> None:
        """Inside the request; the fake refuses one without a PNG."""
        generator = build(WIRE)
        drawn = image(generator)
        assert refined(generator, drawn) != drawn
        assert (fake.paid("image"), fake.paid("refine")) == (1, 1)

    @pytest.mark.parametrize("kind", [K.DISCONNECT, K.CUT, K.HANG])
    def test_whose_answer_is_lost_may_be_charged(self, fake: FakeProvider, ordered: Any, kind: FaultKind) -> None:
        """The vendor keeps no key of ours: it is not known whether something is being drawn."""
        fake.faults.add(Fault(kind=kind, endpoint="image", times=1))
        with pytest.raises(MaybeCharged):
            ordered(image_timeout_seconds=0.5)
        assert fake.paid() == 1

    @pytest.mark.parametrize(
        ("fault", "trouble"),
        [
            (Fault(kind=K.STATUS, status=401), AccountRefused),
            (Fault(kind=K.QUOTA), AccountRefused),
            (Fault(kind=K.STATUS, status=404), AccountRefused),
            (Fault(kind=K.STATUS, status=422), ProviderRefused),
            (Fault(kind=K.CONTENT), ContentDeclined),
            (Fault(kind=K.STATUS, status=500), ProviderUnavailable),
            (Fault(kind=K.STATUS, status=502), MaybeCharged),
            (Fault(kind=K.RATE_LIMITED, retry_after="30"), RateLimited),
            (Fault(kind=K.EMPTY), BadProviderAnswer),
            (Fault(kind=K.BROKEN_JSON), BadProviderAnswer),
            (Fault(kind=K.FAILURE), BadProviderAnswer),
            (Fault(kind=K.HTML), BadProviderAnswer),
            (Fault(kind=K.CANNED, status=200, body={"id": "../models", "status": "queued"}), BadProviderAnswer),
        ],
    )
    def test_that_is_refused_is_no_job(
        self, fake: FakeProvider, ordered: Any, fault: Fault, trouble: type[ConceptWorkerError]
    ) -> None:
        """The right word for each, and nothing is ordered twice by the adapter."""
        fake.faults.add(fault)
        with pytest.raises(ConceptWorkerError) as caught:
            ordered()
        assert (type(caught.value), len(fake.calls), fake.paid()) == (trouble, 1, 0)

    def test_of_the_same_task_is_the_same_request(self, fake: FakeProvider, ordered: Any) -> None:
        """What the vendor is asked depends on the task alone."""
        ordered()
        ordered()
        assert fake.calls[0].body == fake.calls[1].body


class TestAJob:
    """What was ordered, until it is collected."""

    def test_that_waits_is_collected_later(self, fake: FakeProvider, ordered: Any, slowly: Any) -> None:
        """With a wait of its own, and no call that is paid."""
        slowly(3600)
        generator, receipt = ordered()
        with pytest.raises(StillDrawing) as caught:
            generator.collect(receipt)
        assert 1 <= caught.value.retry_after <= 15
        slowly(0)
        assert (len(generator.collect(receipt).content) > 0, fake.paid()) == (True, 1)

    @pytest.mark.parametrize("status", [404, 410])
    def test_that_is_forgotten_is_gone(self, fake: FakeProvider, ordered: Any, status: int) -> None:
        """The vendor does not know it any more."""
        generator, receipt = ordered()
        fake.faults.add(Fault(kind=K.STATUS, status=status, endpoint="poll"))
        with pytest.raises(PictureGone):
            generator.collect(receipt)

    @pytest.mark.parametrize("job", ["", "../models", "resp_1?x=1"])
    def test_without_an_id_of_the_vendors_is_gone(self, fake: FakeProvider, build: Any, job: str) -> None:
        """An id goes into a path that carries our key: nobody is asked."""
        with pytest.raises(PictureGone):
            build(WIRE).collect(Receipt(provider=WIRE, job=job))
        assert fake.calls == []

    @pytest.mark.parametrize(
        ("fault", "trouble"),
        [
            (Fault(kind=K.STATUS, status=401), AccountRefused),
            (Fault(kind=K.STATUS, status=429), RateLimited),
            (Fault(kind=K.STATUS, status=503), ProviderUnavailable),
            (Fault(kind=K.STATUS, status=504), ProviderUnavailable),
            (Fault(kind=K.DISCONNECT), ProviderUnavailable),
            (Fault(kind=K.HANG), ProviderUnavailable),
        ],
    )
    def test_whose_poll_fails_is_collected_later(
        self, fake: FakeProvider, ordered: Any, fault: Fault, trouble: type[ConceptWorkerError]
    ) -> None:
        """Trouble of a poll is no end of the job, and no unknown bill: its receipt stays."""
        generator, receipt = ordered(image_timeout_seconds=0.5)
        fake.faults.add(fault.model_copy(update={"endpoint": "poll", "times": 1}))
        with pytest.raises(ConceptWorkerError) as caught:
            generator.collect(receipt)
        assert type(caught.value) is trouble
        assert (len(generator.collect(receipt).content) > 0, fake.paid()) == (True, 1)

    @pytest.mark.parametrize(
        ("kind", "trouble"), [(K.SVG, BadProviderAnswer), (K.HUGE, InvalidImage), (K.BAD_BASE64, BadProviderAnswer)]
    )
    def test_that_drew_no_picture_is_over(
        self, fake: FakeProvider, ordered: Any, kind: FaultKind, trouble: type[ConceptWorkerError]
    ) -> None:
        """Collecting it again would bring the same."""
        fake.faults.add(Fault(kind=kind, endpoint="image"))
        generator, receipt = ordered()
        with pytest.raises(JobEnded) as caught:
            generator.collect(receipt)
        assert type(caught.value.trouble) is trouble

    def test_is_cancelled(self, fake: FakeProvider, ordered: Any, slowly: Any) -> None:
        """The vendor stops drawing; one that is done, or forgotten, may be cancelled too."""
        slowly(3600)
        generator, receipt = ordered()
        generator.abandon(receipt)
        assert [call.endpoint for call in fake.calls] == ["image", "cancel"]
        with pytest.raises(JobEnded) as caught:
            generator.collect(receipt)
        assert type(caught.value.trouble) is MaybeCharged
        fake.reset()
        generator.abandon(receipt)

    def test_is_logged_without_words_key_or_picture(self, fake: FakeProvider, ordered: Any) -> None:
        """Neither the description nor what opens the account."""
        with capture_logs() as lines:
            generator, receipt = ordered()
            generator.collect(receipt)
        assert all(word not in str(lines) for word in ("fox", "nordic", fake.api_key))


BLOCKED = {"code": "moderation_blocked", "message": "No.", "type": "image_generation_user_error"}
REFUSAL = {"id": "msg_1", "type": "message", "content": [{"type": "refusal", "refusal": "I cannot draw that."}]}
WORDS = {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "Here you are."}]}
CUT_SHORT: dict[str, Any] = {"status": "incomplete", "output": []}
THOUGHTS: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": [], "content": None}


@pytest.mark.parametrize(
    ("ending", "trouble"),
    [
        (error("image_content_policy_violation"), ContentDeclined),
        (error("invalid_prompt"), ContentDeclined),
        (error("bio_policy"), ContentDeclined),
        ({"status": "completed", "output": [THOUGHTS, call_of_tool(error=BLOCKED)]}, ContentDeclined),
        ({"status": "failed", "output": [call_of_tool(error=BLOCKED)]}, ContentDeclined),
        ({"status": "completed", "output": [REFUSAL]}, ContentDeclined),
        ({**CUT_SHORT, "incomplete_details": {"reason": "content_filter"}}, ContentDeclined),
        (error("image_too_small"), ProviderRefused),
        (error("unsupported_image_media_type"), ProviderRefused),
        (error("failed_to_download_image"), ProviderRefused),
        (error("data_residency_mismatch"), ProviderRefused),
        (error("a_code_of_tomorrow"), ProviderRefused),
        (error("rate_limit_exceeded"), RateLimited),
        (error("server_error"), MaybeCharged),
        (error("vector_store_timeout"), MaybeCharged),
        (error(None), MaybeCharged),
        ({"status": "failed", "output": [], "error": "it broke"}, MaybeCharged),
        ({"status": "failed", "output": [], "error": None}, MaybeCharged),
        ({"status": "failed", "output": None, "error": None}, MaybeCharged),
        ({"status": "cancelled", "output": []}, MaybeCharged),
        ({**CUT_SHORT, "incomplete_details": {"reason": "max_output_tokens"}}, BadProviderAnswer),
        ({"status": "completed", "output": []}, BadProviderAnswer),
        ({"status": "completed", "output": [WORDS]}, BadProviderAnswer),
        ({"status": "completed", "output": [call_of_tool(result="not base64!")]}, BadProviderAnswer),
    ],
)
def test_an_end_without_a_picture_has_its_word(
    ordered: Any, fake: FakeProvider, ending: Mapping[str, Any], trouble: type[ConceptWorkerError]
) -> None:
    """Who is to blame, and whether it may be charged; the receipt is of no more use."""
    generator, receipt = ordered(ending)
    with pytest.raises(JobEnded) as caught:
        generator.collect(receipt)
    assert (type(caught.value.trouble), fake.paid()) == (trouble, 1)


@pytest.mark.parametrize("status", ["failed", "incomplete", "cancelled", "completed"])
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_picture_is_taken_whatever_its_end_is_called(
    ordered: Any, image: Any, build: Any, status: str, prefix: str
) -> None:
    """It is paid for."""
    drawn = image(build(WIRE))
    result = prefix + base64.b64encode(drawn).decode()
    generator, receipt = ordered({"status": status, "output": [THOUGHTS, call_of_tool(result=result)]})
    assert generator.collect(receipt).content == drawn


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("queued", "The image provider has not begun to draw yet."),
        ("in_progress", "The image provider is drawing."),
    ],
)
def test_the_wait_says_how_far_it_is(ordered: Any, status: str, sentence: str) -> None:
    """The vendor says no percentage."""
    generator, receipt = ordered({"status": status, "output": []})
    with pytest.raises(StillDrawing, match=sentence):
        generator.collect(receipt)


def test_a_status_of_tomorrow_keeps_the_receipt(ordered: Any) -> None:
    """The picture may be there yet."""
    generator, receipt = ordered({"status": "paused", "output": []})
    with pytest.raises(BadProviderAnswer) as caught:
        generator.collect(receipt)
    assert type(caught.value) is BadProviderAnswer


def test_a_large_picture_fits_into_a_poll(ordered: Any) -> None:
    """Its budget is a picture's, not that of an answer in words."""
    text = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)).decode()
    generator, receipt = ordered({"status": "completed", "output": [call_of_tool(result=text)]})
    with pytest.raises(JobEnded) as caught:
        generator.collect(receipt)
    assert "too large" not in str(caught.value)


def test_the_tool_gets_what_the_images_wire_would(ordered: Any, fake: FakeProvider) -> None:
    """Size, quality, background and format by profile and settings; a field of the images wire alone stays out."""
    ordered(openai_quality="high", openai_background="opaque", openai_response_format="b64_json")
    (tool,) = fake.calls[0].body["tools"]
    assert tool == TOOL | {"quality": "high", "background": "opaque"}


def test_one_picture_is_ordered_in_background_and_kept(ordered: Any, fake: FakeProvider) -> None:
    """The model has no choice but the tool, once."""
    ordered()
    body = fake.calls[0].body
    assert (body["background"], body["store"], body["max_tool_calls"]) == (True, True, 1)
    assert body["tool_choice"] == {"type": "image_generation"}


def test_palettes_come_over_chat_completions(build: Any, palettes: Any, fake: FakeProvider) -> None:
    """As with the images wire."""
    proposed = palettes(build(WIRE), 3)
    assert {palette.source for palette in proposed} == {PaletteSource.PROVIDER}
    assert [(call.wire, call.endpoint) for call in fake.calls] == [("openai", "palettes")]


def test_without_a_text_model_nothing_calls_the_tool(settings_for: Any) -> None:
    """Said when a worker starts, with the mend."""
    with pytest.raises(ValueError, match="CONCEPT_OPENAI_TEXT_MODEL"):
        openai_responses_generator(settings_for(openai_text_model=""))


def test_a_relay_that_honours_keys_finds_the_order_again(settings_for: Any) -> None:
    """The same task has the same key, so that a lost answer to the order is answered from memory."""
    with FakeProvider(FakeProviderOptions(honours_keys=True)) as relay:
        generator = openai_responses_generator(settings_for(openai_base_url=relay.openai_url))
        relay.faults.add(Fault(kind=K.DISCONNECT, endpoint="image", times=1))
        with pytest.raises(MaybeCharged):
            generator.draw(BRIEF, seed=7)
        assert isinstance(generator.draw(BRIEF, seed=7), Receipt)
        assert (len(relay.calls), relay.paid()) == (2, 1)
        generator.close()
