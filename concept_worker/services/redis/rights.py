"""The rights that a process needs on Redis, and a check that changes nothing: commands are queued, then discarded.

`ACL DRYRUN` would answer the same, but only administrators may run it. In a transaction, Redis checks the rights of
each command when it is queued.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product

from redis import Redis
from redis.connection import ConnectionInterface
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError

# For each use of a Redis: commands on keys, then commands on channels. The deployment's prefix comes before each name;
# `{db}` is the database's number.
_SEND = "LPUSH LLEN"
_BINDINGS = "SADD SMEMBERS"
_NEEDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "broker": (
        (f"{_SEND} RPUSH BRPOP DEL", "concepts images housekeeping"),
        (f"{_BINDINGS} SREM", "_kombu.binding.concepts _kombu.binding.images _kombu.binding.housekeeping"),
        ("HSET HGET HDEL", "unacked"),
        ("ZADD ZREM ZREVRANGEBYSCORE", "unacked_index"),
        ("SET EVALSHA", "unacked_mutex"),
        ("PUBLISH", "/{db}.celeryev/worker.online"),
    ),
    "control": (("PUBLISH PSUBSCRIBE", "/{db}.celery.pidbox"),),
    "results": (
        ("SETEX SET GET MGET DEL EXPIRE ZADD ZCOUNT ZRANGE", "celery-task-meta-a celery-taskset-meta-a"),
        ("PUBLISH SUBSCRIBE", "celery-task-meta-a"),
    ),
    "staging": (
        ("SET GETRANGE STRLEN TTL PTTL DEL EXISTS EVALSHA", "concept-worker:staging:a"),
        ("SADD SREM SMEMBERS SSCAN", "concept-worker:staging-index"),
        ("SET GET DEL INCR PEXPIRE PTTL TYPE ZADD ZCARD ZRANGE ZREMRANGEBYSCORE EVALSHA", "concept-worker:gate:a"),
        ("SCRIPT SCAN TIME", ""),
    ),
    "beat": (
        (_SEND, "housekeeping"),
        (_BINDINGS, "_kombu.binding.housekeeping"),
        ("PUBLISH", "/{db}.celeryev/task.sent"),
    ),
}
_ARGUMENTS = {
    **dict.fromkeys(("LPUSH", "RPUSH", "SADD", "SREM", "HGET", "HDEL", "ZREM", "SET", "PUBLISH"), "{key} x"),
    **dict.fromkeys(("ZCOUNT", "ZRANGE", "ZREVRANGEBYSCORE", "ZREMRANGEBYSCORE", "GETRANGE"), "{key} 0 1"),
    **{"HSET": "{key} x x", "ZADD": "{key} 1 x", "SETEX": "{key} 1 x", "BRPOP": "{key} 1"},
    **{
        "EVALSHA": f"{'0' * 40} 1 {{key}}",
        "SCRIPT": "LOAD return",
        "SCAN": "0",
        "SSCAN": "{key} 0",
        "EXPIRE": "{key} 1",
        "PEXPIRE": "{key} 1",
    },
}
_CHANNELS = frozenset({"PUBLISH", "SUBSCRIBE", "PSUBSCRIBE"})
_COMMAND = re.compile(r"permissions to run the '([^']+)' command", re.IGNORECASE)


@dataclass
class Missing:
    """A list of rights that a user lacks, in the words of `ACL SETUSER`."""

    rules: dict[str, None] = field(default_factory=dict)  # in the order in which they are found

    def add(self, command: str, key: str, refusal: str) -> None:
        """Add the right that one refusal names: the command, its key or its channel."""
        found = _COMMAND.search(refusal)
        sign = "&" if command in _CHANNELS else "~"
        self.rules[f"+{found[1]}" if found else f"{sign}{key}"] = None

    def __str__(self) -> str:
        return " ".join(self.rules)


def missing_rights(redis: Redis, uses: Iterable[str], prefix: str) -> Missing:
    """Return the rights that these uses need on names with this prefix, and that the user of this connection lacks.

    Raises:
        RedisError: Redis cannot be asked; a cluster answers `MOVED` or `CROSSSLOT`.
    """
    database = str(redis.connection_pool.connection_kwargs.get("db") or 0)
    missing = Missing()
    with _connection(redis) as connection:
        refusal = _refusal_of(connection, "MULTI", "")
        if refusal:  # outside a transaction the commands would be executed
            missing.add("MULTI", "", refusal)
            return missing
        for command, key in [*_needed_commands(uses, prefix, database), ("DISCARD", "")]:
            refusal = _refusal_of(connection, command, key)
            if refusal:
                missing.add(command, key, refusal)
    return missing


def _needed_commands(uses: Iterable[str], prefix: str, database: str) -> Iterator[tuple[str, str]]:
    for use in uses:
        for commands, names in _NEEDS[use]:
            keys = [f"{prefix}{name}" for name in names.replace("{db}", database).split()]
            yield from product(commands.split(), keys or [""])


def _refusal_of(connection: ConnectionInterface, command: str, key: str) -> str | None:
    """Send the command; return Redis's refusal if the user lacks a right for it."""
    default = "{key}" if key else ""
    words = _ARGUMENTS.get(command, default).format(key=key).split()
    try:
        connection.send_command(command, *words)  # type: ignore[no-untyped-call]  # of redis-py
        connection.read_response()
    except NoPermissionError as exc:
        return str(exc)
    return None


@contextmanager
def _connection(redis: Redis) -> Iterator[ConnectionInterface]:
    """Open one connection and close it at the end, because it may be left in a transaction."""
    connection = redis.connection_pool.get_connection()
    try:
        yield connection
    finally:
        with suppress(RedisConnectionError, OSError):
            connection.disconnect()  # type: ignore[no-untyped-call]  # of redis-py
        with suppress(RedisError):
            redis.connection_pool.release(connection)
