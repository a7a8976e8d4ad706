"""A moment that a provider names is one of its own clock; a worker's clock may be off by minutes."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from concept_worker.services.http.waits import asked_wait, retry_after_seconds

SENT = 1_800_000_000.0  # by the provider's clock


@pytest.mark.parametrize("off", [-300.0, -6.0, 0.0, 6.0, 300.0])
@pytest.mark.parametrize(
    "named",
    [
        {"retry-after": formatdate(SENT + 7, usegmt=True)},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(SENT + 7)},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str((SENT + 7) * 1000)},
    ],
)
def test_a_wait_is_as_long_as_by_the_providers_clock(named: dict[str, str], off: float) -> None:
    """Five minutes too long, and shared by all workers, nothing would be drawn."""
    assert asked_wait({"date": formatdate(SENT, usegmt=True), **named}, None, SENT + off) == 7


def test_a_clock_that_agrees_is_more_exact() -> None:
    """A date has whole seconds, a reset has thousandths."""
    named = {"date": formatdate(SENT, usegmt=True), "x-ratelimit-reset": str((SENT + 1.25) * 1000)}
    assert asked_wait(named, None, SENT + 1) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("date", ["", "yesterday", "\xff", "9" * 500])
def test_without_the_providers_time_ours_must_do(date: str) -> None:
    """Or with one that cannot be read."""
    named = {"date": date, "retry-after": formatdate(SENT + 7, usegmt=True)}
    assert retry_after_seconds(named, SENT) == 7
    assert retry_after_seconds({"retry-after": named["retry-after"]}, SENT) == 7


def test_a_number_of_seconds_needs_no_clock() -> None:
    """Whatever the date says."""
    assert retry_after_seconds({"date": formatdate(SENT, usegmt=True), "retry-after": "3"}, 0.0) == 3
