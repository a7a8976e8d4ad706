"""Presence: a connection to the broker that ends with its process tells the others at once that the process died.

Each process that works on steps holds a subscription to a channel of its own. The others count the subscribers. A
frozen process keeps its connection; a process without a broker still shows itself in the database; a dead one does
neither. Then its steps' leases end at once (`end_lost_leases`), and housekeeping is asked to go on with their runs.
Without the rights for it on the broker, leases alone decide.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.client import PubSub
from redis.exceptions import NoPermissionError, RedisError

from concept_worker.errors import ConceptWorkerError
from concept_worker.logging import get_logger
from concept_worker.redis_address import RedisPlace
from concept_worker.routing import Queue, TaskName
from concept_worker.services.redis.client import connect_redis
from concept_worker.services.redis.errors import WRONG_TYPE, code_of
from concept_worker.services.task_service import TaskService

log = get_logger(__name__)

_KEY = "concept-worker:presence"  # a set of the names of all processes; each has a channel
_NAME = re.compile(r"[0-9a-f]{32}")  # as `LeaseKeeper` makes it; what else is in the set is not ours
_TIMEOUT = 3.0  # seconds of each command
_LOOKS = 3  # a process is missed so often in a row before the database is asked
_SILENT = 3  # … and was not seen there for so many times as long as it shows itself
_EXPIRES = 10  # seconds until a request for housekeeping is useless


class Presence:
    """One thread a process: it shows the process on the broker, and looks for others that ended."""

    def __init__(self, app: Celery, place: RedisPlace, tasks: TaskService, *, process: str, seconds: float) -> None:
        self._app, self._tasks, self._process, self._every = app, tasks, process, seconds
        self._redis = connect_redis(place.url, seconds=_TIMEOUT)
        self._key = f"{place.prefix}{_KEY}"
        self._missed: dict[str, int] = {}
        self._subscription: PubSub | None = None
        self._closing = Event()
        self._thread = Thread(target=self._watch, name="presence", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        log.info("presence is shown", process=self._process, pid=os.getpid())
        self._thread.start()

    def stop(self) -> None:
        """Say that this process ends in order, and end the thread."""
        self._closing.set()
        self._thread.join()
        with suppress(RedisError):
            self._redis.srem(self._key, self._process)
        self._forget_connection()
        self._redis.close()

    def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                self._show()
                self._look()
            except NoPermissionError as exc:
                log.warning("presence is off: the broker's user lacks a right; leases alone decide", reason=str(exc))
                return
            except RedisError as exc:
                self._forget_connection()
                self._delete_odd(exc)
            self._closing.wait(self._every)

    def _show(self) -> None:
        """Hold the subscription, and the name among the names of all."""
        if self._subscription is None:
            subscription = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # of redis-py
            subscription.subscribe(self._channel(self._process))
            self._subscription = subscription
        self._subscription.get_message(timeout=0.0)  # an error when the connection is gone
        self._redis.sadd(self._key, self._process)

    def _look(self) -> None:
        """Count the subscribers of all; ask the database about those that are missed again and again."""
        names = sorted(filter(_NAME.fullmatch, map(_text, self._redis.smembers(self._key))))
        counted: Any = self._redis.pubsub_numsub(*map(self._channel, names))
        alive = {_text(channel) for channel, count in counted if int(count)}
        if self._channel(self._process) not in alive:
            self._forget_connection()  # the broker has lost us: it may have lost everybody
            return
        missing = [name for name in names if self._channel(name) not in alive]
        self._missed = {name: self._missed.get(name, 0) + 1 for name in missing}
        for name, looks in self._missed.items():
            if looks >= _LOOKS:
                self._ask_about(name)

    def _ask_about(self, name: str) -> None:
        try:
            ended = self._tasks.end_lost_leases(name, _SILENT * self._every)
        except ConceptWorkerError as exc:
            log.warning("a missing process was not looked up", process=name, reason=str(exc))
            return
        if ended is None:
            if self._missed[name] == _LOOKS:
                log.info("a missing process lives", process=name)  # only the broker does not see it
            return
        self._redis.srem(self._key, name)
        if ended:
            log.warning("process lost, its steps are taken over", process=name, steps=ended)
            with suppress(OperationalError):  # beat asks, too
                self._app.send_task(TaskName.RECONCILE.value, queue=Queue.HOUSEKEEPING.value, expires=_EXPIRES)

    def _delete_odd(self, error: RedisError) -> None:
        """Delete a set of names that is none: another program wrote it, and presence would stay off for ever."""
        if code_of(error) == WRONG_TYPE:
            log.critical("odd key in Redis deleted", key=self._key)
            with suppress(RedisError):
                self._redis.delete(self._key)

    def _channel(self, process: str) -> str:
        return f"{self._key}:{process}"

    def _forget_connection(self) -> None:
        self._missed = {}
        if self._subscription is not None:
            with suppress(RedisError, OSError):
                self._subscription.close()
            self._subscription = None


def _text(name: Any) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
