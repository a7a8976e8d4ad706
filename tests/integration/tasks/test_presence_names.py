"""Names of processes on the broker that another program wrote: presence goes on, and asks about ours alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import pytest
from redis import Redis

from concept_worker.redis_address import RedisPlace
from concept_worker.worker.presence import Presence
from tests.waiting import until

KEY = "concept-worker:presence"


class Asked:
    """A task service that notes the processes that it is asked about; all of them are dead, with nothing in hand."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def end_lost_leases(self, process: str, _: float) -> int:
        """Note the name."""
        self.names.append(process)
        return 0


@pytest.fixture
def broker(brokers: Iterator[str]) -> Iterator[tuple[str, Redis]]:
    """A database of the broker that no worker reads."""
    address = next(brokers)
    with Redis.from_url(address, decode_responses=True, encoding_errors="replace") as redis:
        yield address, redis


def test_names_that_are_none_are_asked_about_by_nobody(broker: tuple[str, Redis]) -> None:
    """Each would be a request every second; one of a dead process is asked about once, and forgotten."""
    address, redis = broker
    mine, dead, odd = uuid4().hex, uuid4().hex, [b"\xff\xfe", b"*", b"", b"x" * 5_000]
    redis.sadd(KEY, dead, *odd)
    tasks = Asked()
    place = RedisPlace("broker", "REDIS_URL", address)
    presence = Presence(cast("Any", None), place, cast("Any", tasks), process=mine, seconds=0.02)
    presence.start()
    until(lambda: not redis.sismember(KEY, dead), "the dead one to be forgotten")
    looks = redis.info("commandstats")["cmdstat_smembers"]["calls"] + 5
    until(lambda: redis.info("commandstats")["cmdstat_smembers"]["calls"] > looks, "some more looks")
    presence.stop()
    assert tasks.names == [dead]
    assert not redis.sismember(KEY, mine)


def test_a_set_that_is_none_is_made_again(broker: tuple[str, Redis]) -> None:
    """Otherwise no process would be missed any more."""
    address, redis = broker
    redis.set(KEY, "odd")
    mine = uuid4().hex
    place = RedisPlace("broker", "REDIS_URL", address)
    presence = Presence(cast("Any", None), place, cast("Any", Asked()), process=mine, seconds=0.02)
    presence.start()
    until(lambda: redis.type(KEY) == "set" and redis.sismember(KEY, mine), "the name to be there")
    presence.stop()
