"""The fake itself: what is counted, what is remembered, what can be ordered from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
from concept_worker.imaging.codec import decode_image

ASKED = {"prompt": "a fox", "width": 256, "height": 256, "advance_config": {"seed": 5}}


@pytest.fixture
def http(fake: Any) -> Iterator[httpx.Client]:
    """A plain client with the fake's key."""
    with httpx.Client(base_url=fake.url, headers={"x-api-key": fake.api_key}, trust_env=False) as client:
        yield client


def draw(http: httpx.Client, **changes: Any) -> httpx.Response:
    """Ask for a picture by hand."""
    return http.post("/v1/ai/image_generation", json={**ASKED, **changes})


def test_the_seed_decides(http: httpx.Client) -> None:
    """Same seed, same picture, also without the cache; another seed, another picture."""
    first = draw(http).content
    again = http.post("/v1/ai/image_generation", json=ASKED, headers={"x-jigsaw-skip-cache": "true"}).content
    other = draw(http, advance_config={"seed": 6}).content
    assert first == again != other


def test_rate_headers_are_on_every_reply(fake: Any, http: httpx.Client) -> None:
    """Good and bad ones; the reset is in milliseconds and ahead."""
    replies = [draw(http), draw(http, prompt=""), http.get("/v1/store/file/read/none")]
    replies.append(httpx.post(f"{fake.url}/v1/ai/image_generation", json=ASKED, trust_env=False))
    fake.faults.add(Fault(kind=FaultKind.STATUS, status=500))
    replies.append(draw(http))
    assert [reply.status_code for reply in replies] == [200, 400, 404, 401, 500]
    for reply in replies:
        assert reply.headers["x-jigsaw-rate-limit-limit"] == "50"
        assert int(reply.headers["x-jigsaw-rate-limit-remaining"]) >= 0
        assert int(reply.headers["x-jigsaw-rate-limit-reset"]) / 1000 > time.time() - 60


def test_a_rate_limit_can_be_enforced() -> None:
    """More requests in a second than allowed get 429, and cost nothing."""
    with FakeProvider(FakeProviderOptions(requests_per_second=2)) as strict:
        with httpx.Client(base_url=strict.url, headers={"x-api-key": strict.api_key}, trust_env=False) as http:
            statuses = [draw(http, width=256 + at).status_code for at in range(12)]
        assert 429 in statuses
        assert strict.paid() == statuses.count(200)


def test_wrong_paths_and_verbs_answer_in_json(http: httpx.Client) -> None:
    """What a switched-off endpoint would say."""
    assert http.get("/v1/ai/image_generation").json()["success"] is False
    assert http.post("/v1/ai/image_variation", json={}).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "x" * 5001},
        {"width": 100},
        {"height": 4000},
        {"steps": 91},
        {"aspect_ratio": "5:3"},
        {"return_type": "gif"},
        {"advance_config": {"guidance": 0}},
        {"file_store_key": "missing.png"},
    ],
)
def test_documented_bounds_are_kept(fake: Any, http: httpx.Client, changes: dict[str, Any]) -> None:
    """400, and nothing is charged."""
    assert draw(http, **changes).status_code == 400
    assert fake.paid() == 0


def test_calls_and_faults_can_be_read_and_set_over_http(fake: Any, http: httpx.Client) -> None:
    """What another process needs."""
    order = [{"kind": "status", "status": 503, "endpoint": "image", "times": 1}]
    assert http.post("/__faults", json=order).json()[0]["times"] == 1
    assert [draw(http).status_code for _ in range(3)] == [503, 200, 200]
    assert http.get("/__faults").json() == []
    told = http.get("/__calls").json()
    assert (told["paid"], told["cache_hits"]) == (1, 1)
    assert [call["fault"] for call in told["calls"]] == ["status", None, None]
    assert http.post("/__faults", json=[{"kind": "unheard of"}]).status_code == 400
    assert http.post("/__reset").json() == {"reset": True}
    assert http.get("/__calls").json()["calls"] == []


def test_faults_with_a_probability_repeat_by_seed() -> None:
    """The same seed gives the same run of luck."""

    def run(seed: int) -> list[int]:
        with FakeProvider(FakeProviderOptions(seed=seed, cache=False)) as fake:
            fake.faults.add(Fault(kind=FaultKind.STATUS, probability=0.5))
            with httpx.Client(base_url=fake.url, headers={"x-api-key": fake.api_key}, trust_env=False) as http:
                return [draw(http).status_code for _ in range(12)]

    assert run(1) == run(1) != run(2)
    assert set(run(1)) == {200, 503}


def test_latencies_are_scaled_and_skipped_by_the_cache() -> None:
    """8 to 28 s at a speed of 40 are 0.2 to 0.7 s; the answer from the cache does not wait."""
    slow = FakeProviderOptions(latency={"image": Latency(low=8, high=28)}, speed=40)
    with (
        FakeProvider(slow) as fake,
        httpx.Client(base_url=fake.url, headers={"x-api-key": fake.api_key}, trust_env=False) as http,
    ):
        seconds = []
        for _ in range(2):
            started = time.monotonic()
            draw(http)
            seconds.append(time.monotonic() - started)
    assert seconds[0] >= 8 / 40
    assert seconds[1] < seconds[0]


def test_a_result_link_needs_its_signature(http: httpx.Client) -> None:
    """As with a presigned link of an object store."""
    link = draw(http, return_type="url").json()["url"]
    assert httpx.get(link, trust_env=False).status_code == 200
    assert httpx.get(link.replace("Signature=", "Signature=x"), trust_env=False).status_code == 403


def test_the_fake_stops_while_an_answer_hangs() -> None:
    """Nothing holds up the end of a test."""
    with FakeProvider(FakeProviderOptions(latency={"palettes": Latency(low=60, high=60)})) as fake:
        fake.faults.add(Fault(kind=FaultKind.HANG, endpoint="image"))
        with (
            httpx.Client(base_url=fake.url, headers={"x-api-key": fake.api_key}, timeout=0.1, trust_env=False) as http,
            pytest.raises(httpx.ReadTimeout),
        ):
            draw(http)


def test_a_process_of_its_own() -> None:
    """The command says where it listens, draws real logos if told to, and ends on SIGTERM."""
    command = [sys.executable, "-m", "concept_worker.devstack.fake_provider", "--artist", "offline", "--speed", "50"]
    command += ["--latency", "image=1:2:1.5", "--fault", '{"kind": "status", "endpoint": "palettes"}']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            with httpx.Client(base_url=where["url"], headers={"x-api-key": where["api_key"]}, trust_env=False) as http:
                assert decode_image(draw(http).content).size == (256, 256)
                assert http.get("/__faults").json()[0]["endpoint"] == "palettes"
        finally:
            process.terminate()
        assert process.wait(20) is not None
