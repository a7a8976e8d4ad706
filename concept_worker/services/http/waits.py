"""Waits that a provider asks for, in the notations that vendors use."""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Mapping

LONGEST_WAIT = 86_400.0  # seconds; a longer wait is a mistake or in another unit

_HEADER_MAX = 100  # characters of a header that are read
_CLOCKS_DIFFER = 5.0  # seconds between sender and us: the answer's way, and the whole seconds of its clock
_EPOCH = 1_000_000_000  # a larger reset is a Unix time in seconds; above 1e12, in milliseconds
# Durations in Go's notation, in OpenAI's rate headers: 12s, 6m0s, 1h2m3.5s, 250ms.
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
# Replicate states the wait only in its sentence.
_SENTENCE = re.compile(r"resets? in ~?(\d{1,6}(?:\.\d{1,3})?) ?(ms|h|m|s)\b")


def asked_wait(headers: Mapping[str, str], body: object, now: float) -> float:
    """Return the seconds to wait, by headers, else by body; 0 when not stated or past.

    `now` is the Unix time in seconds, for an answer without `Date`: a moment is one of the sender's clock, not of ours.
    """
    now = _sent_at(headers, now)
    return (
        retry_after_seconds(headers, now)
        or _rate_reset(headers, now)
        or sane_wait(_retry_info(body))
        or sane_wait(_sentence(body))
    )


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds to wait by `Retry-After-Ms` or `Retry-After` (seconds or date); 0 when not stated or past.

    `now` is the Unix time in seconds, for an answer without `Date`.
    """
    now = _sent_at(headers, now)
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return sane_wait(milliseconds / 1000)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return sane_wait(seconds)
    return sane_wait(_date(text) - now) if text else 0.0


def sane_wait(seconds: float) -> float:
    """Return `seconds`, or 0 where they are no wait: past, not a number, or longer than `LONGEST_WAIT`."""
    return seconds if math.isfinite(seconds) and 0 < seconds <= LONGEST_WAIT else 0.0


def must_not_retry(headers: Mapping[str, str]) -> bool:
    """Return whether the provider forbids a retry (`x-should-retry: false`, which OpenAI's own client obeys too)."""
    return headers.get("x-should-retry", "").strip().lower() == "false"


def _sent_at(headers: Mapping[str, str], now: float) -> float:
    """Return the time of the sender's clock (`Date`, RFC 9110 section 6.6.1) where ours differs from it.

    `Date` has whole seconds, so a clock that is near it is the better one.
    """
    sent = _date(headers.get("date", ""))
    return sent if math.isfinite(sent) and abs(sent - now) > _CLOCKS_DIFFER else now


def _rate_reset(headers: Mapping[str, str], now: float) -> float:
    """Return the longest reset of a used-up share, such as `x-ratelimit-reset-requests`.

    A share is used up when its `x-ratelimit-remaining-requests` is 0.
    """
    waits = [
        sane_wait(_moment(headers.get(f"x-ratelimit-reset{of}", ""), now))
        for of in ("", "-requests", "-tokens", "-images")
        if headers.get(f"x-ratelimit-remaining{of}", "0").strip() == "0"
    ]
    return max(waits)


def _moment(text: str, now: float) -> float:
    number = _number(text)
    if number is None:
        return _duration(text)
    if number > _EPOCH * 1000:
        return number / 1000 - now
    return number - now if number > _EPOCH else number


def _duration(text: str) -> float:
    parts = _PART.findall(text[:40])
    whole = "".join(number + unit for number, unit in parts) == text.strip()
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts and whole else 0.0


def _retry_info(body: object) -> float:
    """Read Google's `RetryInfo`: `[{"error": {"details": [{"retryDelay": "55s"}]}}]`, with or without outer list."""
    error = _first(body)
    details = error.get("details") if isinstance(error, Mapping) else None
    for detail in details[:20] if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and isinstance(detail.get("retryDelay"), str):
            return _duration(detail["retryDelay"])
    return 0.0


def _sentence(body: object) -> float:
    fields = body if isinstance(body, Mapping) else {}
    for name in ("detail", "title", "message"):
        found = _SENTENCE.search(str(fields.get(name, ""))[:500])
        if found:
            return float(found[1]) * _UNITS[found[2]]
    return 0.0


def _first(body: object) -> object:
    inner = body[0] if isinstance(body, list) and body else body
    return inner.get("error") if isinstance(inner, Mapping) else None


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
