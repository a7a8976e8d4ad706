"""A guard against what lies in a queue and is no message at all, or one whose envelope kombu cannot read.

kombu 5.7 lets the error of reading it end the worker, with everything the worker has in hand. Here it is dropped, with
a line in the log; it is gone from the queue by then.
"""

from __future__ import annotations

from queue import Empty
from typing import Any

from kombu.transport import redis

from concept_worker.logging import get_logger

log = get_logger(__name__)


def read(text: str | bytes) -> Any:
    """JSON as the broker has it. Undecodable text is dropped; to kombu it looks as if nothing had come.

    Raises:
        Empty: it is no JSON.
    """
    try:
        return original_read(text)
    except (ValueError, RecursionError) as exc:
        _drop(f"it is no JSON: {type(exc).__name__}")
        raise Empty from exc


def deliver(transport: Any, message: Any, queue: str | None) -> None:
    """`Transport._deliver`, for messages whose envelope can be read."""
    fault = fault_of_envelope(transport.channels, message)
    if fault is None:
        original_deliver(transport, message, queue)
    else:
        _drop(fault)


def fault_of_envelope(channels: list[Any], message: Any) -> str | None:
    """Why kombu could not take this for a message, or None. Whether Celery can read what is in it comes later."""
    channel = next(filter(None, channels))
    try:
        opened = channel.Message(message, channel=channel)
        wanted = (opened.delivery_tag, opened.delivery_info["exchange"], opened.delivery_info["routing_key"])
    except Exception as exc:  # whatever hostile bytes may raise; the message is dropped, which is the point
        return f"its envelope cannot be read: {type(exc).__name__}"
    return None if all(isinstance(value, str) for value in wanted) else "its delivery is no text"


def install() -> None:
    """For this process; doing it twice is doing it once."""
    redis.loads = read  # type: ignore[attr-defined]  # the stubs leave it out
    redis.Transport._deliver = deliver  # type: ignore[method-assign,assignment]


def _drop(fault: str) -> None:
    log.critical("hostile message dropped", fault=fault)


original_read = redis.loads  # type: ignore[attr-defined]
original_deliver = redis.Transport._deliver
