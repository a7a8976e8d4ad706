"""One connection to Supabase a process, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from postgrest import APIError
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from concept_worker.errors import StoreRefused, StoreUnavailable, StoreUnreachable
from concept_worker.logging import unlogged_requests
from concept_worker.redaction import without_text
from concept_worker.services.http.bodies import NoCookies
from concept_worker.services.http.transport import trusted_tls
from concept_worker.services.supabase.troubles import raise_for_trouble

_LIBRARYS = (ValueError, httpx.InvalidURL, APIError, StorageApiError)
_CONNECTIONS = 32  # above the threads of one worker that talk to Supabase at once; the rest queue in the pool


class _UnloggedClient(httpx.Client):
    """A client whose requests leave no line in a host application's log: their addresses name users."""

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        with unlogged_requests():
            return super().send(request, **options)

    def close(self) -> None:
        with unlogged_requests():
            super().close()


def connect(url: str, key: str, timeout: float, ca_file: str = "") -> Client:
    """A client that may be shared by the threads of one process; make it after a fork, close it with `disconnect`.

    `ca_file` names certificate authorities besides the known ones.
    """
    http = _UnloggedClient(
        verify=trusted_tls(ca_file),
        timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        follow_redirects=False,
        trust_env=False,
        cookies=NoCookies(),  # gateways in front of Supabase set some
        event_hooks={"response": [raise_for_trouble]},
    )
    # Retries belong to the step, which frees its slot while it waits; never two levels for one error.
    options = ClientOptions(httpx_client=http, postgrest_client_retry=False, auto_refresh_token=False)
    client = create_client(url, key, options)
    _ = client.postgrest, client.storage  # made lazily and without a lock by the library: make them before threads do
    return client


def disconnect(client: Client) -> None:
    """Close the connections of `connect`'s client."""
    http = client.options.httpx_client
    if http is not None:
        http.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn an answer that did not come, or not whole, into `StoreUnavailable`; answers are judged in `troubles.py`.

    The texts of others' errors hold rows, user ids and paths, so none is kept.
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
        raise without_text(StoreUnreachable("the database or image store did not answer"), exc) from None
    except httpx.RequestError as exc:
        raise without_text(StoreUnavailable("the database or image store did not answer"), exc) from None
    except _LIBRARYS as exc:  # of what it would not send, or could not read
        raise without_text(StoreRefused("the database or image store was asked or answered wrongly"), exc) from None
