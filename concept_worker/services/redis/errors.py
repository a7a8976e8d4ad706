"""Translation of Redis's errors, for all code that uses Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    ClusterDownError,
    InvalidResponse,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.redaction import without_text

WRONG_TYPE = "WRONGTYPE"
FULL = "OOM"
# Refusals that pass: memory, a failover, a replica, a disk, a long script. When a script fails, servers before Redis 7
# put the code somewhere inside the text.
PASSING = (
    *(FULL, "READONLY", "LOADING", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "BUSY"),
    "UNBLOCKED",  # a server that becomes a replica ends blocking reads with it
)
_CODE = re.compile(rf"\b({'|'.join((*PASSING, WRONG_TYPE))})\b")

# redis-py removes the code from the text of errors that have their own class.
_CLASSES = {
    OutOfMemoryError: FULL,
    ReadOnlyError: "READONLY",
    TryAgainError: "TRYAGAIN",
    ClusterDownError: "CLUSTERDOWN",  # and MASTERDOWN
}


class RedisFull(StoreUnavailable):
    """An error of a Redis that has used its `maxmemory` and refuses to take more."""


@contextmanager
def redis_translated() -> Iterator[None]:
    """Raise Redis's errors as `StoreUnavailable` or `StoreRefused`; the latter's `code` is Redis's own, where known."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, InvalidResponse) as exc:
        raise without_text(StoreUnavailable("the staging store did not answer"), exc) from None
    except RedisError as exc:
        code = code_of(exc)
        if code in PASSING:
            sentence = "the staging store takes nothing at the moment"
            raise without_text((RedisFull if code == FULL else StoreUnavailable)(sentence), exc) from None
        raise without_text(StoreRefused("the staging store refused the request", code), exc) from None


def code_of(error: RedisError) -> str:
    """Return the error's code if this module knows it, else an empty text."""
    for kind, code in _CLASSES.items():
        if isinstance(error, kind):
            return code
    found = _CODE.search(str(error))
    return found.group() if found else ""
