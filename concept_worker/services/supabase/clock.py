"""The difference between this machine's clock and Supabase's: keys, links and certificates expire by the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from concept_worker.services.http.transport import trusted_tls
from concept_worker.settings import Settings

TOLERATED_SECONDS = 60.0


def clock_trouble(settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str | None:
    """Describe the difference of the clocks and its mend, when it exceeds the tolerance; return None otherwise.

    An answer of any status carries the date, to the second. Without an answer or a date, return None.
    """
    try:
        answer = httpx.head(
            f"{settings.supabase_url.rstrip('/')}/",
            timeout=settings.supabase_timeout,
            verify=trusted_tls(settings.ca_file),
            trust_env=False,
        )
        ahead = (now() - parsedate_to_datetime(answer.headers.get("date", ""))).total_seconds()
    except (httpx.HTTPError, ValueError, TypeError):
        return None
    if abs(ahead) < TOLERATED_SECONDS:
        return None
    side = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {abs(ahead):.0f} s {side} Supabase's; keep it by NTP"
