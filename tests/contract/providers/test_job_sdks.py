"""The official clients of vendors of jobs against the fake, which they take for their vendor."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
from concept_worker.imaging.codec import decode_image

replicate = pytest.importorskip("replicate")
fal_client = pytest.importorskip("fal_client")

RECRAFT, KONTEXT = "recraft-ai/recraft-v4.1", "black-forest-labs/flux-kontext-pro"
DRAWS, CHANGES = "fal-ai/recraft/v4.1/text-to-image", "fal-ai/flux-pro/kontext"


@pytest.fixture(scope="module")
def latency() -> dict[str, Latency]:
    """Seconds of the fake's work by endpoint, as they are from now on."""
    return {}


@pytest.fixture(scope="module")
def running_fake(latency: dict[str, Latency]) -> Iterator[FakeProvider]:
    """A fake whose jobs take as long as a test says."""
    with FakeProvider(FakeProviderOptions(latency=latency)) as fake:
        yield fake


@pytest.fixture
def slowly(latency: dict[str, Latency]) -> Iterator[Callable[[float], None]]:
    """`slowly(60)`: what is ordered takes a minute, until `slowly(0)` or the test's end."""

    def take(seconds: float) -> None:
        latency["job"] = Latency(low=seconds, high=seconds)

    yield take
    latency.clear()


@pytest.fixture
def replicated(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Replicate's client, pointed at the fake."""
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0.01")
    transport = httpx.HTTPTransport(trust_env=False)
    client = replicate.Client(fake.api_key, base_url=fake.url, transport=transport, trust_env=False)
    yield client
    client._client.close()


@pytest.fixture
def fal(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """fal's client, its queue's address that of the fake."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{fake.fal_url}/")
    client = fal_client.SyncClient(key=fake.api_key)
    yield client
    client._client.close()


def downloaded(link: str) -> bytes:
    """What lies behind a link."""
    return httpx.get(link, trust_env=False).raise_for_status().content


class TestReplicate:
    """replicate 1.0.7."""

    def test_orders_waits_and_reads(self, replicated: Any, fake: FakeProvider, slowly: Callable[[float], None]) -> None:
        """A prediction from its order to its picture, with its progress."""
        slowly(3600)
        prediction = replicated.models.predictions.create(RECRAFT, input={"prompt": "a fox", "aspect_ratio": "1:1"})
        assert (prediction.status, prediction.model, prediction.output) == ("starting", RECRAFT, None)
        slowly(0)
        prediction.wait()
        assert (prediction.status, prediction.error) == ("succeeded", None)
        assert prediction.progress.percentage == 0.35
        assert decode_image(downloaded(prediction.output)).size == (256, 256)
        assert fake.paid() == 1

    def test_uploads_what_is_to_be_changed(self, replicated: Any, fake: FakeProvider) -> None:
        """A file becomes an address that the model may read."""
        drawn = replicated.models.predictions.create(RECRAFT, input={"prompt": "a fox"})
        drawn.wait()
        original = io.BytesIO(downloaded(drawn.output))
        changed = replicated.models.predictions.create(KONTEXT, input={"prompt": "bluer", "input_image": original})
        changed.wait()
        assert changed.status == "succeeded"
        assert [call.endpoint for call in fake.calls if call.endpoint != "poll"] == [
            "image",
            "result",
            "upload",
            "refine",
        ]

    def test_cancels(self, replicated: Any, slowly: Callable[[float], None]) -> None:
        """By its id alone."""
        slowly(3600)
        prediction = replicated.models.predictions.create(RECRAFT, input={"prompt": "a fox"})
        assert replicated.predictions.cancel(prediction.id).status == "canceled"
        assert replicated.predictions.get(prediction.id).status == "canceled"

    def test_reads_refusals(self, replicated: Any, fake: FakeProvider) -> None:
        """Status and detail are where it looks for them."""
        fake.faults.add(Fault(kind=FaultKind.STATUS, status=402))
        with pytest.raises(replicate.exceptions.ReplicateError) as caught:
            replicated.models.predictions.create(RECRAFT, input={"prompt": "a fox"})
        assert (caught.value.status, bool(caught.value.detail)) == (402, True)

    @pytest.mark.parametrize(("model", "status"), [("nobody/nothing", 404), (RECRAFT, 422)])
    def test_is_refused_what_a_model_does_not_take(self, replicated: Any, model: str, status: int) -> None:
        """An unknown model, an unknown field."""
        with pytest.raises(replicate.exceptions.ReplicateError) as caught:
            replicated.models.predictions.create(model, input={"prompt": "a fox", "seed": 7})
        assert caught.value.status == status


class TestFal:
    """fal_client 1.0.3."""

    def test_orders_waits_and_reads(self, fal: Any, fake: FakeProvider, slowly: Callable[[float], None]) -> None:
        """A request from its order to its picture, found again by its id."""
        slowly(3600)
        handle = fal.submit(DRAWS, {"prompt": "a fox", "image_size": "square_hd"})
        assert handle.status() == fal_client.Queued(position=2)
        slowly(0)
        assert isinstance(fal.get_handle(DRAWS, handle.request_id).status(), fal_client.Completed)
        result = fal.result(DRAWS, handle.request_id)
        assert decode_image(downloaded(result["images"][0]["url"])).size == (256, 256)
        assert fake.paid() == 1

    def test_sends_what_is_to_be_changed(self, fal: Any, fake: FakeProvider) -> None:
        """A picture inside the request."""
        drawn = fal.subscribe(DRAWS, {"prompt": "a fox"})
        original = fal_client.encode(downloaded(drawn["images"][0]["url"]), "image/png")
        changed = fal.subscribe(CHANGES, {"prompt": "bluer", "image_url": original, "seed": 7})
        assert decode_image(downloaded(changed["images"][0]["url"])).size == (256, 256)
        assert (fake.paid("image"), fake.paid("refine")) == (1, 1)

    def test_cancels(self, fal: Any, slowly: Callable[[float], None]) -> None:
        """By its id; the status says what became of it."""
        slowly(3600)
        handle = fal.submit(DRAWS, {"prompt": "a fox"})
        fal.cancel(DRAWS, handle.request_id)
        assert handle.status().error_type == "client_cancelled"

    def test_reads_how_a_job_failed(self, fal: Any, fake: FakeProvider) -> None:
        """Status and type are where it looks for them."""
        body = {"detail": "No.", "error_type": "runner_disconnected"}
        fake.faults.add(Fault(kind=FaultKind.CANNED, endpoint="job", status=422, body=body))
        with pytest.raises(fal_client.FalClientHTTPError) as caught:
            fal.subscribe(DRAWS, {"prompt": "a fox"})
        assert (caught.value.status_code, caught.value.error_type) == (422, "runner_disconnected")

    @pytest.mark.parametrize(("app", "status"), [("nobody/nothing", 404), (DRAWS, 422)])
    def test_is_refused_what_an_app_does_not_take(self, fal: Any, app: str, status: int) -> None:
        """An unknown app, an unknown field."""
        with pytest.raises(fal_client.FalClientHTTPError) as caught:
            fal.submit(app, {"prompt": "a fox", "seed": 7})
        assert caught.value.status_code == status
