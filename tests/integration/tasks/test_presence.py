"""A worker that dies is missed at once; one that is frozen, or away from the broker, is waited for."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from concept_worker.devstack import PREFIX, Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.models import TaskRow, TaskStatus
from tests.chaos.database import fetch
from tests.chaos.proxy import Proxy
from tests.conftest import StartSystem, System
from tests.integration.tasks.runs import look, open_door
from tests.waiting import until

BRIEF: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
LEASE, SLOW = "60", 12.0  # seconds: the default, and a call that is still under way when the others have judged


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """A paid provider that counts, and does not know a request again."""
    with FakeProvider(FakeProviderOptions(cache=False)) as fake:
        yield fake


def images(provider: FakeProvider) -> int:
    """How many pictures were asked for."""
    return sum(call.endpoint == "image" for call in provider.calls)


def settings(provider: FakeProvider, broker: str = "") -> dict[str, str]:
    """Of a worker with the default lease."""
    known = {"JIGSAWSTACK_API_KEY": provider.api_key, "JIGSAWSTACK_API_URL": provider.url}
    places = {"REDIS_URL": broker, "CONCEPT_RESULT_URL": broker} if broker else {}
    return {**known, **places, "CONCEPT_LEASE_SECONDS": LEASE}


def pair(start_system: StartSystem, provider: FakeProvider) -> tuple[System, System]:
    """Two workers on one broker."""
    first = start_system(**settings(provider))
    return first, start_system(**settings(provider, first.settings.redis_url))


def begun(first: System, provider: FakeProvider, stack: Stack, user_id: UUID) -> tuple[TaskRow, str]:
    """A run whose paid call is slow, and the process that has it in hand."""
    row = first.client.generate(user_id=user_id, **BRIEF)
    until(lambda: images(provider) == 1, "the call")
    statement = "select owner from public.task_steps where task_id = $1 and step = 'generate_base_image'"
    process = str(fetch(stack.environment["DATABASE_URL"], statement, row.id)[0]["owner"]).partition(":")[0]
    seen = "select 1 from public.worker_presence where process = $1"
    until(lambda: fetch(stack.environment["DATABASE_URL"], seen, process), "its process to show itself")
    return row, process


@pytest.fixture(autouse=True)
def slow(provider: FakeProvider, stack: Stack) -> None:
    """The first picture takes its time."""
    provider.reset()
    open_door(stack)
    provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, times=1, seconds=SLOW))


def completed(system: System, row: TaskRow) -> TaskRow:
    """The row, completed long before a lease would have ended."""
    until(lambda: look(system, row).status.is_terminal, "the row to end", 40)
    last = look(system, row)
    assert last.status is TaskStatus.COMPLETED, last.error_message
    return last


def shown(system: System) -> dict[str, int]:
    """The processes of a worker by their names on the broker: their ids here."""
    lines = [json.loads(line) for line in system.worker.logs().splitlines() if '"presence is shown"' in line]
    return {line["process"]: line["pid"] for line in lines}


def apart(first: System, second: System, process: str) -> tuple[System, System]:
    """The worker of this process, and the other one."""
    return (first, second) if process in shown(first) else (second, first)


def test_the_steps_of_a_killed_worker_go_on_at_once(
    start_system: StartSystem, provider: FakeProvider, stack: Stack, user_id: UUID
) -> None:
    """No beat, no lease: the other worker misses it, and asks for housekeeping."""
    first, second = pair(start_system, provider)
    row, process = begun(first, provider, stack, user_id)
    mine, other = apart(first, second, process)
    mine.worker.kill("SIGKILL")
    last = completed(other, row)
    assert (last.run, images(provider)) == (2, 2)
    assert "process lost, its steps are taken over" in other.worker.logs()


def test_a_frozen_worker_is_waited_for(
    start_system: StartSystem, provider: FakeProvider, stack: Stack, user_id: UUID
) -> None:
    """It is silent in the database, but its connection to the broker stands: it goes on in the same run."""
    first, second = pair(start_system, provider)
    row, process = begun(first, provider, stack, user_id)
    mine, other = apart(first, second, process)
    silent = "select 1 from public.worker_presence where process = $1 and seen_at < now() - interval '6 seconds'"
    mine.worker.kill("SIGSTOP")
    try:
        until(lambda: fetch(stack.environment["DATABASE_URL"], silent, process), "six silent seconds")
    finally:
        mine.worker.kill("SIGCONT")
    last = completed(other, row)
    assert (last.run, images(provider)) == (1, 1)


def test_a_worker_that_lost_the_broker_is_waited_for(
    start_system: StartSystem, provider: FakeProvider, stack: Stack, brokers: Iterator[str], user_id: UUID
) -> None:
    """Its connections are cut and no new one comes about; it shows itself in the database."""
    broker = next(brokers)
    with Proxy(stack.ports.valkey) as proxy:
        far = broker.replace(f":{stack.ports.valkey}", f":{proxy.port}")
        first = start_system(**settings(provider, far))
        row, process = begun(first, provider, stack, user_id)
        second = start_system(**settings(provider, broker))
        proxy.replace(b"")
        with closing(Redis.from_url(broker)) as redis:
            channel = f"{PREFIX}concept-worker:presence:{process}"
            until(lambda: not dict(redis.pubsub_numsub(channel))[channel.encode()], "the broker to have lost it")
        until(lambda: "a missing process lives" in second.worker.logs(), "the other to have asked")
        proxy.replace(None)
        last = completed(second, row)
    assert (last.run, images(provider)) == (1, 1)


def test_the_steps_of_a_killed_child_go_on_at_once(
    start_system: StartSystem, provider: FakeProvider, stack: Stack, user_id: UUID
) -> None:
    """A prefork child is a process of its own."""
    system = start_system("--pool", "prefork", "--concurrency", "2", **settings(provider))
    row, process = begun(system, provider, stack, user_id)
    os.kill(shown(system)[process], signal.SIGKILL)
    last = completed(system, row)
    assert (last.run, images(provider)) == (2, 2)
