"""The short form of `make chaos`: fewer runs, less time, the same faults and the same checker."""

from __future__ import annotations

from tests.chaos.driver import Plan, run
from tests.chaos.report import lines

# A deck of its own, so that every kind of machine comes in twenty seconds.
DECK = {
    "child killed": 1,
    "worker killed: concepts": 1,
    "worker killed: images": 1,
    "worker stopped: concepts": 1,
    "broker killed, AOF": 1,
    "broker killed, data lost": 1,
    "database killed": 1,
    "supabase says 503": 1,
    "supabase hangs": 1,
    "broker network stalls": 1,
}


def test_no_promise_is_broken_by_a_storm_of_faults() -> None:
    """Thirty runs while workers, broker, database and provider fail: the checker finds nothing."""
    outcome = run(Plan(seed=20, runs=30, seconds=22.0, gap=1.6, exact_kills=1, faults=DECK))
    assert not outcome.violations, "\n".join(lines(outcome))
    assert not outcome.never_recovered, "\n".join(lines(outcome))
    assert outcome.statuses["completed"] >= 10, "\n".join(lines(outcome))
