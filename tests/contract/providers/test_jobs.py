"""Providers that work as queues of jobs, over HTTP: every row of what may happen between an order and its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
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
from concept_worker.models import Receipt
from concept_worker.services.concept_generator import ConceptGenerator
from tests.contract.providers.briefs import BRIEF

K = FaultKind
WIRES = ("replicate", "fal")
Order = Callable[..., Receipt]


@pytest.fixture(scope="module")
def latency() -> dict[str, Latency]:
    """Seconds of the fake's work by endpoint, as they are from now on."""
    return {}


@pytest.fixture(scope="module")
def running_fake(latency: dict[str, Latency]) -> Iterator[FakeProvider]:
    """A fake whose links lie on another host than its API, as the vendors' do."""
    with FakeProvider(FakeProviderOptions(latency=latency, link_host="localhost")) as fake:
        yield fake


@pytest.fixture
def build(build: Any) -> Any:
    """Adapters that may follow links to the fake's other host."""
    return lambda wire, **changes: build(wire, **({"download_hosts": "localhost"} | changes))


@pytest.fixture
def order() -> Order:
    """`order(generator)` orders the usual picture."""

    def ordered(generator: ConceptGenerator, *, seed: int = 7) -> Receipt:
        receipt = generator.draw(BRIEF, seed=seed)
        assert isinstance(receipt, Receipt)
        return receipt

    return ordered


@pytest.fixture
def slowly(latency: dict[str, Latency]) -> Iterator[Callable[[float], None]]:
    """`slowly(60)`: what is ordered takes a minute, until `slowly(0)` or the test's end."""

    def take(seconds: float) -> None:
        latency["job"] = Latency(low=seconds, high=seconds)

    yield take
    latency.clear()


@dataclass(frozen=True)
class Ending:
    """How a job ends badly: what the vendor says, and the trouble that it is for us."""

    wire: str
    says: Mapping[str, Any]
    trouble: type[ConceptWorkerError]
    status: int = 200  # of fal's result
    is_final: bool = True  # the receipt is of no more use

    @property
    def fault(self) -> Fault:
        """The job's end as a fault of the fake."""
        kind = self.says.get("error_type")
        headers = {"x-fal-error-type": kind} if kind else {}
        return Fault(kind=K.CANNED, endpoint="job", body=dict(self.says), status=self.status, headers=headers)


def invalid(kind: str) -> dict[str, Any]:
    """fal's answer to an input that an app does not take."""
    return {"detail": [{"loc": ["body", "prompt"], "msg": "No.", "type": kind}]}


R, F = "replicate", "fal"
ENDINGS = [
    Ending(R, {"status": "failed", "error": "NSFW content detected. Try another prompt."}, ContentDeclined),
    Ending(R, {"status": "failed", "error": "The input or output was flagged as sensitive (E005)"}, ContentDeclined),
    Ending(R, {"status": "failed", "error": "invalid size: 100x100"}, ProviderRefused),
    Ending(R, {"status": "failed", "error": "Prediction interrupted; please retry (code: PA)"}, MaybeCharged),
    Ending(R, {"status": "failed", "error": None}, MaybeCharged),
    Ending(R, {"status": "canceled", "output": None}, MaybeCharged),
    Ending(R, {"status": "aborted", "output": None}, ProviderUnavailable),
    Ending(R, {"status": "succeeded", "output": []}, BadProviderAnswer),
    Ending(R, {"status": "succeeded", "output": None, "data_removed": True}, PictureGone, is_final=False),
    Ending(F, invalid("content_policy_violation"), ContentDeclined, 422),
    Ending(F, invalid("enum"), ProviderRefused, 422),
    Ending(F, {"detail": "No.", "error_type": "runner_server_error"}, ProviderUnavailable, 500),
    Ending(F, {"detail": "No.", "error_type": "request_timeout"}, ProviderUnavailable, 504),
    Ending(F, {"detail": "No.", "error_type": "client_cancelled"}, MaybeCharged, 499),
    Ending(F, {"images": [{"url": "https://fal.media/black.png"}], "has_nsfw_concepts": [True]}, ContentDeclined),
    Ending(F, {"images": []}, BadProviderAnswer),
]


@pytest.mark.parametrize("wire", WIRES)
class TestAnOrder:
    """The one request that costs money."""

    def test_gives_a_receipt_that_is_collected(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """One paid call; the receipt names the job and holds neither key nor link."""
        generator = build(wire)
        receipt = order(generator)
        assert (receipt.provider, receipt.url, bool(receipt.job)) == (wire, "", True)
        assert decode_image(generator.collect(receipt).content).size == (256, 256)
        assert (fake.paid(), fake.api_key in receipt.model_dump_json()) == (1, False)

    def test_is_collected_by_another_process(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """As often as asked, and for nothing."""
        receipt = order(build(wire))
        pictures = {build(wire).collect(receipt).content for _ in range(3)}
        assert (len(pictures), fake.paid()) == (1, 1)

    def test_of_a_refinement_carries_the_original(
        self, fake: Any, build: Any, image: Any, refined: Any, wire: str
    ) -> None:
        """The drawing model's picture is what the editing model gets."""
        generator = build(wire)
        drawn = image(generator)
        changed = refined(generator, drawn)
        assert (decode_image(changed).size, changed == drawn) == ((256, 256), False)
        assert (fake.paid("image"), fake.paid("refine")) == (1, 1)

    @pytest.mark.parametrize("kind", [K.DISCONNECT, K.CUT, K.HANG])
    def test_whose_answer_is_lost_may_be_charged(
        self, fake: Any, build: Any, order: Order, wire: str, kind: FaultKind
    ) -> None:
        """The vendor keeps no key of ours: it is not known whether something is being drawn."""
        fake.faults.add(Fault(kind=kind, endpoint="image", times=1))
        with pytest.raises(MaybeCharged):
            order(build(wire, image_timeout_seconds=0.5))
        assert fake.paid() == 1

    @pytest.mark.parametrize(
        ("fault", "trouble"),
        [
            (Fault(kind=K.STATUS, status=401), AccountRefused),
            (Fault(kind=K.STATUS, status=402), AccountRefused),
            (Fault(kind=K.STATUS, status=404), AccountRefused),
            (Fault(kind=K.STATUS, status=422), ProviderRefused),
            (Fault(kind=K.STATUS, status=500), ProviderUnavailable),
            (Fault(kind=K.STATUS, status=502), MaybeCharged),
            (Fault(kind=K.RATE_LIMITED, retry_after="30"), RateLimited),
            (Fault(kind=K.EMPTY), BadProviderAnswer),
            (Fault(kind=K.BROKEN_JSON), BadProviderAnswer),
            (Fault(kind=K.FAILURE), BadProviderAnswer),
            (Fault(kind=K.HTML), BadProviderAnswer),
        ],
    )
    def test_that_is_refused_is_no_job(
        self, fake: Any, build: Any, order: Order, wire: str, fault: Fault, trouble: type[ConceptWorkerError]
    ) -> None:
        """The right word for each, and nothing is ordered twice by the adapter."""
        fake.faults.add(fault)
        with pytest.raises(trouble):
            order(build(wire))
        assert (len(fake.calls), fake.paid()) == (1, 0)

    def test_of_the_same_task_is_the_same_request(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """What the vendor is asked depends on the task alone."""
        first, second = order(build(wire)), order(build(wire))
        assert first != second
        assert fake.calls[0].body == fake.calls[1].body


@pytest.mark.parametrize("wire", WIRES)
class TestAJob:
    """What was ordered, until it is collected."""

    def test_that_waits_says_so(
        self, fake: Any, build: Any, order: Order, slowly: Callable[[float], None], wire: str
    ) -> None:
        """With a wait of its own, and no call that is paid; then the picture comes."""
        generator = build(wire)
        slowly(3600)
        receipt = order(generator)
        with pytest.raises(StillDrawing) as caught:
            generator.collect(receipt)
        assert 1 <= caught.value.retry_after <= 15
        slowly(0)
        assert (len(generator.collect(receipt).content) > 0, fake.paid()) == (True, 1)

    @pytest.mark.parametrize("fault", [Fault(kind=K.STATUS, status=404), Fault(kind=K.STATUS, status=410)])
    def test_that_is_forgotten_is_gone(self, fake: Any, build: Any, order: Order, wire: str, fault: Fault) -> None:
        """The vendor does not know it any more."""
        receipt = order(build(wire))
        fake.faults.add(fault)
        with pytest.raises(PictureGone):
            build(wire).collect(receipt)

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
        self, fake: Any, build: Any, order: Order, wire: str, fault: Fault, trouble: type[ConceptWorkerError]
    ) -> None:
        """Trouble of a poll is no end of the job, and no unknown bill."""
        generator = build(wire, image_timeout_seconds=0.5)
        receipt = order(generator)
        fake.faults.add(fault.model_copy(update={"endpoint": "poll", "times": 1}))
        with pytest.raises(trouble) as caught:
            generator.collect(receipt)
        assert not isinstance(caught.value, MaybeCharged | JobEnded)
        assert (len(generator.collect(receipt).content) > 0, fake.paid()) == (True, 1)

    def test_whose_link_fails_once_is_collected_later(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """The picture is there, and paid for once."""
        generator = build(wire)
        receipt = order(generator)
        fake.faults.add(Fault(kind=K.STATUS, status=503, endpoint="result", times=1))
        with pytest.raises(ProviderUnavailable):
            generator.collect(receipt)
        assert (len(generator.collect(receipt).content) > 0, fake.paid()) == (True, 1)

    def test_whose_link_is_refused_keeps_its_receipt(self, build: Any, order: Order, wire: str) -> None:
        """A host that downloads may not reach: the operator mends it, and the receipt is good."""
        receipt = order(build(wire))
        with pytest.raises(BadProviderAnswer) as caught:
            build(wire, download_hosts="img.example").collect(receipt)
        assert not isinstance(caught.value, JobEnded)
        assert len(build(wire).collect(receipt).content) > 0

    def test_whose_link_has_expired_is_gone(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """The vendor keeps pictures for a while only."""
        receipt = order(build(wire))
        fake.faults.add(Fault(kind=K.STATUS, status=404, endpoint="result"))
        with pytest.raises(PictureGone):
            build(wire).collect(receipt)

    @pytest.mark.parametrize(("kind", "trouble"), [(K.SVG, BadProviderAnswer), (K.HUGE, InvalidImage)])
    def test_that_drew_no_picture_is_over(
        self, fake: Any, build: Any, order: Order, wire: str, kind: FaultKind, trouble: type[ConceptWorkerError]
    ) -> None:
        """Collecting it again would bring the same."""
        fake.faults.add(Fault(kind=kind, endpoint="image"))
        generator = build(wire)
        with pytest.raises(JobEnded) as caught:
            generator.collect(order(generator))
        assert type(caught.value.trouble) is trouble

    def test_is_cancelled(
        self, fake: Any, build: Any, order: Order, slowly: Callable[[float], None], wire: str
    ) -> None:
        """The vendor stops drawing; whoever asks again hears that the job is over."""
        slowly(3600)
        generator = build(wire)
        receipt = order(generator)
        generator.abandon(receipt)
        assert [call.endpoint for call in fake.calls] == ["image", "cancel"]
        with pytest.raises(JobEnded):
            generator.collect(receipt)

    def test_that_is_done_may_be_cancelled(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """Late, and without trouble; so may one that the vendor has forgotten."""
        generator = build(wire)
        receipt = order(generator)
        generator.abandon(receipt)
        fake.reset()
        generator.abandon(receipt)

    def test_is_logged_without_words_key_or_link(self, fake: Any, build: Any, order: Order, wire: str) -> None:
        """Neither the description nor what opens the picture."""
        with capture_logs() as lines:
            generator = build(wire)
            generator.collect(order(generator))
        text = str(lines)
        assert all(word not in text for word in ("fox", "nordic", fake.api_key, "Signature"))


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: f"{ending.wire}-{ending.trouble.__name__}")
def test_the_end_of_a_job_has_its_word(fake: Any, build: Any, order: Order, ending: Ending) -> None:
    """Who is to blame, whether it may be charged, and whether the receipt is of any more use."""
    fake.faults.add(ending.fault)
    generator = build(ending.wire)
    receipt = order(generator)
    with pytest.raises((JobEnded, PictureGone)) as caught:
        generator.collect(receipt)
    found = caught.value.trouble if isinstance(caught.value, JobEnded) else caught.value
    assert (type(found), isinstance(caught.value, JobEnded)) == (ending.trouble, ending.is_final)


class TestReplicate:
    """What only this vendor has."""

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            ("starting", "The image provider has not begun to draw yet."),
            ("processing", "The image provider is drawing, 35 % are done."),
        ],
    )
    def test_the_wait_says_how_far_it_is(self, build: Any, order: Order, fake: Any, status: str, sentence: str) -> None:
        """The percentage stands in the log of the model."""
        fake.faults.add(Fault(kind=K.CANNED, endpoint="job", body={"status": status, "output": None}))
        generator = build("replicate")
        receipt = order(generator)
        with pytest.raises(StillDrawing, match=sentence):
            generator.collect(receipt)

    def test_an_order_has_an_end_at_the_vendor(self, build: Any, order: Order, fake: Any) -> None:
        """A job that nobody collects is not drawn for ever."""
        order(build("replicate", job_seconds=90))
        assert fake.calls[0].body["cancel_after"] == "90s"

    @pytest.mark.parametrize("model", ["recraft-ai/recraft-v4.1", "black-forest-labs/flux-2-pro"])
    def test_each_model_gets_the_fields_it_has(self, build: Any, order: Order, fake: Any, model: str) -> None:
        """The fake refuses any other, as the vendor does."""
        generator = build("replicate", replicate_image_model=model)
        assert len(generator.collect(order(generator)).content) > 0

    def test_a_model_that_is_not_there_is_the_operators(self, build: Any, order: Order) -> None:
        """Nothing is drawn, and the next provider may draw."""
        with pytest.raises(AccountRefused):
            order(build("replicate", replicate_image_model="nobody/nothing"))

    def test_an_answer_with_an_odd_id_is_no_receipt(self, build: Any, order: Order, fake: Any) -> None:
        """An id goes into a path that carries our key."""
        odd = Fault(kind=K.CANNED, status=201, body={"id": "../../v1/account", "status": "starting"})
        fake.faults.add(odd)
        with pytest.raises(BadProviderAnswer):
            order(build("replicate"))

    def test_a_receipt_with_an_odd_id_is_not_followed(self, build: Any, fake: Any) -> None:
        """Whatever wrote it into the row."""
        with pytest.raises(PictureGone):
            build("replicate").collect(Receipt(provider="replicate", job="../../__calls"))
        assert fake.calls == []

    def test_the_key_must_be_there(self, build: Any) -> None:
        """A worker without it does not start."""
        with pytest.raises(ValueError, match="REPLICATE_API_TOKEN"):
            build("replicate", replicate_api_token="")


class TestFal:
    """What only this vendor has."""

    def test_the_wait_says_how_many_come_first(self, build: Any, order: Order, slowly: Callable[[float], None]) -> None:
        """The place in the vendor's queue."""
        slowly(3600)
        generator = build("fal")
        with pytest.raises(StillDrawing, match="2 orders come first"):
            generator.collect(order(generator))

    def test_a_receipt_names_the_app(self, build: Any, order: Order) -> None:
        """The next process may draw with another one, and finds the job all the same."""
        receipt = order(build("fal"))
        assert receipt.job.startswith("fal-ai/recraft/requests/")
        other = build("fal", fal_image_model="fal-ai/flux-2-pro")
        assert len(other.collect(receipt).content) > 0

    @pytest.mark.parametrize("app", ["fal-ai/recraft/v4.1/text-to-image", "fal-ai/flux-2-pro"])
    def test_each_app_gets_the_fields_it_has(self, build: Any, order: Order, app: str) -> None:
        """The fake refuses any other, as the app does."""
        generator = build("fal", fal_image_model=app)
        assert len(generator.collect(order(generator)).content) > 0

    def test_a_result_that_a_gateway_withholds_is_read_later(self, build: Any, order: Order, fake: Any) -> None:
        """The job is well; only its answer did not come through."""
        generator = build("fal")
        receipt = order(generator)
        fake.faults.add(Fault(kind=K.STATUS, status=502, endpoint="collect", times=1))
        with pytest.raises(ProviderUnavailable) as caught:
            generator.collect(receipt)
        assert not isinstance(caught.value, MaybeCharged | JobEnded)
        assert len(generator.collect(receipt).content) > 0

    def test_an_order_has_an_end_at_the_vendor(self, build: Any, order: Order, fake: Any) -> None:
        """A job that does not begin is not kept for ever."""
        order(build("fal", job_seconds=90))
        assert fake.calls[0].body["timeout"] == "90"

    def test_the_key_must_be_there(self, build: Any) -> None:
        """A worker without it does not start."""
        with pytest.raises(ValueError, match="FAL_KEY"):
            build("fal", fal_key="")
