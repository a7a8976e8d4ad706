"""The one way to connect to our Redis, besides Celery's own."""

from __future__ import annotations

from redis import Redis

from concept_worker.redis_address import RedisAddress


def connect_redis(url: str, *, seconds: float) -> Redis:
    """Return a client for an address from the settings. It connects on first use; threads may share it."""
    address = RedisAddress.parse(url)
    return Redis.from_url(address.url, socket_timeout=seconds, socket_connect_timeout=seconds, **address.tls)
