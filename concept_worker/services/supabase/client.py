"""One connection to Supabase per process, and the meaning of its errors."""

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

_LIBRARY_ERRORS = (ValueError, httpx.InvalidURL, APIError, StorageApiError)
_CONNECTIONS = 32  # above the threads of one worker that talk to Supabase at once; the rest queue in the pool


class _UnloggedClient(httpx.Client):
    """A client whose requests are not logged by a host application: their URLs name users."""

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        with unlogged_requests():
            return super().send(request, **options)

    def close(self) -> None:
        with unlogged_requests():
            super().close()


def connect(url: str, key: str, timeout: float, ca_file: str = "") -> Client:
    """Return a client that the threads of one process may share. Make it after a fork; close it with `disconnect`.

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
    # The step retries, and frees its slot while it waits. One error is retried on one level only.
    options = ClientOptions(httpx_client=http, postgrest_client_retry=False, auto_refresh_token=False)
    client = create_client(url, key, options)
    _ = (
        client.postgrest,
        client.storage,
    )  # the library makes them lazily, without a lock: do it before threads do
    return client


def disconnect(client: Client) -> None:
    """Close the connections of a client from `connect`."""
    http = client.options.httpx_client
    if http is not None:
        http.close()


@contextmanager
def translated() -> Iterator[None]:
    """Raise a missing or broken answer as `StoreUnavailable`; `troubles.py` judges complete answers.

    The texts of the libraries' errors hold rows, user ids and paths, so no text is kept.
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
        raise without_text(StoreUnreachable("the database or image store did not answer"), exc) from None
    except httpx.RequestError as exc:
        raise without_text(StoreUnavailable("the database or image store did not answer"), exc) from None
    except _LIBRARY_ERRORS as exc:  # of a request it did not send, or an answer it could not read
        raise without_text(StoreRefused("the database or image store was asked or answered wrongly"), exc) from None
