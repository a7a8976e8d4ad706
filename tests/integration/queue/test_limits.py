"""A step of the images queue that hangs in pixels, in the whole product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from redis import Redis

from concept_worker.devstack import Stack
from concept_worker.models import TaskRow, TaskStatus
from concept_worker.routing import Queue, TaskName
from tests.conftest import StartSystem, System
from tests.integration.conftest import end_open_rows
from tests.integration.queue.overrides import CHANGES, REPORTS
from tests.waiting import until

BRIEF: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}


class Hanging:
    """The product's workers with two children each, whose pictures hang when told, and have 2.5 s a step. They do not
    stop in order, so they are killed."""

    def __init__(self, start_system: StartSystem, stack: Stack) -> None:
        self._start, self._stack = start_system, stack
        self._systems: list[System] = []
        self.redis = Redis.from_url(stack.environment["CONCEPT_STAGING_URL"], decode_responses=True)

    def system(self, **changes: Any) -> System:
        """A worker on changed queue settings."""
        told = {REPORTS: self._stack.environment["CONCEPT_STAGING_URL"], CHANGES: json.dumps(changes)}
        system = self._start(
            *("--pool", "prefork", "--concurrency", "2"),
            app="tests.integration.queue.images",
            CONCEPT_STEP_SECONDS="2.5",
            CONCEPT_LEASE_SECONDS="1",
            CONCEPT_MAX_INTERRUPTIONS="2",
            **told,
        )
        self._systems.append(system)
        return system

    def run(self, system: System, *, times: int) -> TaskRow:
        """A run whose pictures hang so many times."""
        user_id = self._stack.create_user()
        self.redis.rpush(f"hang:{user_id}", *["hang"] * times)
        return system.client.generate(user_id=user_id, **BRIEF)

    def child(self, row: TaskRow) -> int:
        """The process that this run's pictures hung in first."""
        first = until(lambda: self.redis.lindex(f"hung:{row.user_id}", 0), "the pictures to hang")
        return int(str(first))

    def close(self) -> None:
        """The end of all of them."""
        for system in self._systems:
            system.worker.container.vanish()
        self.redis.close()


@pytest.fixture
def hanging(start_system: StartSystem, stack: Stack) -> Iterator[Hanging]:
    """Workers that hang."""
    end_open_rows(stack)
    workers = Hanging(start_system, stack)
    yield workers
    workers.close()


def look(system: System, row: TaskRow) -> TaskRow:
    """The row now."""
    return system.client.get_task(row.id, row.user_id)


def test_a_step_that_hangs_in_pixels_is_killed(hanging: Hanging) -> None:
    """The hard `time_limit`: its child is replaced, and its run goes on or is given up. Without a limit the run goes on
    elsewhere, and the child is lost to the worker. A soft limit calls it a failure, without a second try."""
    ours = hanging.system()
    unlimited = hanging.system(task_annotations=None)
    soft = hanging.system(task_annotations={TaskName.CREATE_VARIATIONS.value: {"soft_time_limit": 1}})
    once, always = hanging.run(ours, times=1), hanging.run(ours, times=100)
    elsewhere, failing = hanging.run(unlimited, times=1), hanging.run(soft, times=1)
    until(lambda: look(soft, failing).status.is_terminal, "the soft limit")
    failed = look(soft, failing)
    assert (failed.status, failed.run) == (TaskStatus.FAILED, 1)
    children = [hanging.child(row) for row in (once, always, elsewhere)]

    def are_over() -> bool:
        ours.app.send_task(TaskName.RECONCILE.value, queue=Queue.HOUSEKEEPING.value, expires=10)
        return all(look(ours, row).status.is_terminal for row in (once, always, elsewhere))

    until(are_over, "the runs to end")
    ended, given_up = look(ours, once), look(ours, always)
    assert (ended.status, ended.run) == (TaskStatus.COMPLETED, 2)
    assert given_up.status is TaskStatus.FAILED
    assert "was interrupted 2 times and was given up" in str(given_up.error_message)
    assert [psutil.pid_exists(child) for child in children] == [False, False, True]
