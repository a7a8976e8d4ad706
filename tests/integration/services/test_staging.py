"""Staging on a real Valkey: who may put something there, how much, and what odd keys do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from redis import Redis
from structlog.testing import capture_logs

from concept_worker.errors import StagingFull, StoreUnavailable
from concept_worker.models import StagedName
from concept_worker.services.seal import SealedAs, Sealer
from concept_worker.services.staging import RedisStaging, StagingLimits, staging_key
from tests.integration.queue.valkey import Valkey

INDEX = "concept-worker:staging-index"
PREFIX = "concept-worker:staging:"
PICTURE = 100_000
LIMITS = StagingLimits(budget=3 * PICTURE, picture=PICTURE, reserve_seconds=30.0, largest=4 * PICTURE)

Open = Callable[..., RedisStaging]


@pytest.fixture
def redis(brokers: Iterator[str]) -> Iterator[Redis]:
    """A database of this test's own."""
    with Redis.from_url(next(brokers)) as client:
        yield client


@pytest.fixture
def staging(redis: Redis) -> RedisStaging:
    """Staging there, with room for three pictures."""
    return RedisStaging(redis, 3600, sealer=Sealer.derived_from("one"), limits=LIMITS)


def key(name: StagedName = StagedName.BASE) -> str:
    """A key of a task that nobody else has."""
    return staging_key(uuid4(), name)


class TestSeal:
    """Bytes that somebody else put there are not found."""

    def test_other_processes_with_the_secret_find_it(self, redis: Redis, staging: RedisStaging) -> None:
        """And those without do not."""
        mine = key()
        staging.store(mine, b"paid", SealedAs.ARRIVED)
        found = [RedisStaging(redis, 60, sealer=Sealer.derived_from(word)).find(mine) for word in ("one", "two")]
        assert found == [b"paid", None]

    @pytest.mark.parametrize("plant", ["no seal", "nonsense", "of another task", "of other bytes"])
    def test_planted_bytes_are_ignored(self, redis: Redis, staging: RedisStaging, plant: str) -> None:
        """Whatever lies beside them; an alarm says so."""
        theirs, mine = key(), key()
        staging.store(theirs, b"planted" if plant == "of another task" else b"paid", SealedAs.ARRIVED)
        redis.set(f"{PREFIX}{mine}", b"planted")
        if plant == "nonsense":
            redis.set(f"{PREFIX}{mine}:seal", b"\xff\x00" * 32)
        elif plant != "no seal":
            redis.copy(f"{PREFIX}{theirs}:seal", f"{PREFIX}{mine}:seal")
        with capture_logs() as logs:
            assert staging.find(mine) is None
        assert [line["event"] for line in logs] == ["staged bytes without our seal ignored"]
        assert staging.load(mine) == b"planted"  # for those who know the hash

    def test_a_state_is_part_of_the_seal(self, staging: RedisStaging) -> None:
        """What only arrived is not found as clean, and that is no alarm."""
        mine = key()
        staging.store(mine, b"paid", SealedAs.ARRIVED)
        with capture_logs() as logs:
            assert staging.find(mine, SealedAs.CLEAN) is None
        assert logs == []
        staging.store(mine, b"paid", SealedAs.CLEAN)
        assert staging.find(mine, SealedAs.CLEAN) == b"paid"


class TestBudget:
    """Room is reserved before it is paid for."""

    def test_what_waits_and_what_is_reserved_count(self, staging: RedisStaging) -> None:
        """Bytes by their size, reservations as a whole picture."""
        stored, reserved, more = key(), key(), key()
        staging.reserve(stored)
        staging.store(stored, b"x" * (PICTURE // 2), SealedAs.ARRIVED)
        staging.reserve(reserved)
        staging.reserve(key())
        with pytest.raises(StagingFull, match="waits for room in staging"):
            staging.reserve(more)
        staging.remove(reserved)
        staging.reserve(more)

    def test_reserving_twice_is_reserving_once(self, staging: RedisStaging) -> None:
        """A step that comes again has its room."""
        mine = key()
        for _ in range(5):
            staging.reserve(mine)
        staging.reserve(key())
        staging.reserve(key())

    def test_a_reservation_may_be_given_back(self, staging: RedisStaging) -> None:
        """By a call that brought nothing."""
        keys = [key() for _ in range(3)]
        for mine in keys:
            staging.reserve(mine)
        staging.cancel_reservation(keys[0])
        staging.reserve(key())

    def test_one_picture_always_fits(self, redis: Redis) -> None:
        """A budget below one picture would let nobody in."""
        RedisStaging(redis, 60, limits=StagingLimits(budget=1)).reserve(key())

    def test_originals_do_not_wait_for_each_other(self, staging: RedisStaging) -> None:
        """They fill the budget, and each run needs room for its picture: one at a time has it, newcomers do not."""
        tasks = [uuid4() for _ in range(3)]
        for task_id in tasks:
            staging.store(staging_key(task_id, StagedName.ORIGINAL), b"x" * PICTURE, SealedAs.CLEAN)
        first, second = (staging_key(task_id, StagedName.BASE) for task_id in tasks[:2])
        with pytest.raises(StagingFull):
            staging.reserve(key())
        staging.reserve(first)
        with pytest.raises(StagingFull):
            staging.reserve(second)
        staging.store(first, b"x", SealedAs.CLEAN)
        staging.reserve(second)

    @pytest.mark.parametrize("seconds", [None, 86_400])
    def test_room_without_an_end_is_nobodys(self, redis: Redis, staging: RedisStaging, seconds: int | None) -> None:
        """Nor with a far one: it would keep everybody out."""
        for _ in range(9):
            odd = key()
            redis.sadd(INDEX, odd)
            redis.set(f"{PREFIX}{odd}:room", 1, ex=seconds)
        staging.reserve(key())

    def test_half_of_what_redis_may_take(self, redis: Redis) -> None:
        """Where nothing is set, and Redis says."""
        staging = RedisStaging(redis, 60, limits=StagingLimits(picture=PICTURE))
        assert staging._budget() == 0
        redis.config_set("maxmemory", "2gb")
        try:
            assert RedisStaging(redis, 60)._budget() == 2**30
        finally:
            redis.config_set("maxmemory", "0")


class TestAFullRedis:
    """With `noeviction` it refuses: for a while."""

    def test_a_reservation_waits_and_a_store_is_tried_again(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Neither is a failure."""
        with Valkey(tmp_path_factory.mktemp("full")) as server, Redis.from_url(server.address) as redis:
            staging = RedisStaging(redis, 60, limits=LIMITS)
            mine = key()
            staging.reserve(mine)
            redis.config_set("maxmemory", "1")
            with pytest.raises(StagingFull, match="its Redis is full"):
                staging.reserve(key())
            with pytest.raises(StoreUnavailable):
                staging.store(mine, b"paid", SealedAs.ARRIVED)
            staging.remove(mine)


class TestOddKeys:
    """Keys of ours that hold something else stop nobody."""

    @pytest.mark.parametrize("part", ["", ":seal", ":room"])
    def test_a_staging_key_of_another_type(self, redis: Redis, staging: RedisStaging, part: str) -> None:
        """It is not found, and the next store replaces it."""
        mine = key()
        redis.lpush(f"{PREFIX}{mine}{part}", "odd")
        assert staging.find(mine) is None
        staging.reserve(mine)
        staging.store(mine, b"paid", SealedAs.ARRIVED)
        assert staging.find(mine) == b"paid"
        assert list(staging.keys()) == [mine]
        staging.remove(mine)
        assert redis.keys(f"*{mine}*") == []

    def test_another_type_of_a_sibling_is_no_bytes(self, redis: Redis, staging: RedisStaging) -> None:
        """The budget counts what is there."""
        odd = key()
        redis.sadd(INDEX, odd)
        redis.hset(f"{PREFIX}{odd}", "a", "b" * 4 * PICTURE)
        staging.reserve(key())

    @pytest.mark.parametrize("use", ["reserve", "store", "remove", "keys"])
    def test_an_index_of_another_type(self, redis: Redis, staging: RedisStaging, use: str) -> None:
        """It is made anew from what is there; an alarm says so."""
        mine, other = key(), key()
        staging.store(other, b"paid", SealedAs.ARRIVED)
        redis.set(INDEX, "odd")
        with capture_logs() as logs:
            match use:
                case "reserve":
                    staging.reserve(mine)
                case "store":
                    staging.store(mine, b"paid", SealedAs.ARRIVED)
                case "remove":
                    staging.remove(mine)
        assert set(staging.keys()) == ({mine, other} if use in ("reserve", "store") else {other})
        assert use == "keys" or [line["event"] for line in logs] == ["odd key in Redis deleted"]

    def test_more_than_any_picture(self, redis: Redis, staging: RedisStaging) -> None:
        """It is not read."""
        mine = key()
        redis.set(f"{PREFIX}{mine}", b"x" * (LIMITS.largest + 1))
        assert staging.load(mine) is None

    def test_names_that_are_no_text(self, redis: Redis, staging: RedisStaging) -> None:
        """The sweep finds and removes them."""
        redis.set(PREFIX.encode() + b"\xff\xfe", "odd")
        redis.sadd(INDEX, b"\xff\xfe")
        staging.remove(*staging.older_than(60.0), *staging.keys())
        assert redis.keys("concept-worker:*") == []

    def test_bytes_without_an_end_are_old(self, redis: Redis, staging: RedisStaging) -> None:
        """Ours always have one."""
        endless, far, young = key(), key(), key()
        redis.set(f"{PREFIX}{endless}", "odd")
        redis.set(f"{PREFIX}{far}", "odd", ex=10**9)
        staging.store(young, b"paid", SealedAs.ARRIVED)
        assert set(staging.older_than(60.0)) == {endless, far}
