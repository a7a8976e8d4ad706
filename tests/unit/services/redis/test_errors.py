"""What Redis's errors mean."""

from __future__ import annotations

import pytest
from redis.exceptions import (
    ClusterDownError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.services.redis.errors import redis_translated

IN_SCRIPT = "ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -"


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (RedisConnectionError("host a"), StoreUnavailable),
        (RedisTimeoutError("host a"), StoreUnavailable),
        (InvalidResponse("Protocol Error"), StoreUnavailable),
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), StoreUnavailable),
        (ReadOnlyError("You can't write against a read only replica."), StoreUnavailable),
        (TryAgainError("Multiple keys request during rehashing of slot"), StoreUnavailable),
        (ClusterDownError("The cluster is down"), StoreUnavailable),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), StoreUnavailable),
        (ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"), StoreUnavailable),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), StoreUnavailable),
        (ResponseError("BUSY Redis is busy running a script."), StoreUnavailable),
        (ResponseError(f"{IN_SCRIPT}OOM command not allowed when used memory > 'maxmemory'."), StoreUnavailable),
        (NoPermissionError("this user has no permissions to run the 'set' command"), StoreRefused),
        (ResponseError("WRONGTYPE Operation against a key"), StoreRefused),
        (ResponseError("ERR syntax error"), StoreRefused),
    ],
)
def test_every_error_is_named(error: Exception, trouble: type[Exception]) -> None:
    """One that may pass is worth another try: a paid answer is not thrown away for it."""
    with pytest.raises(trouble, match=r"^the staging store "), redis_translated():
        raise error


def test_a_refusal_says_its_code() -> None:
    """A key of another type is mended where it is met."""
    with pytest.raises(StoreRefused) as caught, redis_translated():
        raise ResponseError("Command # 4 (SADD a b) of pipeline caused error: WRONGTYPE Operation against a key")
    assert caught.value.code == "WRONGTYPE"
