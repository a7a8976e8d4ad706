"""Users of the broker with the least rights; docs/redis-acl.md shows the same lines for a Redis of your own."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from enum import StrEnum

NAMESPACE, PREFIX = "none", ""  # of the embedded stack, whose broker is its own


class BrokerUser(StrEnum):
    """A user of the broker: one for each kind of process of a deployment."""

    WORKER = "worker"
    PRODUCER = "producer"
    BEAT = "beat"
    FLOWER = "flower"


# Keys behind the deployment's prefix (%R~ to read, %W~ to write, ~ for both). Celery writes the bindings of a queue
# again with each message it sends.
_KEYS = {
    # Queues, unacknowledged messages, results and chords; staging and the gate before the provider.
    BrokerUser.WORKER: (
        "~concepts* ~images* ~housekeeping* ~_kombu.binding* ~unacked* ~*.celery.pidbox* ~celeryev.*",
        "~celery-task-meta-* ~celery-taskset-meta-* ~chord-unlock-* ~concept-worker:*",
    ),
    BrokerUser.PRODUCER: ("%W~concepts %R~concepts* ~_kombu.binding.concepts %W~_kombu.binding_permanent.concepts",),
    BrokerUser.BEAT: (
        "%W~housekeeping %R~housekeeping* ~_kombu.binding.housekeeping %W~_kombu.binding_permanent.housekeeping",
        "%R~concepts* ~_kombu.binding.concepts %W~_kombu.binding_permanent.concepts",
    ),
    BrokerUser.FLOWER: (
        "%R~concepts* %R~images* %R~housekeeping* ~celeryev.* ~_kombu.binding.celeryev ~_kombu.binding_deadlines",
        "~*.reply.celery.pidbox* ~_kombu.binding.reply.celery.pidbox ~_kombu.binding_permanent.celeryev",
        "%R~_kombu.binding_permanent.* ~unacked_mutex %R~unacked_index",
    ),
}

_CONNECT = "+ping +hello +select +client|setname +client|setinfo +multi +exec +discard"
_SEND = "+sadd +smembers +llen +lpush +publish"
_LISTEN = "+subscribe +unsubscribe +psubscribe +punsubscribe"
_COMMANDS = {
    BrokerUser.WORKER: (
        f"{_CONNECT} {_SEND} {_LISTEN} +pubsub|numsub +info +time +watch +unwatch",
        "+rpush +rpop +brpop +lrange +srem +sismember +sscan +hset +hget +hdel +zadd +zrem +zrange +zcard +zcount",
        "+zrangebyscore +zrevrangebyscore +zremrangebyscore +set +setex +setnx +get +getrange +mget +strlen +incr",
        "+del +exists +expire +pexpire +ttl +pttl +type +scan +eval +evalsha +script|load +script|exists",
    ),
    BrokerUser.PRODUCER: (f"{_CONNECT} {_SEND}",),
    BrokerUser.BEAT: (f"{_CONNECT} {_SEND}",),
    BrokerUser.FLOWER: (
        f"{_CONNECT} {_LISTEN} +publish +llen +brpop +sadd +smembers +srem +del +exists +pexpire",
        "+time +set +get +zadd +zrem +zrange +zrangebyscore +zrevrangebyscore +evalsha +script|load +script|exists",
    ),
}


def _keys(user: BrokerUser, prefix: str) -> Iterator[str]:
    """Yield the rules for keys with this prefix."""
    for line in _KEYS[user]:
        yield " ".join(f"{sign}~{prefix}{name}" for sign, _, name in (rule.partition("~") for rule in line.split()))


def channels(user: BrokerUser, databases: Iterable[int], prefix: str) -> Iterator[str]:
    """Yield the channels for events, remote control and results.

    Redis allows a subscription to a pattern only when the rule has the same text, so each database is named.
    """
    for database in databases:
        if user in (BrokerUser.WORKER, BrokerUser.FLOWER):
            names: tuple[str, ...] = ("celeryev/*", "celeryev/worker.*", "celery.pidbox")
        else:
            names = ("celeryev/task.sent",)
        yield " ".join(f"&{prefix}/{database}.{name}" for name in names)
    if user is BrokerUser.WORKER:
        yield f"&{prefix}celery-task-meta-* &{prefix}concept-worker:presence:*"


def rules(user: BrokerUser, databases: Iterable[int], prefix: str) -> list[str]:
    """Return the user's rights on names with this prefix in these databases, in lines of a readable length."""
    return [*_keys(user, prefix), *channels(user, databases, prefix), "-@all", *_COMMANDS[user]]


def password_of(user: BrokerUser, secret: str) -> str:
    """Derive the user's password from the stack's secret, so that no further secret is stored."""
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def acl_file(secret: str, databases: Iterable[int], prefix: str) -> str:
    """Write the lines of an aclfile; `secret` is the password of the default user, which has all rights."""
    known = tuple(databases)
    lines = [f"user default on {_hashed(secret)} ~* &* +@all"]
    for user in BrokerUser:
        rights = " ".join(rules(user, known, prefix))
        lines.append(f"user {user} on {_hashed(password_of(user, secret))} {rights}")
    return "\n".join(lines) + "\n"


def as_user(url: str, user: BrokerUser, secret: str) -> str:
    """Replace the default user in the broker's address by this user."""
    return url.replace(f"//:{secret}@", f"//{user}:{password_of(user, secret)}@")


def _hashed(password: str) -> str:
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"
