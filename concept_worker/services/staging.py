"""Staging on Redis: bytes between two steps, sealed, within a budget, under a prefix of its own, for a limited time.

A staging key `{task id}:{name}` stands for three Redis keys: the bytes, their seal, and room for bytes to come.
An index (a set) names all staging keys, so that housekeeping and the budget need no scan of a database others fill.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import TypeVar
from uuid import UUID

from redis import Redis

from concept_worker.errors import StagingFull, StoreRefused
from concept_worker.logging import get_logger
from concept_worker.models import StagedName
from concept_worker.services.redis.client import connect_redis
from concept_worker.services.redis.errors import WRONG_TYPE, RedisFull, redis_translated
from concept_worker.services.seal import SealedAs, Sealer

log = get_logger(__name__)

T = TypeVar("T")

_PREFIX = "concept-worker:staging:"
_INDEX = "concept-worker:staging-index"
_SEAL, _ROOM = ":seal", ":room"
_TIMEOUT = 10.0  # seconds, each command
_PAGE = 1000  # keys a scan asks for at once
_BUDGET_SECONDS = 60.0  # how long a look at Redis's `maxmemory` counts

# Reserve room for one key. What is staged is measured, not booked: the sum cannot drift, whoever removes keys.
# KEYS: index. ARGV: prefix, staging key, bytes, milliseconds, budget in bytes (0: none). Returns 1, or 0: no room.
# Room without an end, or with a far one, is nobody's. A run that holds its original gets room for its picture beyond
# the budget, one at a time: else originals could fill it, and each wait for the others.
_RESERVE = """
local prefix, own, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3])
local milliseconds, budget, used = tonumber(ARGV[4]), tonumber(ARGV[5]), 0
local task, holds, reserved = string.match(own, '^[^:]*'), false, false
if budget > 0 then
    for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
        if member ~= own then
            local waiting = redis.pcall('STRLEN', prefix .. member)
            if type(waiting) ~= 'number' then waiting = 0 end
            local left = redis.call('PTTL', prefix .. member .. ':room')
            if left == -1 or left > 4 * milliseconds then
                redis.call('DEL', prefix .. member .. ':room')
            elseif left > 0 then
                waiting, reserved = math.max(waiting, bytes), true
            end
            holds = holds or (waiting > 0 and string.sub(member, 1, #task) == task)
            used = used + waiting
        end
    end
    if used > 0 and used + bytes > budget and (reserved or not holds) then return 0 end
end
redis.call('SADD', KEYS[1], own)
redis.call('SET', prefix .. own .. ':room', bytes, 'PX', milliseconds)
return 1
"""


@dataclass(frozen=True)
class StagingLimits:
    """What staging may take of its Redis."""

    budget: int = 0  # bytes of all that waits; 0: half of Redis's `maxmemory`, where one is set and may be read
    picture: int = 20_000_000  # bytes, room that is reserved for one
    reserve_seconds: float = 360.0  # life of room that nobody fills
    largest: int = 80_000_000  # bytes read back at most; more under a staging key is not ours


def staging_key(task_id: UUID, name: StagedName) -> str:
    """The key of what waits for a task; housekeeping reads the task from it."""
    return f"{task_id}:{name.value}"


class RedisStaging:
    def __init__(
        self, redis: Redis, seconds: int, *, sealer: Sealer | None = None, limits: StagingLimits | None = None
    ) -> None:
        self._redis = redis
        self._seconds = seconds
        self._sealer = sealer or Sealer(token_bytes())  # without a secret, only this instance finds its own
        self._limits = limits or StagingLimits()
        self._reserve = redis.register_script(_RESERVE)
        self._half, self._half_until = 0, 0.0

    @classmethod
    def connect(
        cls, url: str, seconds: int, *, sealer: Sealer | None = None, limits: StagingLimits | None = None
    ) -> RedisStaging:
        """Staging at `url`; connects on first use and may be shared by threads."""
        redis = connect_redis(url, seconds=_TIMEOUT)
        return cls(redis, seconds, sealer=sealer, limits=limits)

    def store(self, key: str, content: bytes, state: SealedAs = SealedAs.ARRIVED) -> None:
        seal = self._sealer.seal(key, content, state)

        def write() -> None:
            with self._redis.pipeline(transaction=True) as together:
                together.set(_raw(key), content, ex=self._seconds)
                together.set(_raw(key, _SEAL), seal, ex=self._seconds)
                together.delete(_raw(key, _ROOM))
                together.sadd(_INDEX, _encoded(key))
                together.execute()

        self._with_index(write)

    def load(self, key: str) -> bytes | None:
        return self._read(_raw(key), self._limits.largest)

    def find(self, key: str, *states: SealedAs) -> bytes | None:
        content = self.load(key)
        if content is None:
            return None
        seal = self._read(_raw(key, _SEAL), 64) or b""
        if any(self._sealer.holds(seal, key, content, state) for state in states or SealedAs):
            return content
        if not any(self._sealer.holds(seal, key, content, state) for state in SealedAs):
            log.error("staged bytes without our seal ignored", name=key.rpartition(":")[2])
        return None

    def reserve(self, key: str) -> None:
        milliseconds = round(self._limits.reserve_seconds * 1000)
        arguments: list[str | int] = [_PREFIX, key, self._limits.picture, milliseconds, self._budget()]
        try:
            is_reserved = self._with_index(lambda: self._reserve(keys=[_INDEX], args=arguments))
        except RedisFull as exc:
            raise StagingFull("waits for room in staging: its Redis is full") from exc
        if not is_reserved:
            raise StagingFull("waits for room in staging")

    def cancel_reservation(self, key: str) -> None:
        with redis_translated():
            self._redis.delete(_raw(key, _ROOM))

    def remove(self, *keys: str) -> None:
        def delete() -> None:
            with self._redis.pipeline(transaction=True) as together:
                together.delete(*(_raw(key, part) for key in keys for part in ("", _SEAL, _ROOM)))
                together.srem(_INDEX, *(_encoded(key) for key in keys))
                together.execute()

        if keys:
            self._with_index(delete)

    def remove_own(self, *keys: str) -> int:
        own = [key for key in keys if not self._is_others(key)]
        self.remove(*own)
        return len(own)

    def keys(self) -> Sequence[str]:
        return self._with_index(
            lambda: sorted(_decoded(member) for member in self._redis.sscan_iter(_INDEX, count=_PAGE))
        )

    def older_than(self, seconds: float) -> Sequence[str]:
        with redis_translated():
            keys = [_decoded(key) for key in self._redis.scan_iter(match=f"{_PREFIX}*", count=_PAGE)]
            left = [self._redis.ttl(_encoded(key)) for key in keys]
        # We never store without an end, nor with one so far: whatever has none is as old as can be.
        old = {
            _staging_key_of(key)
            for key, remaining in zip(keys, left, strict=True)
            if 0 <= remaining < self._seconds - seconds or remaining == -1 or remaining > self._seconds
        }
        return sorted(old)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _with_index(self, call: Callable[[], T]) -> T:
        """The result of a call that uses the index; an index that somebody replaced is made anew first."""
        try:
            with redis_translated():
                return call()
        except StoreRefused as exc:
            if exc.code != WRONG_TYPE:
                raise
        self._delete_odd(_INDEX)
        with redis_translated():
            for name in self._redis.scan_iter(match=f"{_PREFIX}*", count=_PAGE):
                self._redis.sadd(_INDEX, _encoded(_staging_key_of(_decoded(name))))
            return call()

    def _is_others(self, key: str) -> bool:
        """Return whether bytes or room lie under the key that this deployment did not put there."""
        content = self.load(key)
        if content is None:
            with redis_translated():
                return bool(self._redis.exists(_raw(key, _ROOM)))
        seal = self._read(_raw(key, _SEAL), 64) or b""
        return not any(self._sealer.holds(seal, key, content, state) for state in SealedAs)

    def _read(self, name: bytes, largest: int) -> bytes | None:
        """At most so many bytes; None for a missing, empty or larger value, and for a key of another type."""
        try:
            with redis_translated():
                content = self._redis.getrange(name, 0, largest)
        except StoreRefused as exc:
            if exc.code != WRONG_TYPE:
                raise
            self._delete_odd(name)
            return None
        return content if isinstance(content, bytes) and 0 < len(content) <= largest else None

    def _delete_odd(self, name: bytes | str) -> None:
        """Delete a key of ours that holds another type."""
        log.critical("odd key in Redis deleted", key="staging index" if name == _INDEX else "staging")
        with redis_translated():
            self._redis.delete(name)

    def _budget(self) -> int:
        if self._limits.budget:
            return self._limits.budget
        if time.monotonic() >= self._half_until:
            self._half, self._half_until = self._half_of_memory(), time.monotonic() + _BUDGET_SECONDS
        return self._half

    def _half_of_memory(self) -> int:
        """Half of Redis's `maxmemory` in bytes; 0 where there is none or nobody may ask."""
        try:
            with redis_translated():
                return int(self._redis.info("memory").get("maxmemory", 0)) // 2
        except StoreRefused:
            log.warning("staging has no budget: Redis does not tell its maxmemory; set CONCEPT_STAGING_BUDGET_MB")
            return 0


def _raw(key: str, part: str = "") -> bytes:
    return _encoded(f"{_PREFIX}{key}{part}")


def _staging_key_of(name: str) -> str:
    return name.removeprefix(_PREFIX).removesuffix(_SEAL).removesuffix(_ROOM)


def _encoded(text: str) -> bytes:
    """Any bytes may be in a key that others made; ours are ASCII."""
    return text.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
