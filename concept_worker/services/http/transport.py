"""An httpx transport whose sockets obey the current deadline.

httpx's own timeouts count from byte to byte, so a server that sends one byte a second holds a thread for ever. Here
every connect, read and write also ends at `current_deadline()`, headers included. The transport uses httpcore's public
network backend, because httpx has no place for one.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import httpcore
import httpx

from concept_worker.services.http.deadline import current_deadline

_WRITE_SLICE = 65_536  # bytes sent between two checks of the clock

# (level, option, value) for `socket.setsockopt`; httpcore has no public name for this type.
SocketOptions = Iterable[Any] | None


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose waits end at the current deadline."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, bounded_timeout(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_SLICE):
            self._stream.write(buffer[start : start + _WRITE_SLICE], bounded_timeout(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        bounded = bounded_timeout(timeout, httpcore.ConnectTimeout)
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, bounded))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """A network backend that connects through `inner` and wraps its streams."""

    def __init__(self, inner: httpcore.NetworkBackend | None = None) -> None:
        self._inner = inner or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.NetworkStream:
        bounded = bounded_timeout(timeout, httpcore.ConnectTimeout)
        return DeadlineStream(self._inner.connect_tcp(host, port, bounded, local_address, socket_options))


class BoundedTransport(httpx.BaseTransport):
    """A pool of connections, thread-safe like httpx's own, over a `DeadlineBackend`."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; raise httpcore's errors as httpx's errors of the same name."""
        with _translate_errors():
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=_core_url(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _translate_errors():
            yield from cast("Iterable[bytes]", self._response.stream)

    def close(self) -> None:
        self._response.close()


@lru_cache(maxsize=2)
def trusted_tls(ca_file: str = "") -> ssl.SSLContext:
    """Return the usual certificate authorities, read once per process: that takes 20 ms and some megabytes.

    `ca_file` names further authorities.
    """
    context = httpx.create_ssl_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def bounded_transport(*, max_connections: int = 100) -> BoundedTransport:
    """Return a transport for one process: at most `max_connections` at once, each for one exchange."""
    return BoundedTransport(
        httpcore.ConnectionPool(
            ssl_context=trusted_tls(),
            max_connections=max_connections,
            max_keepalive_connections=0,
            network_backend=DeadlineBackend(),
        )
    )


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def bounded_timeout(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float | None:
    """Return `timeout` (seconds), cut at the current deadline; raise `expired` when the deadline has passed."""
    deadline = current_deadline()
    if deadline is None:
        return timeout
    bounded = deadline.bound(timeout)
    if bounded <= 0:
        raise expired("the deadline has passed")
    return bounded


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise httpcore's errors as httpx's errors of the same name."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as exc:
        same_name: type[httpx.TransportError] = getattr(httpx, type(exc).__name__, httpx.TransportError)
        raise same_name(str(exc)) from exc
