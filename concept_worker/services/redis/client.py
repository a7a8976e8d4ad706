"""The one way to a Redis of ours, besides Celery's own."""

from __future__ import annotations

from redis import Redis

from concept_worker.redis_address import RedisAddress


def connect_redis(url: str, *, seconds: float) -> Redis:
    """A client for an address as the settings have it; connects on first use and may be shared by threads."""
    address = RedisAddress.parse(url)
    return Redis.from_url(address.url, socket_timeout=seconds, socket_connect_timeout=seconds, **address.tls)
