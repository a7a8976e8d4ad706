"""What `doctor` says of workers and of Redis: never well without having asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from redis import Redis

from concept_worker.cli import doctor
from concept_worker.cli.findings import Finding
from concept_worker.cli.redis_care import care_of, strangers_of
from concept_worker.routing import Queue
from concept_worker.settings import Provider, Settings
from concept_worker.worker.consumers import consumers
from tests.conftest import StartSystem
from tests.integration.queue.valkey import Valkey
from tests.waiting import until


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Redis of this test's own."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


def look(server: Valkey, broker: int = 0, results: int = 1, staging: int = 2, budget: int = 100) -> list[Finding]:
    """What is said of databases on that server."""
    return list(
        care_of(
            Settings(
                redis_url=f"{server.address}/{broker}",
                result_url=f"{server.address}/{results}",
                staging_url=f"{server.address}/{staging}",
                staging_budget_mb=budget,
            )
        )
    )


def test_a_good_server_is_well(server: Valkey) -> None:
    """Databases apart, noeviction, appendonly, a budget."""
    assert look(server) == [Finding("Redis of broker, results, staging", True, "noeviction, appendonly")]


@pytest.mark.parametrize(
    ("databases", "what", "setting"),
    [
        ({"results": 0}, "broker and results", "CONCEPT_RESULT_URL"),
        ({"staging": 0}, "broker and staging", "CONCEPT_STAGING_URL"),
        ({"staging": 1}, "results and staging", "CONCEPT_STAGING_URL"),
    ],
)
def test_databases_that_are_shared(server: Valkey, databases: dict[str, int], what: str, setting: str) -> None:
    """It works, and it is said with its mend; a password is not."""
    (warning,) = [finding for finding in look(server, **databases) if finding.warns]
    assert (warning.what, warning.is_well, setting in warning.says) == (what, True, True)
    assert "queue-tests" not in warning.says


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy is allkeys-lru"),
        ("appendonly", "no", "persistence is off"),
    ],
)
def test_settings_that_lose_messages(server: Valkey, setting: str, value: str, says: str) -> None:
    """One warning each."""
    with Redis.from_url(server.address) as redis:
        redis.config_set(setting, value)
    assert [(finding.warns, says in finding.says) for finding in look(server)] == [(True, True)]


def test_snapshots_are_less_than_appendonly(server: Valkey) -> None:
    """And more than nothing."""
    with Redis.from_url(server.address) as redis:
        redis.config_set("appendonly", "no")
        redis.config_set("save", "60 1")
    assert ["since the last snapshot" in finding.says for finding in look(server)] == [True]


def test_staging_without_a_budget(server: Valkey) -> None:
    """Neither set, nor read from the server."""
    assert ["staging has no budget" in finding.says for finding in look(server, budget=0)] == [True]
    with Redis.from_url(server.address) as redis:
        redis.config_set("maxmemory", "1gb")
    assert [finding.warns for finding in look(server, budget=0)] == [False]


def test_what_may_not_be_asked_is_not_well(server: Valkey) -> None:
    """A user of few rights."""
    with Redis.from_url(server.address) as redis:
        redis.acl_setuser("scoped", enabled=True, passwords=["+x"], commands=["+@all", "-info", "-config"], keys=["*"])
    address = server.address.replace("redis://:queue-tests@", "redis://scoped:x@")
    found = list(care_of(Settings(redis_url=f"{address}/0", result_url=f"{address}/1", staging_url=f"{address}/2")))
    assert len(found) == 3
    assert all(finding.warns for finding in found)


def test_other_deployments_are_named(server: Valkey) -> None:
    """With what waits there: it may be this project under another name."""
    settings = Settings(redis_url=server.address, namespace="ours")
    assert list(strangers_of(settings)) == [Finding("namespace", True, "ours")]
    with Redis.from_url(server.address) as redis:
        for prefix in ("ours:", "theirs:", "", "no name of ours:"):
            redis.sadd(f"{prefix}_kombu.binding.concepts", "concepts")
        redis.lpush("theirs:concepts", "a", "b")
        redis.lpush("images", "a")
    (warning,) = strangers_of(settings)
    assert (warning.what, warning.is_well, warning.warns) == ("namespace", True, True)
    assert "ours; other deployments on this Redis: none (1 waiting), theirs (2 waiting); if one" in warning.says


def test_other_deployments_whose_messages_may_not_be_counted(server: Valkey) -> None:
    """A user with the rights of one namespace sees names, no more; without SCAN, nothing, and it is said."""
    with Redis.from_url(server.address) as redis:
        redis.sadd("theirs:_kombu.binding.concepts", "concepts")
        redis.acl_setuser("scoped", enabled=True, passwords=["+x"], commands=["+@all"], keys=["ours:*"])
    address = server.address.replace("redis://:queue-tests@", "redis://scoped:x@")
    settings = Settings(redis_url=address, namespace="ours")
    assert ["theirs (an unknown number waiting)" in finding.says for finding in strangers_of(settings)] == [True]
    with Redis.from_url(server.address) as redis:
        redis.acl_setuser("scoped", enabled=True, commands=["-scan"])
    (warning,) = strangers_of(settings)
    assert (warning.is_well, warning.warns, "may not look" in warning.says) == (True, True, True)


def test_a_server_that_is_away(server: Valkey) -> None:
    """The look at it says so already."""
    server.kill()
    assert look(server) == []
    assert list(strangers_of(Settings(redis_url=server.address))) == []
    server.start()


def test_workers_are_well_when_each_queue_is_consumed(
    start_system: StartSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose consumer was canceled consumes nothing."""
    system = start_system()
    monkeypatch.setattr("concept_worker.celery.app", system.app)
    finding = until(
        lambda: [f for f in [doctor._workers(system.settings, broker_is_well=True)] if f.is_well], "all queues"
    )[0]
    assert "images: " in finding.says
    system.app.control.cancel_consumer(Queue.IMAGES.value)
    until(lambda: not consumers(system.app)[Queue.IMAGES], "the consumer to be gone")
    finding = doctor._workers(system.settings, broker_is_well=True)
    assert (finding.is_well, "nobody consumes images" in finding.says) == (False, True)
    system.app.control.add_consumer(Queue.IMAGES.value)
    until(lambda: doctor._workers(system.settings, broker_is_well=True).is_well, "the consumer to be back")


def test_workers_that_cannot_be_asked() -> None:
    """With remote control off."""
    finding = doctor._workers(Settings(remote_control=False), broker_is_well=True)
    assert (finding.is_well, finding.warns) == (True, True)


def test_a_provider_without_its_key(server: Valkey) -> None:
    """Named with its setting before a row fails on it; nobody is asked."""
    settings = Settings(redis_url=server.address, provider=(Provider.RUNWARE,), runware_api_key=SecretStr(""))
    (finding,) = doctor._provider(settings)
    assert (finding.is_well, "RUNWARE_API_KEY" in finding.says) == (False, True)
