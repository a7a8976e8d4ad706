"""From a provider's HTTP status to this package's words for trouble; the one place that decides what may pass."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping

from concept_worker.errors import ConceptWorkerError, ProviderRefused, ProviderUnavailable, RateLimited

_HEADER_MAX = 100  # characters of a header that are read
LONGEST_WAIT = 3600.0  # seconds; a reset further away is a mistake or another unit

ACCESS = "The image provider refused our access; the operator must check its key."
ACCOUNT = "The image provider refused our account; the operator must check its plan."
GONE = "The image provider does not offer this here; the operator must check its address and models."
CONTENT = "The image provider declined this content; please describe it in other words."
REQUEST = "The image provider refused the request."
BUSY = "The image provider asked us to wait."
AWAY = "The image provider is unavailable for now."

_REFUSALS = {401: ACCESS, 402: ACCOUNT, 403: ACCESS, 404: GONE, 405: GONE, 410: GONE}
# 409 is how servers say that a request with this idempotency key is still being worked on.
_PASSING = frozenset({408, 409, 425})


def status_trouble(status: int, *, retry_after: float = 0.0) -> ConceptWorkerError | None:
    """The error for an HTTP `status`, or None for 200 and 201; `retry_after` is in seconds, 0 for "not said".

    Any other 2xx and every 3xx is a refusal too: nothing here asks for one, and a redirect would carry the key along.
    """
    if status in (200, 201):
        return None
    if status == 429:
        return RateLimited(BUSY, retry_after)
    if status in _PASSING or status >= 500:
        return RateLimited(BUSY, retry_after) if retry_after else ProviderUnavailable(AWAY)
    if 200 <= status < 400:
        return ProviderRefused(GONE)
    return ProviderRefused(_REFUSALS.get(status, REQUEST))


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float:
    """Seconds to wait by `Retry-After-Ms` or `Retry-After` (seconds or an HTTP date); 0 when not said, or past.

    `now` is the Unix time in seconds.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return sane_wait(milliseconds / 1000)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return sane_wait(seconds)
    return sane_wait(_date(text) - now) if text else 0.0


def sane_wait(seconds: float) -> float:
    """`seconds`, or 0 where they are no wait: past, not a number, or longer than `LONGEST_WAIT`."""
    return seconds if math.isfinite(seconds) and 0 < seconds <= LONGEST_WAIT else 0.0


def _number(text: str | None) -> float | None:
    try:
        return float(text[:_HEADER_MAX]) if text is not None else None
    except ValueError:
        return None


def _date(text: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(text[:_HEADER_MAX]).timestamp()
    except (TypeError, ValueError, OverflowError):
        return -math.inf
