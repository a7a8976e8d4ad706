"""The runs whose message still waits in a queue: such a run looks stalled in its row, but is not.

Messages in a queue are untrusted: they are read in pages, each message only up to a size, and a message that cannot be
read never stops the search.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from celery import Celery
from redis import Redis
from redis.exceptions import ResponseError

from concept_worker.logging import get_logger
from concept_worker.routing import Queue
from concept_worker.services.redis.errors import WRONG_TYPE, code_of
from concept_worker.upstream_fixes.odd_key_guard import delete_odd_keys

log = get_logger(__name__)

_PAGE = 200  # messages per read
_LARGEST = 65_536  # bytes per message; ours have at most 16 kB, and larger ones are not fetched

# KEYS: queue. ARGV: first and last position, bytes of the largest message. Returns "" for larger messages.
_READ = """
local page = redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])
local largest = tonumber(ARGV[3])
for position, message in ipairs(page) do
    if #message > largest then page[position] = '' end
end
return page
"""


def waiting_among(app: Celery, task_ids: set[str]) -> set[str]:
    """Return those of the task ids that have a message in a queue.

    The task id of a run is its messages' `root_id`, and the entry message's own `id`. Messages that a worker has taken
    do not count: a live worker extends their lease, and a dead worker must not hide a stalled run.
    """
    missing, found = set(task_ids), set()
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        redis = Redis(connection_pool=channel.client.connection_pool)
        for queue in Queue:
            for ids in _ids_in(redis, channel.global_keyprefix, queue.value):
                found |= ids & missing
                missing -= ids
            if not missing:
                break
    return found


def _ids_in(redis: Redis, prefix: str, queue: str) -> Iterator[set[str]]:
    """Yield the ids that each message of the queue names, oldest first; log one error for all that is no message."""
    odd = 0
    try:
        for message in _messages(redis, f"{prefix}{queue}"):
            ids = _ids_of(message)
            odd += not ids
            yield ids
    except ResponseError as exc:
        if code_of(exc) != WRONG_TYPE:
            raise
        delete_odd_keys(redis.connection_pool, prefix)
    if odd:
        log.error("odd messages in a queue passed over", queue=queue, count=odd)


def _messages(redis: Redis, key: str) -> Iterator[bytes]:
    """Yield the messages, oldest first: the list has the oldest at its end."""
    read = redis.register_script(_READ)
    for end in range(int(redis.llen(key)), 0, -_PAGE):
        yield from read(keys=[key], args=[max(0, end - _PAGE), end - 1, _LARGEST])


def _ids_of(message: bytes) -> set[str]:
    """Return the ids in a message's headers; an empty set for anything that is no Celery message."""
    try:
        headers = json.loads(message)["headers"]
        named = [headers.get("root_id"), headers.get("id")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return set()
    return {value for value in named if isinstance(value, str)}
