"""One connection to Supabase a process, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from postgrest import APIError
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from concept_worker.errors import StoreRefused, StoreUnavailable, StoreUnreachable
from concept_worker.services.provider_http.bodies import NoCookies

_CONNECTIONS = 32  # above the threads of one worker that talk to Supabase at once; the rest queue in the pool
# SQLSTATE classes and codes that pass by themselves: connection, resources, operator intervention, serialization,
# deadlock, statement timeout; PostgREST's own connection codes; statuses of a gateway without a PostgREST body.
_PASSING_CODES = ("08", "53", "57", "40001", "40P01", "PGRST000", "PGRST001", "PGRST002", "PGRST003")
_PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)


def connect(url: str, key: str, timeout: float) -> Client:
    """A client that may be shared by the threads of one process; make it after a fork, close it with `disconnect`."""
    http = httpx.Client(
        timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        follow_redirects=False,
        trust_env=False,
        cookies=NoCookies(),  # gateways in front of Supabase set some
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
    """What Supabase throws leaves as `StoreUnavailable` or `StoreRefused`, without its internals in the sentence."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
        raise StoreUnreachable("the database or image store did not answer") from exc
    except httpx.TransportError as exc:
        raise StoreUnavailable("the database or image store did not answer") from exc
    except APIError as exc:
        raise _of_rest(exc) from exc
    except StorageApiError as exc:
        raise _of_storage(exc) from exc


def _of_rest(exc: APIError) -> StoreUnavailable | StoreRefused:
    code = str(exc.code or "")
    if code.startswith(_PASSING_CODES) or (code.isdigit() and len(code) == 3 and int(code) in _PASSING_STATUS):
        return StoreUnavailable("the database is not available right now")
    return StoreRefused(f"the database refused the request (code {code or 'unknown'})", code)


def _of_storage(exc: StorageApiError) -> StoreUnavailable | StoreRefused:
    status = status_of(exc)
    if status in _PASSING_STATUS or status == 0:
        return StoreUnavailable("the image store is not available right now")
    return StoreRefused(f"the image store refused the request (status {status})", str(status))


def status_of(exc: StorageApiError) -> int:
    """The status Storage reports in its body, as a number; 0 when it is none."""
    text = str(exc.status or "")
    return int(text) if text.isdigit() else 0
