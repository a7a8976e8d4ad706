"""Staging on Redis: image bytes between two steps, under a key prefix of its own, gone after a limited time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.models import StagedName

_PREFIX = "concept-worker:staging:"
_TIMEOUT = 10.0  # seconds, each command


def staging_key(task_id: UUID, name: StagedName) -> str:
    """Under which something waits for a task; the sweep reads the task from it."""
    return f"{task_id}:{name.value}"


class RedisStaging:
    def __init__(self, redis: Redis, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds

    @classmethod
    def connect(cls, url: str, seconds: int) -> RedisStaging:
        """Staging at `url`; connects on first use and may be shared by threads."""
        return cls(Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT), seconds)

    def store(self, key: str, content: bytes) -> None:
        with redis_translated():
            self._redis.set(_PREFIX + key, content, ex=self._seconds)

    def load(self, key: str) -> bytes | None:
        with redis_translated():
            content = self._redis.get(_PREFIX + key)
        return content if isinstance(content, bytes) else None

    def remove(self, *keys: str) -> None:
        with redis_translated():
            self._redis.delete(*(_PREFIX + key for key in keys))

    def older_than(self, seconds: float) -> Sequence[str]:
        with redis_translated():
            keys = [key.decode() for key in self._redis.scan_iter(match=f"{_PREFIX}*", count=1000)]
            left = [self._redis.ttl(key) for key in keys]
        return [
            key.removeprefix(_PREFIX)
            for key, remaining in zip(keys, left, strict=True)
            if 0 <= remaining < self._seconds - seconds
        ]

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


@contextmanager
def redis_translated() -> Iterator[None]:
    """What Redis throws leaves as `StoreUnavailable` or `StoreRefused`."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError) as exc:
        raise StoreUnavailable("the staging store did not answer") from exc
    except RedisError as exc:
        raise StoreRefused("the staging store refused the request") from exc
