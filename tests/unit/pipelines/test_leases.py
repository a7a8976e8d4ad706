"""Signs of life through an outage of the database."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
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


class Listening:
    """A task service that notes what is put down; the database refuses the first time."""

    def __init__(self) -> None:
        self.put_down: list[str] = []

    def wait_step(self, _: Any, step: str, *__: Any, is_attempt: bool, delay_seconds: float) -> None:
        """Note the step."""
        self.put_down.append(step)
        assert (is_attempt, delay_seconds) == (False, 0.0)
        if len(self.put_down) == 1:
            raise StoreUnavailable("away")


@pytest.mark.parametrize(
    ("end", "is_in_hand"), [(None, False), (StoreUnavailable("away"), False), (SystemExit(), True)]
)
def test_a_step_whose_process_ends_stays_in_hand(end: BaseException | None, is_in_hand: bool) -> None:
    """Whoever ends the process says whether it is handed back; what ended by itself is nobody's to hand back."""
    tasks = Listening()
    keeper = LeaseKeeper(tasks=cast("Any", tasks), lease_seconds=60, longest=60)
    with suppress(StoreUnavailable, SystemExit), keeper.keeping(RUN, "step", "owner"):
        if end is not None:
            raise end
    assert keeper.hand_back() == is_in_hand
    assert tasks.put_down == ["step"] * is_in_hand
    keeper.close()


def test_every_step_in_hand_is_put_down_once() -> None:
    """Also those after one that cannot be; their leases bring that one back."""
    tasks = Listening()
    keeper = LeaseKeeper(tasks=cast("Any", tasks), lease_seconds=60, longest=60)
    steps = [f"step {number}" for number in range(20)]
    with ExitStack() as running:
        for step in steps:
            running.enter_context(keeper.keeping(RUN, step, "owner"))
        assert (keeper.hand_back(), keeper.hand_back()) == (20, 0)
    assert sorted(tasks.put_down) == sorted(steps)
    keeper.close()
