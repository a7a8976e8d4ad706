"""Waits grow, are jittered, and know what the error knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_worker.errors import RateLimited, StagingFull, StepHeld, StoreUnavailable
from concept_worker.pipelines.backoff import Backoff

BACKOFF = Backoff(base=2.0, cap=120.0)


@given(st.integers(0, 100))
def test_wait_is_within_full_jitter(retries: int) -> None:
    """Between nothing and base times two to the retries, never beyond the cap."""
    assert 0 <= BACKOFF.delay(StoreUnavailable("away"), retries) <= min(120.0, 2.0 * 2**retries)


def test_a_run_that_waited_for_hours_still_knows_how_long_to_wait() -> None:
    """A closed door is looked at thousands of times."""
    assert 0 <= BACKOFF.delay(RateLimited("busy", 0.0), 5000) <= 120.0


def test_waits_differ() -> None:
    """Runs that failed together do not come back together."""
    assert len({BACKOFF.delay(StoreUnavailable("away"), 5) for _ in range(20)}) > 15


@pytest.mark.parametrize("kind", [RateLimited, StoreUnavailable])
def test_a_wait_that_the_neighbour_asks_for_is_honoured(kind: type[RateLimited | StoreUnavailable]) -> None:
    """At least as long as it asked, at most the cap beyond jitter."""
    assert BACKOFF.delay(kind("busy", 30.0), 0) >= 30.0
    assert BACKOFF.delay(kind("busy", 9999.0), 0) <= 120.0 + 2.0


def test_a_held_step_is_looked_at_soon() -> None:
    """Whatever its lease says."""
    assert BACKOFF.delay(StepHeld("busy", 300.0), 9) <= 6.0
    assert BACKOFF.delay(StepHeld("busy", 0.0), 0) <= 1.0


def test_room_in_staging_is_asked_for_soon() -> None:
    """However long a run has waited."""
    assert BACKOFF.delay(StagingFull("waits"), 5000) <= 15.0
