"""One exchange with a provider: send, read within a byte limit and a deadline, log without secrets, map errors."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from concept_worker.errors import (
    AccountRefused,
    BadProviderAnswer,
    ConceptWorkerError,
    MaybeCharged,
    ProviderUnavailable,
)
from concept_worker.logging import get_logger
from concept_worker.redaction import short_id, without_text
from concept_worker.services.http.bodies import (
    NoCookies,
    TooLarge,
    Unacceptable,
    collected,
    parse_json,
    unpacked,
)
from concept_worker.services.http.deadline import Clock, Deadline, within
from concept_worker.services.http.transport import bounded_transport
from concept_worker.services.http.troubles import AWAY, GONE

log = get_logger(__name__)

SLOW = "The image provider did not answer in time."
SLOW_CHARGED = "The image provider did not answer in time; the call may have been charged."
LOST = "The connection to the image provider was lost."
LOST_CHARGED = "The connection to the image provider was lost; the call may have been charged."
TOO_LARGE = "The image provider's answer is too large."
UNREADABLE = "The image provider's answer cannot be read."

_CONTENT_TYPES = frozenset(
    {
        *("application/json", "application/problem+json", "application/octet-stream", "text/event-stream"),
        *("text/html", "text/plain", "image/png", "image/jpeg", "image/webp", "image/svg+xml"),
    }
)

# Errors before the last byte of a request was sent: such a call cannot have been charged.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.WriteTimeout,
    httpx.WriteError,
)

# Errors of settings that make no valid request.
_IMPOSSIBLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError)

_ERROR_BYTES = 100_000  # of an error answer that are parsed
CONNECT_SECONDS = 5.0
WRITE_SECONDS = 30.0
POOL_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """A complete answer of any status."""

    status: int
    headers: Mapping[str, str]  # names in any case
    body: bytes
    sent: tuple[bytes, ...] = field(default=(), repr=False)  # the request's parts; no log line may repeat them

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case; empty when the answer has none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def short_id(self, value: object) -> str | None:
        """Return `value` if it is an id of the provider and no part of the request, else None."""
        return short_id(value, self.sent)

    def json(self) -> object:
        """Parse the body as JSON.

        Raises:
            BadProviderAnswer: it is no JSON, or has more values than any answer needs.
        """
        try:
            return parse_json(self.body)
        except Unacceptable as exc:
            raise BadProviderAnswer(UNREADABLE) from exc

    def json_or_none(self) -> object:
        """Parse the body of an error answer as JSON, or return None. Many bodies are a gateway's page.

        A long body is not parsed.
        """
        if len(self.body) > _ERROR_BYTES:
            return None
        try:
            return self.json()
        except BadProviderAnswer:
            return None


@dataclass(frozen=True)
class Outgoing:
    """A request, ready to send; the same arguments always give the same bytes."""

    call: str  # its name in the log
    method: str
    path: str
    content: bytes = b""
    headers: Mapping[str, str] | None = None
    params: Mapping[str, str] | None = None


def provider_client(base_url: str, headers: Mapping[str, str]) -> httpx.Client:
    """Return the only client of a process for a provider: thread-safe, without redirects, cookies or kept connections.

    Bytes left on a kept connection would be read as the answer to the next call, which is another user's. The
    environment's proxies are not used: a key is sent to `base_url` only. A query of `base_url`, such as Azure's
    `api-version`, is added to every request.
    """
    base = httpx.URL(base_url)
    return httpx.Client(
        base_url=base.copy_with(query=None, path=base.path.rstrip("/")),
        params=base.params,
        headers={"accept-encoding": "identity", **headers},
        transport=bounded_transport(),
        cookies=NoCookies(),
        trust_env=False,
        follow_redirects=False,
    )


class ProviderChannel:
    """A channel to one provider over HTTP, through `client`; thread-safe when `client` is.

    `repeats_are_free`: the provider answers an identical request again without charge, so a lost answer leaves no
    unknown bill.
    """

    def __init__(
        self, client: httpx.Client, *, provider: str, repeats_are_free: bool = False, clock: Clock = time.monotonic
    ) -> None:
        self._client = client
        self._repeats_are_free = repeats_are_free
        self._clock = clock
        self._log = log.bind(provider=provider)

    def send(self, outgoing: Outgoing, *, seconds: float, max_bytes: int) -> Reply:
        """Send the request; return the complete answer of any status, within `seconds` and `max_bytes`.

        Raises:
            ProviderUnavailable: not connected; or too slow or cut off, where a repeat is free.
            MaybeCharged: sent, but too slow or cut off; the call may have been charged.
            BadProviderAnswer: larger than `max_bytes`.
            AccountRefused: the settings make no valid request.
        """
        started = self._clock()
        try:
            reply = self._exchange(outgoing, Deadline.after(seconds, self._clock), max_bytes)
        except ConceptWorkerError as exc:
            self._log_failure(outgoing, exc, started)
            raise
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as exc:
            self._log_failure(outgoing, exc, started)
            raise without_text(self._transport_trouble(exc), exc) from None  # the error's text may hold the key
        self._log.info("provider answered", call=outgoing.call, seconds=self._elapsed(started), **_log_fields(reply))
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _exchange(self, outgoing: Outgoing, deadline: Deadline, max_bytes: int) -> Reply:
        request = self._client.build_request(
            outgoing.method,
            outgoing.path,
            content=outgoing.content,
            headers=outgoing.headers,
            params=outgoing.params,
            timeout=_timeouts(deadline.remaining),
        )
        with within(deadline):
            response = self._client.send(request, stream=True)
            try:
                body = _read(response, deadline, max_bytes)
            finally:
                response.close()
        sent = (outgoing.content, str(outgoing.params or "").encode(), *(value for _, value in request.headers.raw))
        return Reply(response.status_code, response.headers, body, sent)

    def _transport_trouble(self, exc: Exception) -> ConceptWorkerError:
        if isinstance(exc, _IMPOSSIBLE):
            return AccountRefused(GONE)
        if isinstance(exc, httpx.DecodingError):
            return BadProviderAnswer(UNREADABLE)
        if isinstance(exc, _NEVER_SENT):
            return ProviderUnavailable(SLOW if isinstance(exc, httpx.TimeoutException) else AWAY)
        return self._lost_error(slow=isinstance(exc, httpx.TimeoutException))

    def _lost_error(self, *, slow: bool) -> ProviderUnavailable:
        if self._repeats_are_free:
            return ProviderUnavailable(SLOW if slow else LOST)
        return MaybeCharged(SLOW_CHARGED if slow else LOST_CHARGED)

    def _log_failure(self, outgoing: Outgoing, exc: Exception, started: float) -> None:
        cause = type(exc).__name__  # never the error's text, which may hold an address
        self._log.warning("provider call failed", call=outgoing.call, cause=cause, seconds=self._elapsed(started))

    def _elapsed(self, started: float) -> float:
        return round(self._clock() - started, 3)


def _timeouts(seconds: float) -> httpx.Timeout:
    # The first byte comes when the picture is ready, so the read timeout is the whole budget.
    return httpx.Timeout(
        connect=min(CONNECT_SECONDS, seconds),
        read=seconds,
        write=min(WRITE_SECONDS, seconds),
        pool=min(POOL_SECONDS, seconds),
    )


def _read(response: httpx.Response, deadline: Deadline, max_bytes: int) -> bytes:
    try:
        if response.is_stream_consumed:  # a transport that returns whole answers
            return collected([response.content], max_bytes)
        sent = collected(_until_deadline(response.iter_raw(), deadline), max_bytes)
        return unpacked(sent, response.headers.get("content-encoding", "").strip().lower(), max_bytes)
    except TooLarge as exc:
        raise BadProviderAnswer(TOO_LARGE) from exc
    except Unacceptable as exc:
        raise BadProviderAnswer(UNREADABLE) from exc


def _until_deadline(pieces: Iterable[bytes], deadline: Deadline) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        if deadline.remaining <= 0:
            raise httpx.ReadTimeout("the deadline has passed")


def _log_fields(reply: Reply) -> dict[str, object]:
    kind = reply.content_type
    described: dict[str, object] = {
        "status": reply.status,
        "content_type": kind if kind in _CONTENT_TYPES or not kind else "other",
        "bytes": len(reply.body),
    }
    request_id = reply.short_id(reply.headers.get("x-request-id"))
    return {**described, "request_id": request_id} if request_id else described
