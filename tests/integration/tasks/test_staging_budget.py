"""Staging and a small Redis: runs wait for room, visibly, and messages still fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from concept_worker.devstack import PREFIX
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.models import RETRY_KEY, TaskStatus
from tests.conftest import StartSystem, System
from tests.integration.queue.valkey import Valkey
from tests.integration.tasks.runs import look, reconcile
from tests.waiting import until

_MEMORY = 64_000_000


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Redis of 64 MB: half of it is room for one picture."""
    with Valkey(tmp_path_factory.mktemp("small")) as valkey, Redis.from_url(valkey.address) as redis:
        redis.config_set("maxmemory", _MEMORY)
        yield valkey


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A provider that may hang."""
    with FakeProvider(FakeProviderOptions()) as fake:
        yield fake


@pytest.fixture
def system(start_system: StartSystem, small: Valkey, provider: FakeProvider) -> System:
    """Everything in that one database."""
    address = f"{small.address}/0"
    return start_system(
        REDIS_URL=address,
        CONCEPT_RESULT_URL=address,
        CONCEPT_STAGING_URL=address,
        JIGSAWSTACK_API_KEY=provider.api_key,
        JIGSAWSTACK_API_URL=provider.url,
        CONCEPT_IMAGE_TIMEOUT_SECONDS="30",
    )


def test_runs_wait_for_room_and_messages_fit(system: System, provider: FakeProvider, user_id: UUID) -> None:
    """One hangs with the only room; the others say so, uncounted, and go on when it is there."""
    provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, times=1, seconds=8.0))
    brief: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
    rows = [system.client.generate(user_id=user_id, **brief) for _ in range(4)]

    def waiting() -> int:
        reasons = [look(system, row).metadata.get(RETRY_KEY, {}).get("reason") for row in rows]
        return reasons.count("waits for room in staging")

    until(lambda: waiting() == 3, "three to wait for room")
    retries = [look(system, row).metadata.get(RETRY_KEY, {}).get("attempt", 0) for row in rows]
    assert set(retries) == {0}
    assert sum(call.endpoint == "image" for call in provider.calls) == 1
    until(lambda: all(look(system, row).status.is_terminal for row in rows), "the ends", seconds=120)
    assert {look(system, row).status for row in rows} == {TaskStatus.COMPLETED}


def test_failed_runs_fill_nothing(system: System, provider: FakeProvider, small: Valkey, user_id: UUID) -> None:
    """However many: their bytes go with them."""
    provider.faults.add(Fault(endpoint="image", kind=FaultKind.TRUNCATED))
    brief: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
    rows = [system.client.generate(user_id=user_id, **brief) for _ in range(10)]
    until(lambda: all(look(system, row).status is TaskStatus.FAILED for row in rows), "the failures", seconds=120)
    reconcile(system)
    with Redis.from_url(small.address) as redis:
        until(lambda: not list(redis.scan_iter(f"{PREFIX}concept-worker:staging*")), "nothing to be staged")
        assert redis.info("memory")["used_memory"] < _MEMORY / 2
