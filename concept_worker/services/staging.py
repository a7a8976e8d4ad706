"""Staging on Redis: bytes between two steps, sealed, within a budget, under a prefix of its own, for a limited time.

A staging key `{task id}:{name}` has three Redis keys: the bytes, their seal, and the reserved room. An index (a set)
names all staging keys, so that housekeeping and the budget need not scan a database that other programs fill.
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
_TIMEOUT = 10.0  # seconds per command
_PAGE = 1000  # keys per call of a scan
_BUDGET_SECONDS = 60.0  # how long Redis's `maxmemory` is cached

# Reserve room for one key. The script measures what is staged; a stored sum would drift when keys are deleted.
# KEYS: index. ARGV: prefix, staging key, bytes, milliseconds, budget in bytes (0: none). Returns 1, or 0: no room.
# A reservation without an expiry, or with a late one, is not ours and is deleted. A run that has staged its original
# gets room for its picture beyond the budget, one run at a time: otherwise originals could fill the budget, and each
# run would wait for the others.
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
    """A set of limits for what staging may use of its Redis."""

    budget: int = 0  # bytes staged in all; 0: half of Redis's `maxmemory`, where it is set and readable
    picture: int = 20_000_000  # bytes reserved for one picture
    reserve_seconds: float = 360.0  # a reservation expires after this
    largest: int = 80_000_000  # bytes read at most; a larger value is not ours


def staging_key(task_id: UUID, name: StagedName) -> str:
    """Return the key of what is staged for a task; housekeeping reads the task id from it."""
    return f"{task_id}:{name.value}"


class RedisStaging:
    def __init__(
        self,
        redis: Redis,
        seconds: int,
        *,
        prefix: str = "",
        sealer: Sealer | None = None,
        limits: StagingLimits | None = None,
    ) -> None:
        self._redis = redis
        self._prefix, self._index = f"{prefix}{_PREFIX}", f"{prefix}{_INDEX}"
        self._seconds = seconds
        self._sealer = sealer or Sealer(token_bytes())  # without a secret, an instance finds only its own bytes
        self._limits = limits or StagingLimits()
        self._reserve = redis.register_script(_RESERVE)
        self._half, self._half_until = 0, 0.0

    @classmethod
    def connect(
        cls,
        url: str,
        seconds: int,
        *,
        prefix: str = "",
        sealer: Sealer | None = None,
        limits: StagingLimits | None = None,
    ) -> RedisStaging:
        """Return the staging at `url`, in names with the prefix. It connects on first use; threads may share it."""
        redis = connect_redis(url, seconds=_TIMEOUT)
        return cls(redis, seconds, prefix=prefix, sealer=sealer, limits=limits)

    def store(self, key: str, content: bytes, state: SealedAs = SealedAs.ARRIVED) -> None:
        seal = self._sealer.seal(key, content, state)

        def write() -> None:
            with self._redis.pipeline(transaction=True) as together:
                together.set(self._redis_key(key), content, ex=self._seconds)
                together.set(self._redis_key(key, _SEAL), seal, ex=self._seconds)
                together.delete(self._redis_key(key, _ROOM))
                together.sadd(self._index, _encoded(key))
                together.execute()

        self._with_index(write)

    def load(self, key: str) -> bytes | None:
        return self._read(self._redis_key(key), self._limits.largest)

    def find(self, key: str, *states: SealedAs) -> bytes | None:
        content = self.load(key)
        if content is None:
            return None
        seal = self._read(self._redis_key(key, _SEAL), 64) or b""
        if any(self._sealer.holds(seal, key, content, state) for state in states or SealedAs):
            return content
        if not any(self._sealer.holds(seal, key, content, state) for state in SealedAs):
            log.error("staged bytes without our seal ignored", name=key.rpartition(":")[2])
        return None

    def reserve(self, key: str) -> None:
        milliseconds = round(self._limits.reserve_seconds * 1000)
        arguments: list[str | int] = [self._prefix, key, self._limits.picture, milliseconds, self._budget()]
        try:
            is_reserved = self._with_index(lambda: self._reserve(keys=[self._index], args=arguments))
        except RedisFull as exc:
            raise StagingFull("waits for room in staging: its Redis is full") from exc
        if not is_reserved:
            raise StagingFull("waits for room in staging")

    def cancel_reservation(self, key: str) -> None:
        with redis_translated():
            self._redis.delete(self._redis_key(key, _ROOM))

    def remove(self, *keys: str) -> None:
        def delete() -> None:
            with self._redis.pipeline(transaction=True) as together:
                together.delete(*(self._redis_key(key, part) for key in keys for part in ("", _SEAL, _ROOM)))
                together.srem(self._index, *(_encoded(key) for key in keys))
                together.execute()

        if keys:
            self._with_index(delete)

    def remove_own(self, *keys: str) -> int:
        own = [key for key in keys if not self._is_foreign(key)]
        self.remove(*own)
        return len(own)

    def keys(self) -> Sequence[str]:
        return self._with_index(
            lambda: sorted(_decoded(member) for member in self._redis.sscan_iter(self._index, count=_PAGE))
        )

    def older_than(self, seconds: float) -> Sequence[str]:
        with redis_translated():
            keys = [_decoded(key) for key in self._redis.scan_iter(match=f"{self._prefix}*", count=_PAGE)]
            left = [self._redis.ttl(_encoded(key)) for key in keys]
        # We always set an expiry, never a later one: a key without it is not ours and counts as old.
        old = {
            self._staging_key_of(key)
            for key, remaining in zip(keys, left, strict=True)
            if 0 <= remaining < self._seconds - seconds or remaining == -1 or remaining > self._seconds
        }
        return sorted(old)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _with_index(self, call: Callable[[], T]) -> T:
        """Return the result of a call that uses the index; rebuild the index first when it has another type."""
        try:
            with redis_translated():
                return call()
        except StoreRefused as exc:
            if exc.code != WRONG_TYPE:
                raise
        self._delete_wrong_type(self._index)
        with redis_translated():
            for name in self._redis.scan_iter(match=f"{self._prefix}*", count=_PAGE):
                self._redis.sadd(self._index, _encoded(self._staging_key_of(_decoded(name))))
            return call()

    def _is_foreign(self, key: str) -> bool:
        """Return whether another deployment put bytes or a reservation under the key."""
        content = self.load(key)
        if content is None:
            with redis_translated():
                return bool(self._redis.exists(self._redis_key(key, _ROOM)))
        seal = self._read(self._redis_key(key, _SEAL), 64) or b""
        return not any(self._sealer.holds(seal, key, content, state) for state in SealedAs)

    def _read(self, name: bytes, largest: int) -> bytes | None:
        """Return at most `largest` bytes, or None for a missing, empty or larger value or a key of another type."""
        try:
            with redis_translated():
                content = self._redis.getrange(name, 0, largest)
        except StoreRefused as exc:
            if exc.code != WRONG_TYPE:
                raise
            self._delete_wrong_type(name)
            return None
        return content if isinstance(content, bytes) and 0 < len(content) <= largest else None

    def _delete_wrong_type(self, name: bytes | str) -> None:
        """Delete a key of ours that has another type."""
        log.critical("odd key in Redis deleted", key="staging index" if name == self._index else "staging")
        with redis_translated():
            self._redis.delete(name)

    def _budget(self) -> int:
        if self._limits.budget:
            return self._limits.budget
        if time.monotonic() >= self._half_until:
            self._half, self._half_until = self._half_of_memory(), time.monotonic() + _BUDGET_SECONDS
        return self._half

    def _half_of_memory(self) -> int:
        """Return half of Redis's `maxmemory` in bytes; 0 where it is not set or may not be read."""
        try:
            with redis_translated():
                return int(self._redis.info("memory").get("maxmemory", 0)) // 2
        except StoreRefused:
            log.warning("staging has no budget: Redis does not tell its maxmemory; set CONCEPT_STAGING_BUDGET_MB")
            return 0

    def _redis_key(self, key: str, part: str = "") -> bytes:
        return _encoded(f"{self._prefix}{key}{part}")

    def _staging_key_of(self, name: str) -> str:
        return name.removeprefix(self._prefix).removesuffix(_SEAL).removesuffix(_ROOM)


def _encoded(text: str) -> bytes:
    """Encode a key. Ours are ASCII; keys of other programs may hold any bytes."""
    return text.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
