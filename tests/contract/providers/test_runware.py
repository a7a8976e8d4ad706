"""Runware's jobs over HTTP: one order is one picture, whatever is lost between the order and the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
from concept_worker.errors import (
    AccountRefused,
    BadProviderAnswer,
    ConceptWorkerError,
    ContentDeclined,
    InvalidImage,
    JobEnded,
    PictureGone,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    StillDrawing,
)
from concept_worker.imaging.codec import decode_image
from concept_worker.models import Receipt
from concept_worker.services.concept_generator import ConceptGenerator
from concept_worker.services.providers.runware import runware_generator
from tests.contract.providers.runware_orders import asked, ordered

K = FaultKind
FOREVER = Latency(low=1e6, high=1e6)


@pytest.fixture
def generator(build: Any) -> Any:
    """The adapter, pointed at the fake."""
    return build("runware")


@pytest.fixture
def drawing() -> Iterator[tuple[FakeProvider, dict[str, Latency]]]:
    """A fake whose jobs take for ever, until the latency is changed."""
    latency = {"job": FOREVER}
    with FakeProvider(FakeProviderOptions(latency=latency)) as slow:
        yield slow, latency


class TestAnOrder:
    """From the order to its receipt."""

    def test_gives_a_receipt_and_then_a_picture(self, fake: Any, generator: Any) -> None:
        """Ordered once, looked at once, downloaded once."""
        content = generator.collect(ordered(generator)).content
        assert decode_image(content).size == (256, 256)
        assert (asked(fake), fake.paid()) == (["image", "poll", "result"], 1)

    def test_of_a_refinement_carries_the_original(self, fake: Any, generator: Any, refined: Any) -> None:
        """The same original and wish give the same picture; another original another one."""
        original = generator.collect(ordered(generator)).content
        bluer = refined(generator, original)
        assert decode_image(bluer).size == (256, 256)
        assert refined(generator, original) == bluer != refined(generator, bluer)
        assert (fake.paid("image"), fake.paid("refine")) == (1, 2)

    @pytest.mark.parametrize("field", ["referenceImages", "seedImage"])
    def test_gives_the_original_as_the_model_takes_it(self, build: Any, refined: Any, image: Any, field: str) -> None:
        """In a list of references, or as the seed of the picture."""
        generator = build("runware", runware_input=field)
        assert decode_image(refined(generator, image(generator))).size == (256, 256)

    def test_whose_answer_is_lost_is_found_again(self, fake: Any, generator: Any) -> None:
        """The same order has the same id; the provider says that it has it, and nothing is paid again."""
        fake.faults.add(Fault(kind=K.DISCONNECT, endpoint="image", times=1))
        with pytest.raises(ProviderUnavailable):
            ordered(generator)
        generator.collect(ordered(generator))
        assert (len(asked(fake, "image")), fake.paid()) == (2, 1)

    def test_is_the_same_in_every_process(self, fake: Any, build: Any) -> None:
        """Two adapters, one id; another seed is another order."""
        assert ordered(build("runware")) == ordered(build("runware"))
        assert ordered(build("runware")) != ordered(build("runware"), seed=8)
        assert fake.paid() == 2

    def test_of_a_job_that_failed_is_placed_again_under_the_next_id(self, fake: Any, generator: Any) -> None:
        """Also by a process that does not know of the failure."""
        fake.faults.add(Fault(kind=K.STATUS, endpoint="job", times=1))
        first = ordered(generator)
        with pytest.raises(JobEnded):
            generator.collect(first)
        second = ordered(generator)
        assert second != first
        assert ordered(generator) == second
        assert decode_image(generator.collect(second).content).size == (256, 256)
        assert fake.paid() == 2

    def test_is_not_placed_for_ever(self, fake: Any, generator: Any) -> None:
        """A provider whose jobs always fail is unavailable."""
        fake.faults.add(Fault(kind=K.STATUS, endpoint="job"))
        for _ in range(8):
            ordered(generator)
        with pytest.raises(ProviderUnavailable):
            ordered(generator)
        assert fake.paid() == 8

    def test_of_declined_content_is_not_placed_again(self, fake: Any, generator: Any) -> None:
        """The job's verdict is asked for again, and costs nothing."""
        fake.faults.add(Fault(kind=K.CONTENT, endpoint="job"))
        ordered(generator)
        with pytest.raises(ContentDeclined):
            ordered(generator)
        assert fake.paid() == 1

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(kind=K.STATUS, status=400), ProviderRefused),
            (Fault(kind=K.STATUS, status=401), AccountRefused),
            (Fault(kind=K.STATUS, status=402), AccountRefused),
            (Fault(kind=K.STATUS, status=404), AccountRefused),
            (Fault(kind=K.CONTENT), ContentDeclined),
            (Fault(kind=K.QUOTA), AccountRefused),
            (Fault(kind=K.RATE_LIMITED, retry_after="3"), RateLimited),
            (Fault(kind=K.STATUS, status=500), ProviderUnavailable),
            (Fault(kind=K.STATUS, status=504), ProviderUnavailable),
            (Fault(kind=K.TEXT_ERROR, status=502), ProviderUnavailable),
            (Fault(kind=K.TEXT_ERROR, status=400), ProviderRefused),
            (Fault(kind=K.HTML), ProviderUnavailable),
            (Fault(kind=K.EMPTY), ProviderUnavailable),
            (Fault(kind=K.BROKEN_JSON), ProviderUnavailable),
            (Fault(kind=K.FAILURE), ProviderUnavailable),
        ],
    )
    def test_that_is_not_accepted(self, fake: Any, generator: Any, fault: Fault, error: type[Exception]) -> None:
        """Each refusal blames the right one, and an answer that says nothing is asked for again."""
        fake.faults.add(fault)
        with pytest.raises(ConceptWorkerError) as caught:
            ordered(generator)
        assert type(caught.value) is error
        assert fake.paid() == 0

    def test_refused_under_a_success_status_is_refused(self, fake: Any, generator: Any) -> None:
        """The errors of an answer count, not its status."""
        body = {"errors": [{"code": "invalidProviderContent", "message": "No.", "parameter": "positivePrompt"}]}
        fake.faults.add(Fault(kind=K.CANNED, status=200, body=body, endpoint="image"))
        with pytest.raises(ContentDeclined):
            ordered(generator)

    def test_names_a_wrong_field_as_the_operators_business(self, fake: Any, generator: Any) -> None:
        """The vendor names the parameter; the user is not told to rephrase."""
        body = {"errors": [{"code": "invalidWidth", "message": "No.", "parameter": "width"}]}
        fake.faults.add(Fault(kind=K.CANNED, status=400, body=body, endpoint="image"))
        with pytest.raises(ProviderRefused, match="the operator must check the model"):
            ordered(generator)


class TestCollecting:
    """From the receipt to the picture; free, and as often as it takes."""

    def test_waits_while_the_job_draws(self, drawing: Any, settings_for: Any) -> None:
        """The vendor's percent is in the sentence; nothing is paid again."""
        slow, latency = drawing
        generator = runware(slow, settings_for)
        receipt = ordered(generator)
        with pytest.raises(StillDrawing, match="40 %") as caught:
            generator.collect(receipt)
        assert 1 <= caught.value.retry_after <= 5
        latency.clear()
        assert decode_image(generator.collect(receipt).content).size == (256, 256)
        assert slow.paid() == 1

    def test_an_order_found_again_while_it_draws_has_the_same_receipt(self, drawing: Any, settings_for: Any) -> None:
        """A process that lost the first answer waits for the first job."""
        slow, _ = drawing
        generator = runware(slow, settings_for)
        assert ordered(generator) == ordered(generator)
        assert slow.paid() == 1

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(kind=K.CONTENT), ContentDeclined),
            (Fault(kind=K.QUOTA), AccountRefused),
            (Fault(kind=K.STATUS), ProviderUnavailable),
            (Fault(kind=K.FAILURE), BadProviderAnswer),
            (Fault(kind=K.SVG), BadProviderAnswer),
            (Fault(kind=K.HUGE), InvalidImage),
            (Fault(kind=K.FOREIGN_LINK), BadProviderAnswer),
        ],
    )
    def test_of_a_job_that_ended_otherwise(
        self, fake: Any, generator: Any, fault: Fault, error: type[Exception]
    ) -> None:
        """Failed by content, by credit, by outage, without a picture; another file, a link elsewhere."""
        fake.faults.add(fault.model_copy(update={"endpoint": "job"}))
        receipt = ordered(generator)
        with pytest.raises(ConceptWorkerError) as caught:
            generator.collect(receipt)
        assert type(caught.value.trouble if isinstance(caught.value, JobEnded) else caught.value) is error

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(kind=K.RATE_LIMITED, retry_after="4"), StillDrawing),
            (Fault(kind=K.STATUS, status=503), ProviderUnavailable),
            (Fault(kind=K.STATUS, status=401), AccountRefused),
            (Fault(kind=K.HTML), ProviderUnavailable),
        ],
    )
    def test_meets_a_provider_in_trouble(self, fake: Any, generator: Any, fault: Fault, error: type[Exception]) -> None:
        """The receipt is good for another look."""
        receipt = ordered(generator)
        fake.faults.add(fault.model_copy(update={"endpoint": "poll", "times": 1}))
        with pytest.raises(ConceptWorkerError) as caught:
            generator.collect(receipt)
        assert type(caught.value) is error
        assert decode_image(generator.collect(receipt).content).size == (256, 256)
        assert fake.paid() == 1

    @pytest.mark.parametrize("status", [200, 400])
    def test_of_a_failure_under_any_status(self, fake: Any, generator: Any, status: int) -> None:
        """The vendor's page leaves the status of a failed job open."""
        receipt = ordered(generator)
        body = {"errors": [{"code": "timeoutProvider", "message": "No.", "taskUUID": receipt.job}]}
        fake.faults.add(Fault(kind=K.CANNED, status=status, body=body, endpoint="poll"))
        with pytest.raises(JobEnded) as caught:
            generator.collect(receipt)
        assert type(caught.value.trouble) is ProviderUnavailable

    def test_of_a_failure_inside_an_item(self, fake: Any, generator: Any) -> None:
        """As the vendor's newer client reads it."""
        receipt = ordered(generator)
        item = {"taskUUID": receipt.job, "status": "error", "error": {"code": "contentPolicyViolation"}}
        fake.faults.add(Fault(kind=K.CANNED, status=200, body={"data": [item]}, endpoint="poll"))
        with pytest.raises(JobEnded) as caught:
            generator.collect(receipt)
        assert type(caught.value.trouble) is ContentDeclined

    def test_of_what_is_no_longer_listed_asks_the_archive(self, fake: Any, generator: Any) -> None:
        """A picture that waited for long is still found by its id."""
        receipt = ordered(generator)
        fake.faults.add(Fault(kind=K.FAILURE, endpoint="poll"))
        assert decode_image(generator.collect(receipt).content).size == (256, 256)
        assert asked(fake) == ["image", "poll", "details", "result"]

    def test_of_what_is_expired(self, fake: Any, generator: Any) -> None:
        """The provider says so, in its list and in its archive."""
        receipt = ordered(generator)
        body = {"errors": [{"code": "taskExpired", "message": "No.", "taskUUID": receipt.job}]}
        fake.faults.add(Fault(kind=K.CANNED, status=404, body=body, endpoint="*"))
        with pytest.raises(PictureGone):
            generator.collect(receipt)

    def test_of_what_nobody_speaks_of_waits(self, fake: Any, generator: Any) -> None:
        """An id that is not listed yet is answered like one that is listed no longer."""
        with pytest.raises(StillDrawing):
            generator.collect(Receipt(provider="runware", job="50836053-a0ee-4cf5-b9d6-ae7c5d140ada"))

    def test_follows_a_link_that_fails_at_first(self, fake: Any, generator: Any) -> None:
        """Only the download is repeated."""
        receipt = ordered(generator)
        fake.faults.add(Fault(kind=K.STATUS, status=503, endpoint="result", times=1))
        with pytest.raises(ProviderUnavailable):
            generator.collect(receipt)
        assert decode_image(generator.collect(receipt).content).size == (256, 256)
        assert fake.paid() == 1

    def test_of_a_link_that_is_gone(self, fake: Any, generator: Any) -> None:
        """404 at the vendor's store."""
        receipt = ordered(generator)
        fake.faults.add(Fault(kind=K.STATUS, status=404, endpoint="result"))
        with pytest.raises(PictureGone):
            generator.collect(receipt)

    def test_refuses_an_unsafe_picture(self, fake: Any, generator: Any) -> None:
        """The vendor's own flag."""
        receipt = ordered(generator)
        item = {"taskUUID": receipt.job, "status": "success", "imageURL": fake.url, "NSFWContent": True}
        fake.faults.add(Fault(kind=K.CANNED, status=200, body={"data": [item]}, endpoint="poll"))
        with pytest.raises(JobEnded) as caught:
            generator.collect(receipt)
        assert type(caught.value.trouble) is ContentDeclined


def runware(fake: FakeProvider, settings_for: Any) -> ConceptGenerator:
    """The adapter before another fake."""
    return runware_generator(
        settings_for(runware_base_url=fake.runware_url, runware_api_key=fake.api_key, runware_model="bfl:5@1")
    )
