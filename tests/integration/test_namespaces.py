"""Two deployments with databases of their own on one database of one broker: neither touches what the other has."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from concept_worker.devstack import Stack
from concept_worker.models import TaskStatus
from concept_worker.routing import Queue
from concept_worker.worker.consumers import consumers
from tests.conftest import StartSystem, System, Systems
from tests.integration.tasks.runs import reconcile, sweep
from tests.waiting import until

BRIEF: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
RUNS = 3


@pytest.fixture(scope="module")
def other_stack(recorded_shapes: None) -> Iterator[Stack]:
    """Another Supabase."""
    folder = Path(tempfile.mkdtemp(prefix="concept-worker-tests-"))
    try:
        with Stack(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def staging_url(brokers: Iterator[str]) -> str:
    """One database for all that both have in Redis, by its user who may do everything there."""
    return next(brokers).replace("//:", "//default:")


@pytest.fixture(scope="module")
def production(start_system: StartSystem, staging_url: str) -> System:
    """The first deployment, with a name of its operator's choice."""
    names = {"REDIS_URL": staging_url, "CONCEPT_RESULT_URL": staging_url, "CONCEPT_STAGING_URL": staging_url}
    return start_system(CONCEPT_NAMESPACE="production", **names)


@pytest.fixture(scope="module")
def staging(
    other_stack: Stack, brokers: Iterator[str], tmp_path_factory: pytest.TempPathFactory, staging_url: str
) -> Iterator[System]:
    """The second."""
    names = {"REDIS_URL": staging_url, "CONCEPT_RESULT_URL": staging_url, "CONCEPT_STAGING_URL": staging_url}
    with Systems(other_stack, brokers, tmp_path_factory).until_the_end() as start:
        yield start(CONCEPT_NAMESPACE="staging", **names)


def test_each_run_stays_at_home(
    production: System, staging: System, other_stack: Stack, user_id: UUID, staging_url: str
) -> None:
    """Runs of both at the same time complete in their first run; no worker sees a message of the other's."""
    theirs = other_stack.create_user()
    rows = [(production, production.client.generate(user_id=user_id, **BRIEF)) for _ in range(RUNS)]
    rows += [(staging, staging.client.generate(user_id=theirs, **BRIEF)) for _ in range(RUNS)]
    for system, row in rows:
        reconcile(system)
        until(lambda s=system, r=row: s.client.get_task(r.id, r.user_id).status.is_terminal, "the run to end")
        found = system.client.get_task(row.id, row.user_id)
        assert (found.status, found.run) == (TaskStatus.COMPLETED, 1)
    for system in (production, staging):
        assert "message of a task without a row here" not in system.worker.logs()
    with Redis.from_url(staging_url) as redis:
        names = {name.decode().partition(":")[0] + ":" for name in redis.scan_iter("*")}
    assert names == {"production:", staging.settings.redis_prefix}


def test_nobody_sweeps_or_asks_next_door(production: System, staging: System, staging_url: str) -> None:
    """Staged bytes of the other, sealed or not, and its workers."""
    strange = f"{staging.settings.redis_prefix}concept-worker:staging:00000000-0000-0000-0000-000000000000:base"
    with Redis.from_url(staging_url) as redis:
        redis.set(strange, b"x")
        sweep(production)
        until(lambda: "housekeeping.sweep" in production.worker.logs(), "the sweep")
        until(lambda: not redis.llen(f"production:{Queue.HOUSEKEEPING.value}"), "the sweep to be taken")
        assert redis.exists(strange) == 1
    asked = [{name for names in consumers(system.app).values() for name in names} for system in (production, staging)]
    assert [len(names) for names in asked] == [1, 1]
    assert asked[0] != asked[1]
