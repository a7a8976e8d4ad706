"""A guard against keys of the broker that hold another type than kombu expects, and against a Redis that refuses for a
moment (full, read-only, failing over).

kombu 5.7 lets either error end the worker, again after each restart. Here an odd key is deleted, with a line in the log
(it holds no message that anybody could read), and the error becomes one of the connection: the worker connects again
and declares its queues anew, a producer tries again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any

from kombu.transport.redis import Channel, QoS
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from concept_worker.logging import get_logger
from concept_worker.routing import Queue
from concept_worker.services.redis.errors import PASSING, WRONG_TYPE, code_of

log = get_logger(__name__)

_PRIORITIES = ("", *(f"{Channel.sep}{step}" for step in Channel.priority_steps[1:]))
_TYPES = {
    **{f"{queue.value}{priority}": "list" for queue in Queue for priority in _PRIORITIES},
    Channel.unacked_key: "hash",
    Channel.unacked_index_key: "zset",
    Channel.unacked_mutex_key: "string",
    "_kombu.binding_deadlines": "zset",
}
_BINDINGS = ("_kombu.binding.*", "_kombu.binding_permanent.*")  # sets, one an exchange


class GuardedPipeline(Pipeline):
    """Commands sent together."""

    def execute(self, raise_on_error: bool = True) -> Any:
        """`Pipeline.execute`, guarded."""
        with guarded(self):
            return super().execute(raise_on_error)

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """`Pipeline.immediate_execute_command` (what is asked while a key is watched), guarded."""
        with guarded(self):
            return super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's


class GuardedRedis(Redis):
    """The client of kombu's channels."""

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """`Redis.parse_response`, guarded."""
        with guarded(self):
            return super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]  # redis-py's

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> GuardedPipeline:
        """`Redis.pipeline`, guarded."""
        return GuardedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


@contextmanager
def guarded(client: Any) -> Iterator[None]:
    """Turn a wrong type, mended, and a refusal of the moment into connection errors."""
    try:
        yield
    except ResponseError as exc:
        code = code_of(exc)
        if code == WRONG_TYPE:  # where nothing odd is left, another process deleted it meanwhile
            delete_odd_keys(client)
            raise RedisConnectionError("a key of the broker held another type") from exc
        if code in PASSING:
            raise RedisConnectionError(f"the broker takes nothing at the moment: {code}") from exc
        raise


def delete_odd_keys(client: Any) -> None:
    """Delete the broker's keys that hold another type than theirs."""
    redis = Redis(connection_pool=client.connection_pool)
    try:
        expected = dict(_TYPES)
        for pattern in _BINDINGS:
            expected |= dict.fromkeys(map(_text, redis.scan_iter(pattern)), "set")
        odd = [name for name, kind in expected.items() if _text(redis.type(name)) not in (kind, "none")]
        for name in odd:
            log.critical("odd key in Redis deleted", key=name)
            redis.delete(name)
    except RedisError as exc:
        log.error("odd key in Redis not deleted", reason=type(exc).__name__)


def client_class(channel: Channel) -> Any:
    """`Channel._get_client`; with a key prefix, which we do not set, the original's."""
    return original_class(channel) if channel.global_keyprefix else GuardedRedis


def restore_by_tag(qos: QoS, tag: Any, client: Any = None, leftmost: bool = False) -> None:
    """`QoS.restore_by_tag`; an entry that is no message is dropped instead of stopping the search for lost ones."""
    try:
        original_restore(qos, tag, client, leftmost)
    except (Empty, ValueError, TypeError, LookupError, AttributeError) as exc:
        log.critical("hostile message dropped", fault=f"unacknowledged, and cannot be read: {type(exc).__name__}")
        qos._remove_from_indices(tag).execute()  # type: ignore[attr-defined]  # the stubs leave it out


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode(errors="replace")


def install() -> None:
    """For this process; doing it twice is doing it once."""
    Channel._get_client = client_class  # type: ignore[attr-defined]  # the stubs leave it out
    QoS.restore_by_tag = restore_by_tag  # type: ignore[method-assign,assignment]


original_class = Channel._get_client  # type: ignore[attr-defined]
original_restore = QoS.restore_by_tag
