"""What Supabase's client does not do on its own."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.services.supabase.client import connect, disconnect, translated


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(307, headers={"location": "https://b.example/"})]
)
def test_a_request_is_sent_once_and_to_nobody_else(answer: httpx.Response) -> None:
    """Tries belong to the step; a redirect would carry the key along."""
    client, asked = connect("https://a.example", "sb_secret_x", 1.0), []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return answer

    cast("Any", client.options.httpx_client)._transport = httpx.MockTransport(handle)
    with pytest.raises((StoreUnavailable, StoreRefused)), translated():
        client.table("tasks").select("*").execute()
    disconnect(client)
    assert asked == ["a.example"]


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would read every prompt, and the key."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    client = connect("https://a.example", "sb_secret_x", 1.0)
    mounts = cast("Any", client.options.httpx_client)._mounts
    disconnect(client)
    assert mounts == {}
