"""What tests look at in a run: its row, its checkpoints, its objects; and beat's part in it."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from redis import Redis

from concept_worker.devstack import PREFIX, Stack
from concept_worker.models import TaskRow
from concept_worker.routing import Queue, TaskName
from tests.chaos.database import fetch
from tests.conftest import System
from tests.waiting import until


def look(system: System, row: TaskRow) -> TaskRow:
    """The row now."""
    return system.client.get_task(row.id, row.user_id)


def reconcile(system: System) -> None:
    """Ask for stalled rows to go on, as beat would."""
    _ask(system, TaskName.RECONCILE)


def sweep(system: System) -> None:
    """Ask for what nobody refers to to be removed, as beat would."""
    _ask(system, TaskName.SWEEP)


def _ask(system: System, name: TaskName) -> None:
    """Nothing, while housekeeping is asked for already: whoever waits asks often."""
    with Redis.from_url(system.settings.redis_url) as broker:
        if not broker.llen(f"{PREFIX}{Queue.HOUSEKEEPING.value}"):
            system.app.send_task(name.value, queue=Queue.HOUSEKEEPING.value, expires=10)


def ended(system: System, row: TaskRow) -> TaskRow:
    """The row at its end, with housekeeping at every tenth look."""
    asks = cycle([True] + [False] * 9)

    def is_over() -> bool:
        if next(asks):
            reconcile(system)
        return look(system, row).status.is_terminal

    until(is_over, "the row to end")
    return look(system, row)


def open_door(stack: Stack) -> None:
    """Forget what earlier tests taught the door to the provider."""
    with Redis.from_url(stack.environment["CONCEPT_STAGING_URL"]) as redis:
        for key in redis.scan_iter(f"{PREFIX}concept-worker:gate:*"):
            redis.delete(key)


def steps_of(stack: Stack, row: TaskRow) -> dict[str, dict[str, Any]]:
    """The checkpoints of a row, by step."""
    records = fetch(stack.environment["DATABASE_URL"], "select * from public.task_steps where task_id = $1", row.id)
    return {record["step"]: record for record in records}


def objects_of(stack: Stack, row: TaskRow) -> int:
    """How many objects lie under a task."""
    statement = "select 1 from storage.objects where name like $1"
    return len(fetch(stack.environment["DATABASE_URL"], statement, f"{row.user_id}/{row.id}/%"))


def staged_of(stack: Stack, row: TaskRow) -> list[bytes]:
    """The keys of what waits in staging for a task."""
    with Redis.from_url(stack.environment["CONCEPT_STAGING_URL"]) as redis:
        return list(redis.scan_iter(f"*:{row.id}:*"))
