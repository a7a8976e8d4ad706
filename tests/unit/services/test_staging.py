"""What Redis's errors mean."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.services.staging import redis_translated


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (RedisConnectionError("host a"), StoreUnavailable),
        (RedisTimeoutError("host a"), StoreUnavailable),
        (ResponseError("OOM command not allowed"), StoreRefused),
    ],
)
def test_every_error_is_named(error: Exception, trouble: type[Exception]) -> None:
    """One that may pass is worth another try."""
    with pytest.raises(trouble, match=r"^the staging store "), redis_translated():
        raise error
