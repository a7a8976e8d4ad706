"""Download a foreign image, and connect to no host that is not allowed. Only this module follows URLs of other people.

For every hop: the URL is parsed once, its host must be on the list, its name is resolved once, and every address must
be public. The connection goes to one of exactly these addresses, and the TLS certificate must match the name. Nothing
is resolved a second time, so an answer that changes in between has no effect.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpcore

from concept_worker.errors import ConceptWorkerError, DownloadRefused, ProviderUnavailable
from concept_worker.logging import get_logger
from concept_worker.redaction import without_text
from concept_worker.services.http.addresses import (
    MAX_URL,
    REFUSED,
    HostList,
    Resolver,
    Target,
    parse_target,
    public_addresses,
    resolve_host,
)
from concept_worker.services.http.bodies import TooLarge, collected
from concept_worker.services.http.deadline import Clock, Deadline, current_deadline, within
from concept_worker.services.http.transport import DeadlineBackend, SocketOptions, bounded_timeout, trusted_tls
from concept_worker.settings import Settings

log = get_logger(__name__)

TOO_LARGE = "The linked image is too large."
NO_IMAGE = "The link does not lead to an image any more."
TOO_MANY_HOPS = "The image link redirects too often."
AWAY = "The server of the image link is unavailable for now."
SLOW = "The server of the image link did not answer in time."

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})
_HEADERS = (("accept", "image/png, image/jpeg, image/webp"), ("accept-encoding", "identity"))


@dataclass(frozen=True)
class DownloadLimits:
    """A set of limits for one download: bytes, redirects, and seconds in total, to connect, and between two reads."""

    max_bytes: int = 20_000_000
    redirects: int = 3
    seconds: float = 30.0
    connect_seconds: float = 5.0
    read_seconds: float = 10.0


class GuardedDownloader:
    """A downloader for listed hosts at public addresses; thread-safe.

    `allow_http` and `allow_private_hosts` are for fake servers on this machine: they allow plain http, and any address
    on any port. The list of hosts applies in every case.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Iterable[str],
        limits: DownloadLimits | None = None,
        resolver: Resolver = resolve_host,
        clock: Clock = time.monotonic,
        backend: httpcore.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        allow_http: bool = False,
        allow_private_hosts: bool = False,
    ) -> None:
        self._allowed = HostList(allowed_hosts)
        self._limits = limits or DownloadLimits()
        self._clock = clock
        self._schemes = frozenset({"https", "http"} if allow_http else {"https"})
        self._any_port = allow_private_hosts
        vetted = VettedBackend(resolver, backend or httpcore.SyncBackend(), allow_private_hosts=allow_private_hosts)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or trusted_tls(),
            max_keepalive_connections=0,
            network_backend=DeadlineBackend(vetted),
        )

    def download(self, url: str) -> bytes:
        """Return the body behind `url` as the server sent it, at most `max_bytes`.

        Raises:
            DownloadRefused: the link, one of its redirects, its address, its size or its answer is not acceptable.
            ProviderUnavailable: the server is unavailable, slow, or cut the answer off.
        """
        with within(Deadline.after(self._limits.seconds, self._clock)) as deadline:
            for _ in range(self._limits.redirects + 1):
                target = self._check_target(url)
                answer = self._fetch(target, deadline)
                if isinstance(answer, bytes):
                    log.info("image downloaded", host=target.host, bytes=len(answer))
                    return answer
                url = _redirect_target(url, answer.location)
        raise DownloadRefused(TOO_MANY_HOPS)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _check_target(self, url: str) -> Target:
        target = parse_target(url)
        ports = {443} | ({80} if "http" in self._schemes else set())
        if target.scheme not in self._schemes or target.host not in self._allowed:
            raise _logged_refusal(target.host, "scheme or host")
        if target.port not in ports and not self._any_port:
            raise _logged_refusal(target.host, "port")
        return target

    def _fetch(self, target: Target, deadline: Deadline) -> bytes | _Redirect:
        host = f"[{target.host}]" if ":" in target.host else target.host
        # Without brackets: this host is resolved, and the certificate must name it.
        address = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        authority = host if target.port in (80, 443) else f"{host}:{target.port}"
        timeouts = {
            "connect": self._limits.connect_seconds,
            "read": self._limits.read_seconds,
            "write": self._limits.read_seconds,
            "pool": deadline.remaining,
        }
        with _translate_errors(target.host):
            headers = [("host", authority), *_HEADERS]
            with self._pool.stream("GET", address, headers=headers, extensions={"timeout": timeouts}) as response:
                return self._read(target, response)

    def _read(self, target: Target, response: httpcore.Response) -> bytes | _Redirect:
        headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        if response.status in _REDIRECTS and "location" in headers:
            return _Redirect(headers["location"])
        if response.status in _PASSING or response.status >= 500:
            raise ProviderUnavailable(AWAY)
        if response.status != 200 or headers.get("content-encoding", "identity").lower() != "identity":
            raise _logged_refusal(target.host, "answer", NO_IMAGE)
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self._limits.max_bytes:
            raise _logged_refusal(target.host, "size", TOO_LARGE)
        return self._body(target, response)

    def _body(self, target: Target, response: httpcore.Response) -> bytes:
        try:
            return collected(response.iter_stream(), self._limits.max_bytes)
        except TooLarge as exc:
            raise _logged_refusal(target.host, "size", TOO_LARGE) from exc


class VettedBackend(httpcore.NetworkBackend):
    """A network backend that resolves a name once, and connects only to the addresses of that answer."""

    def __init__(self, resolver: Resolver, inner: httpcore.NetworkBackend, *, allow_private_hosts: bool) -> None:
        self._resolver = resolver
        self._inner = inner
        self._allow_private = allow_private_hosts

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.NetworkStream:
        answers = _resolve_in_time(self._resolver, host, port)
        addresses = list(answers) if self._allow_private else public_addresses(answers)
        trouble: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            bounded = bounded_timeout(timeout, httpcore.ConnectTimeout)
            try:
                return self._inner.connect_tcp(address, port, bounded, local_address, socket_options)
            except httpcore.ConnectError as exc:
                trouble = exc
        raise trouble


@dataclass(frozen=True)
class _Redirect:
    location: str


def allowed_hosts(settings: Settings, provider_hosts: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the hosts that links may lead to, each once: a provider's, the operator's and Supabase's."""
    own = (host.strip() for host in settings.download_hosts.split(","))
    hosts = [*provider_hosts, *own, urlsplit(settings.supabase_url).hostname or ""]
    return tuple(dict.fromkeys(host for host in hosts if host))


def guarded_downloader(settings: Settings, *, provider_hosts: Iterable[str] = ()) -> GuardedDownloader:
    """Return the downloader for `settings`: it may reach Supabase's host, `download_hosts` and the provider's."""
    return GuardedDownloader(
        allowed_hosts=allowed_hosts(settings, provider_hosts),
        limits=DownloadLimits(max_bytes=settings.max_image_bytes, seconds=settings.download_timeout_seconds),
        ssl_context=trusted_tls(settings.ca_file),
        allow_http=settings.download_allow_http,
        allow_private_hosts=settings.download_allow_private,
    )


def _redirect_target(url: str, location: str) -> str:
    """Return the target of a redirect, not checked yet."""
    try:
        return urljoin(url, location) if len(location) <= MAX_URL else location
    except ValueError as exc:
        raise without_text(DownloadRefused(REFUSED), exc) from None


def _resolve_in_time(resolver: Resolver, host: str, port: int) -> Sequence[str]:
    """Resolve the host, or time out at the deadline. The system's resolver has no timeout, so it runs in a thread."""
    deadline = current_deadline()
    outcome: list[Sequence[str] | Exception] = []

    def ask() -> None:
        try:
            outcome.append(resolver(host, port))
        except (OSError, UnicodeError) as exc:  # the system's resolver raises UnicodeError for impossible names
            outcome.append(exc)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline.remaining) if deadline else None)
    if not outcome:
        raise httpcore.ConnectTimeout("the resolver did not answer in time")
    if isinstance(outcome[0], Exception):
        raise httpcore.ConnectError("the name has no address") from outcome[0]
    return outcome[0]


@contextmanager
def _translate_errors(host: str) -> Iterator[None]:
    """Log the network's errors and raise them as `ProviderUnavailable`."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as exc:
        log.warning("download failed", host=host, cause=type(exc).__name__)
        sentence = SLOW if isinstance(exc, httpcore.TimeoutException) else AWAY
        raise without_text(ProviderUnavailable(sentence), exc) from None


def _logged_refusal(host: str, why: str, sentence: str = REFUSED) -> ConceptWorkerError:
    """Log the refusal and return its error."""
    log.warning("download refused", host=host[:100], why=why)
    return DownloadRefused(sentence)
