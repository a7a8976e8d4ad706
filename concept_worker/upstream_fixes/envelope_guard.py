"""A guard against bytes in a queue that are no message, and messages whose envelope kombu cannot read.

In kombu 5.7 the error of reading such bytes ends the worker, with all its running steps. Here the bytes are dropped,
with a line in the log; they have left the queue by then.
"""

from __future__ import annotations

from queue import Empty
from typing import Any

from kombu.transport import redis

from concept_worker.logging import get_logger

log = get_logger(__name__)


def read(text: str | bytes) -> Any:
    """Decode JSON that came from the broker. Text that is no JSON is dropped: kombu goes on as with an empty queue.

    Raises:
        Empty: the text is no JSON.
    """
    try:
        return original_read(text)
    except (ValueError, RecursionError) as exc:
        _drop(f"it is no JSON: {type(exc).__name__}")
        raise Empty from exc


def deliver(transport: Any, message: Any, queue: str | None) -> None:
    """Replace `Transport._deliver`: drop a message whose envelope cannot be read, deliver the others."""
    fault = fault_of_envelope(transport.channels, message)
    if fault is None:
        original_deliver(transport, message, queue)
    else:
        _drop(fault)


def fault_of_envelope(channels: list[Any], message: Any) -> str | None:
    """Say why kombu cannot read this message's envelope, or return None. The body is checked later (`broker_guard`)."""
    channel = next(filter(None, channels))
    try:
        opened = channel.Message(message, channel=channel)
        wanted = (opened.delivery_tag, opened.delivery_info["exchange"], opened.delivery_info["routing_key"])
    except Exception as exc:  # hostile bytes may raise any error; each means: drop the message
        return f"its envelope cannot be read: {type(exc).__name__}"
    return None if all(isinstance(value, str) for value in wanted) else "its delivery is no text"


def install() -> None:
    """Install the guard in this process; installing twice is installing once."""
    redis.loads = read  # type: ignore[attr-defined]  # the stubs leave it out
    redis.Transport._deliver = deliver  # type: ignore[method-assign,assignment]


def _drop(fault: str) -> None:
    log.critical("hostile message dropped", fault=fault)


original_read = redis.loads  # type: ignore[attr-defined]
original_deliver = redis.Transport._deliver
