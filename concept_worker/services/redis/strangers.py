"""The other deployments on one Redis: their names, and the messages that wait for their workers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from redis import Redis
from redis.exceptions import NoPermissionError

from concept_worker.redis_address import RedisPlace
from concept_worker.routing import Queue
from concept_worker.services.redis.client import connect_redis

_SECONDS = 3.0  # timeout of each command
_PREFIX = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63}:)?")  # as `Settings.redis_prefix` makes it
_BINDING = "_kombu.binding.concepts"  # every sender and worker of a deployment writes it


def strangers_on(place: RedisPlace) -> Mapping[str, int | str]:
    """Return the prefixes of other deployments in the broker's database, with the number of messages that wait.

    Where our user may not count them, the number is a text.

    Raises:
        RedisError: the names of keys cannot be read.
    """
    with connect_redis(place.url, seconds=_SECONDS) as redis:
        names = (name.decode(errors="replace") for name in redis.scan_iter(f"*{_BINDING}", count=1000, _type="set"))
        prefixes = {name.removesuffix(_BINDING) for name in names} - {place.prefix}
        return {prefix: _waiting(redis, prefix) for prefix in sorted(filter(_PREFIX.fullmatch, prefixes))}


def _waiting(redis: Redis, prefix: str) -> int | str:
    try:
        return sum(int(redis.llen(f"{prefix}{queue.value}")) for queue in Queue)
    except NoPermissionError:
        return "an unknown number"
