"""Signs of life through an outage of the database."""

from __future__ import annotations

import time
from typing import Any, cast
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from concept_worker.errors import StoreUnavailable
from concept_worker.models import RunReference, TaskType
from concept_worker.pipelines import leases
from concept_worker.pipelines.leases import LeaseKeeper
from tests.waiting import until

EVERY = 1.0  # seconds between two signs of life in peace
RUN = RunReference(task_id=uuid4(), number=1, type=TaskType.GENERATION)


class Away:
    """A task service whose database is away for the first five signs of life."""

    def __init__(self) -> None:
        self.heard: list[float] = []

    def extend_step(self, *_: Any) -> bool:
        """Note the time."""
        self.heard.append(time.monotonic())
        if len(self.heard) <= 5:
            raise StoreUnavailable("away")
        return True


def test_a_step_says_that_it_lives_as_soon_as_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise housekeeping, back at the same moment, would take it for dead and pay for it again."""
    monkeypatch.setattr(leases, "_SOON", 0.02)
    tasks = Away()
    keeper = LeaseKeeper(tasks=cast("Any", tasks), lease_seconds=3 * EVERY, longest=60)
    with keeper.keeping(RUN, "step", "owner"):
        until(lambda: len(tasks.heard) == 7, "six tries and one in peace")
    keeper.close()
    assert tasks.heard[5] - tasks.heard[0] < EVERY
    assert tasks.heard[6] - tasks.heard[5] > EVERY / 2


def test_a_step_that_hangs_is_let_go_of() -> None:
    """After the longest a step may take, somebody else may have it."""
    tasks = Away()
    keeper = LeaseKeeper(tasks=cast("Any", tasks), lease_seconds=0.06, longest=0.2)
    with capture_logs() as events, keeper.keeping(RUN, "step", "owner"):
        until(lambda: "step hangs, its lease is left to end" in [event["event"] for event in events], "the end")
    keeper.close()
    assert tasks.heard
