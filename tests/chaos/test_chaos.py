"""The short form of `make chaos`: fewer runs, less time, the same faults and the same checker."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.models import TaskStatus
from tests.chaos.driver import Plan, run
from tests.chaos.flavour import CAREFUL, DEFAULTS, Flavour
from tests.chaos.report import lines
from tests.conftest import StartSystem
from tests.integration.tasks.holds import Holds
from tests.integration.tasks.runs import staged_of
from tests.waiting import until

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


@pytest.mark.parametrize("flavour", [DEFAULTS, CAREFUL], ids=lambda flavour: flavour.name)
def test_what_we_are_compared_with_works_in_peace(
    start_system: StartSystem, stack: Stack, user_id: UUID, tmp_path: Path, flavour: Flavour
) -> None:
    """Plain Celery makes the same concept, and a refinement of it, and leaves nothing in staging."""
    system = start_system("--loglevel", "INFO", app=flavour.app, **Holds(tmp_path).environment)
    row = system.client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)
    until(lambda: system.client.get_task(row.id, user_id).status.is_terminal, "the generation")
    made = system.client.get_task(row.id, user_id)
    assert made.status is TaskStatus.COMPLETED, made.error_message
    again = system.client.refine(user_id=user_id, original_concept_id=made.result_id, refinement_prompt="rounder")
    until(lambda: system.client.get_task(again.id, user_id).status.is_terminal, "the refinement")
    refined = system.client.get_task(again.id, user_id)
    assert refined.status is TaskStatus.COMPLETED, refined.error_message
    until(lambda: not staged_of(stack, row) and not staged_of(stack, again), "staging to be empty")
