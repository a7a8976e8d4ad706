"""A guard against a known fault of kombu 5.7.0, for workers and for producers."""

from __future__ import annotations

from typing import Any

from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as RedisConnectionError


def connection_parameters(channel: Channel, asynchronous: bool = False) -> Any:
    """`Channel._connparams`, with a connection error where kombu 5.7.0 has an AttributeError.

    A worker that holds late-acknowledged messages when the broker goes away gives them back over a channel whose
    connection is gone already; the AttributeError ends the worker, a connection error makes it reconnect. A producer
    that publishes over such a channel would meet the AttributeError; a connection error makes it try again.
    """
    if getattr(channel.connection, "client", None) is None:
        raise RedisConnectionError("the broker connection is gone")
    return original(channel, asynchronous)


def install() -> None:
    """For this process; doing it twice is doing it once."""
    Channel._connparams = connection_parameters  # type: ignore[attr-defined]  # the stubs leave it out


original = Channel._connparams  # type: ignore[attr-defined]
