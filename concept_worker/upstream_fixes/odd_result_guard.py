"""A guard against keys of the result backend that Celery did not write.

Celery 5.7 requests a result that it cannot read again and again: each step of that task holds a slot of the worker for
minutes, until no slot is free. Here an odd key is deleted with a line in the log. Nothing is lost: the truth is in the
row, not in a result, and the next run goes on from checkpoints where a chord lost its keys.
"""

from __future__ import annotations

import json
import re
from typing import Any

from celery.backends.redis import RedisBackend
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from concept_worker.logging import get_logger
from concept_worker.services.redis.errors import WRONG_TYPE, code_of

log = get_logger(__name__)

_RESULT = re.compile(rb"(?:[\w.-]+:)?celery-(task|taskset)-meta-")  # behind the deployment's namespace
_CHORD = {b".j": b"zset", b".d": b"set"}  # types by the key's last two bytes; all other keys are strings


class GuardedResults(Redis):
    """The client of Celery's result backend, guarded."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run `Redis.execute_command`; delete a key of another type and raise a connection error in its place."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's
        except ResponseError as exc:
            if code_of(exc) != WRONG_TYPE:
                raise
            self._delete_odd(args[1:])
            raise RedisConnectionError("a key of the results held another type") from exc

    def get(self, name: Any) -> Any:
        """Run `Redis.get`; delete a task's result that cannot be read, and return None in its place."""
        value = super().get(name)
        if value is None or _kind_of(name) != b"task" or _is_result(value):
            return value
        self._delete(_encoded(name))
        return None

    def _delete_odd(self, arguments: tuple[Any, ...]) -> None:
        names = {name for name in map(_encoded, arguments) if _kind_of(name)}
        try:
            odd = [name for name in names if _encoded(self.type(name)) not in (_type_of(name), b"none")]
            for name in odd:
                self._delete(name)
        except RedisError as exc:
            log.error("odd key in Redis not deleted", reason=type(exc).__name__)

    def _delete(self, name: bytes) -> None:
        log.critical("odd key in Redis deleted", key="result of a task" if _kind_of(name) == b"task" else "chord")
        self.delete(name)


def install() -> None:
    """Install the guard in this process; installing twice is installing once."""
    RedisBackend._get_client = lambda backend: GuardedResults  # type: ignore[attr-defined]  # the stubs leave it out


def _is_result(value: bytes | str) -> bool:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and isinstance(found.get("status"), str) and "result" in found


def _type_of(name: bytes) -> bytes:
    """Return the Redis type that Celery gives this key."""
    return _CHORD.get(name[-2:], b"string")


def _kind_of(name: Any) -> bytes | None:
    """Return whether a key holds a result of a `task` or of a group (`taskset`); None for all other keys."""
    found = _RESULT.match(_encoded(name))
    return found[1] if found else None


def _encoded(argument: Any) -> bytes:
    return argument if isinstance(argument, bytes) else str(argument).encode(errors="replace")
