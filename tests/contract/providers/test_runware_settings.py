"""Runware's adapter as the settings build it: key, address, hosts; and what it never asks."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from concept_worker.errors import ProviderUnavailable
from concept_worker.services.http.download import guarded_downloader
from concept_worker.services.providers.runware import runware_generator, wire
from tests.contract.providers.runware_orders import asked, ordered


@pytest.fixture
def generator(build: Any) -> Any:
    """The adapter, pointed at the fake."""
    return build("runware")


def test_key_and_links_stay_out_of_log_and_receipt(fake: Any, generator: Any) -> None:
    """The cost comes with the picture; the key and the signed link are in no line."""
    with capture_logs() as lines:
        receipt = ordered(generator)
        picture = generator.collect(receipt)
    text = json.dumps([lines, receipt.model_dump(mode="json")], default=str)
    assert fake.api_key not in text
    assert "Signature" not in text
    assert "fox" not in text
    assert picture.origin.cost == 0.03


def test_pictures_are_taken_from_the_vendors_hosts(settings_for: Any) -> None:
    """Without a setting; and from no other host than those of the settings."""
    downloader = guarded_downloader(settings_for(download_hosts=""), provider_hosts=wire.HOSTS)
    assert "im.runware.ai" in downloader._allowed
    assert "runware.ai.example" not in downloader._allowed


def test_a_missing_key_is_named_at_the_start(build: Any) -> None:
    """A worker ends with the setting's name instead of failing rows."""
    with pytest.raises(ValueError, match="RUNWARE_API_KEY"):
        build("runware", runware_api_key="")


def test_palettes_are_left_to_colour_harmony(fake: Any, generator: Any) -> None:
    """Nobody is asked."""
    assert not generator.proposes_palettes
    assert fake.calls == []


def test_abandoning_asks_nothing(fake: Any, generator: Any) -> None:
    """The wire has no cancel."""
    receipt = ordered(generator)
    generator.abandon(receipt)
    assert asked(fake) == ["image"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/relay/runware"])
def test_the_address_may_have_a_path(settings_for: Any, path: str) -> None:
    """With or without a slash at its end; the request goes to exactly it."""
    generator = runware_generator(settings_for(runware_base_url=f"https://relay.example{path}"))
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(503)

    channel = generator._desk._free
    channel._client = httpx.Client(transport=httpx.MockTransport(answer), base_url=channel._client.base_url)
    with pytest.raises(ProviderUnavailable):
        ordered(generator)
    assert seen == [path.rstrip("/")]
