"""A guard against broker keys that hold another type than kombu expects, and against a Redis that refuses for a moment
(full, read-only, failing over).

In kombu 5.7 either error ends the worker, again after each restart. Here an odd key is deleted with a line in the log:
it holds no readable message. Either error becomes a connection error: a worker reconnects and declares its queues
again, a producer retries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import Empty
from typing import Any

from kombu.transport.redis import (
    Channel,
    PrefixedRedisPipeline,
    PrefixedStrictRedis,
    QoS,
)
from redis import ConnectionPool, Redis
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
_BINDINGS = ("_kombu.binding.*", "_kombu.binding_permanent.*")  # sets, one per exchange


class GuardedPipeline(PrefixedRedisPipeline):
    """A pipeline of commands, guarded."""

    def execute(self, raise_on_error: bool = True) -> Any:
        """Run `Pipeline.execute`, guarded."""
        with guarded(self):
            return super().execute(raise_on_error)

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Run `Pipeline.immediate_execute_command` (commands while a key is watched), guarded."""
        with guarded(self):
            return super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's


class GuardedRedis(PrefixedStrictRedis):
    """The client of kombu's channels, guarded; it puts the deployment's namespace before each key."""

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """Run `Redis.parse_response`, guarded."""
        with guarded(self):
            return super().parse_response(connection, command_name, **options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> GuardedPipeline:
        """Return a guarded pipeline in place of `Redis.pipeline`."""
        return GuardedPipeline(
            self.connection_pool,
            self.response_callbacks,
            transaction,
            shard_hint,
            global_keyprefix=self.global_keyprefix,
        )


@contextmanager
def guarded(client: Any) -> Iterator[None]:
    """Raise a connection error for a key of a wrong type, after deleting it, and for a refusal that will pass."""
    try:
        yield
    except ResponseError as exc:
        code = code_of(exc)
        if code == WRONG_TYPE:  # if no odd key is left, another process has deleted it
            delete_odd_keys(client.connection_pool, client.global_keyprefix)
            raise RedisConnectionError("a key of the broker held another type") from exc
        if code in PASSING:
            raise RedisConnectionError(f"the broker takes nothing at the moment: {code}") from exc
        raise


def delete_odd_keys(pool: ConnectionPool, prefix: str) -> None:
    """Delete the broker's keys behind this prefix that hold another type than kombu expects."""
    redis = Redis(connection_pool=pool)
    try:
        expected = {f"{prefix}{name}": kind for name, kind in _TYPES.items()}
        for pattern in _BINDINGS:
            expected |= dict.fromkeys(map(_text, redis.scan_iter(f"{prefix}{pattern}")), "set")
        odd = [name for name, kind in expected.items() if _text(redis.type(name)) not in (kind, "none")]
        for name in odd:
            log.critical("odd key in Redis deleted", key=name)
            redis.delete(name)
    except RedisError as exc:
        log.error("odd key in Redis not deleted", reason=type(exc).__name__)


def client_class(channel: Channel) -> Callable[..., GuardedRedis]:
    """Return what makes guarded clients for this channel (`Channel._get_client`)."""
    return partial(GuardedRedis, global_keyprefix=channel.global_keyprefix)


def restore_by_tag(qos: QoS, tag: Any, client: Any = None, leftmost: bool = False) -> None:
    """Restore a lost message (`QoS.restore_by_tag`); drop an entry that is no message, so that the search goes on."""
    try:
        original_restore(qos, tag, client, leftmost)
    except (Empty, ValueError, TypeError, LookupError, AttributeError) as exc:
        log.critical("hostile message dropped", fault=f"unacknowledged, and cannot be read: {type(exc).__name__}")
        qos._remove_from_indices(tag).execute()  # type: ignore[attr-defined]  # the stubs leave it out


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode(errors="replace")


def install() -> None:
    """Install the guard in this process; installing twice is installing once."""
    Channel._get_client = client_class  # type: ignore[attr-defined]  # the stubs leave it out
    QoS.restore_by_tag = restore_by_tag  # type: ignore[method-assign,assignment]


original_restore = QoS.restore_by_tag
