"""What Supabase's errors mean, and what its client does not do on its own."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from postgrest import APIError
from storage3.exceptions import StorageApiError

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.services.supabase.client import connect, disconnect, translated
from concept_worker.services.supabase.object_store import SupabaseObjectStore

SECRET = "host db.internal, row 5 of somebody"


def rest(code: str) -> APIError:
    """PostgREST's error with this code."""
    return APIError({"code": code, "message": SECRET, "details": SECRET, "hint": None})


def storage(status: str) -> StorageApiError:
    """Storage's error with this status."""
    return StorageApiError(SECRET, "Error", status)


@pytest.mark.parametrize(
    "error",
    [
        *(httpx.ConnectError(SECRET), httpx.ReadTimeout(SECRET), httpx.RemoteProtocolError(SECRET)),
        *(rest(code) for code in ("08006", "53300", "57P01", "57014", "40001", "40P01", "PGRST001", "PGRST003")),
        *(rest(code) for code in ("429", "502", "503", "504", "520")),
        *(storage(status) for status in ("429", "500", "503", "544 odd", "")),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    """The sentence says nothing of the inside."""
    with pytest.raises(StoreUnavailable) as caught, translated():
        raise error
    assert "internal" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "code"),
    [*((rest(code), code) for code in ("23505", "42501", "PGRST202", "401", "")), (storage("403"), "403")],
)
def test_what_will_not_pass_is_refused(error: Exception, code: str) -> None:
    """With its code, and nothing else of the inside."""
    with pytest.raises(StoreRefused) as caught, translated():
        raise error
    assert caught.value.code == code
    assert "internal" not in str(caught.value)


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


def test_a_refusal_is_not_taken_for_a_missing_picture() -> None:
    """Which would be made, and paid, again."""

    class Refusing:
        """Storage that lets nobody read."""

        def from_(self, _: str) -> Refusing:
            """Any bucket."""
            return self

        def download(self, _: str) -> bytes:
            """No."""
            raise storage("403")

    store = SupabaseObjectStore(cast("Any", type("Client", (), {"storage": Refusing()})), "https://a.example")
    with pytest.raises(StoreRefused):
        store.load("concept-images", "a/b/base.png")
