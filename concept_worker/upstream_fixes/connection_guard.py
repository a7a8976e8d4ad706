"""A guard against a known fault of kombu 5.7.0, for workers and for producers."""

from __future__ import annotations

from typing import Any

from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as RedisConnectionError


def connection_parameters(channel: Channel, asynchronous: bool = False) -> Any:
    """Replace `Channel._connparams`: raise a connection error where kombu 5.7.0 raises an AttributeError.

    A worker with late-acknowledged messages returns them when the broker is lost, over a channel whose connection is
    already closed. The AttributeError would end the worker; a connection error makes the worker reconnect. A producer
    that publishes over such a channel would get the AttributeError; a connection error makes the producer retry.

    Raises:
        ConnectionError: redis-py's; the channel's connection is closed.
    """
    if getattr(channel.connection, "client", None) is None:
        raise RedisConnectionError("the broker connection is gone")
    return original(channel, asynchronous)


def install() -> None:
    """Install the guard in this process; installing twice is installing once."""
    Channel._connparams = connection_parameters  # type: ignore[attr-defined]  # the stubs leave it out


original = Channel._connparams  # type: ignore[attr-defined]
