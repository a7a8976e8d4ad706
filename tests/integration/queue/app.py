"""A small Celery app on our queue settings, some of them changed: tasks that report, wait, die and grow.

Only the workers of these tests run it. Its tasks report to Redis and wait there for the test's word.
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any, cast

from celery import Celery, Task, chord, signals
from celery.backends.redis import RedisBackend
from celery.concurrency.asynpool import AsynPool
from redis import Redis

from concept_worker.errors import StoreRefused
from concept_worker.logging import configure_logging
from concept_worker.routing import TaskName
from concept_worker.tasks.sealing import SealedTask
from tests.integration.queue.overrides import CHANGES, REPORTS, changed

_PATIENCE = 60  # seconds; a task that nobody releases must not outlive its test

reports = Redis.from_url(os.environ[REPORTS], socket_timeout=None)


class BoundedTask(Task[Any, Any]):
    """What `PipelineTask` says of children that die, without its waits."""

    abstract = True
    max_retries = 2
    default_retry_delay = 0


app = changed(Celery("queue_tests", task_cls=BoundedTask), json.loads(os.environ[CHANGES]))


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    configure_logging()


def begun(name: str) -> int:
    """Note one more execution of that name; how many there were."""
    return int(reports.incr(f"begun:{name}"))


@app.task(name="note")
def note(name: str) -> str:
    """Done at once."""
    begun(name)
    return name


@app.task(name="hold")
def hold(name: str) -> str:
    """Goes on when the test says so."""
    begun(name)
    reports.blpop([f"go:{name}"], timeout=_PATIENCE)
    reports.incr(f"ended:{name}")
    return name


@app.task(name="die")
def die(name: str, times: int) -> str:
    """Kill the process it runs in, so many times."""
    if begun(name) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return name


@app.task(name="die unsendable", serializer="no such format")
def die_unsendable(name: str, times: int) -> str:
    """As `die`, and the worker cannot send it again."""
    return str(die(name, times))


@app.task(name="grow")
def grow(megabytes: int) -> int:
    """Take memory and give it back; the process that did."""
    taken = b"x" * megabytes * 1_000_000
    del taken
    return os.getpid()


def _leak() -> None:
    try:
        raise KeyError("TOPSECRET")  # in two pieces, because tracebacks quote this line
    except KeyError as exc:
        raise StoreRefused("the store refused the request") from exc


@app.task(name="leak")
def leak() -> None:
    """Raise an error of ours over one with a secret in its text."""
    _leak()


@app.task(name="leak foreign")
def leak_foreign() -> None:
    """Raise an error that is not ours, with a secret in its text."""
    raise KeyError("TOPSECRET")


for _open in (leak, leak_foreign):
    cast("Any", app.task)(_open.run, name=f"sealed {_open.name}", base=SealedTask)


@app.task(name="gather")
def gather(header: list[str], name: str) -> list[str]:
    """Body of a chord."""
    begun(name)
    return header


@app.task(name="compose")
def compose(header: list[str], body: str, body_id: str) -> None:
    """Send a chord, as our own steps do: the guard takes no `celery.chord` from a queue."""
    chord([hold.s(name) for name in header], gather.s(body).set(task_id=body_id)).apply_async()


@app.task(name=TaskName.RECONCILE.value, ignore_result=True)
def reconcile() -> None:
    """Stands in for housekeeping, which beat asks for."""
    begun("reconcile")


def _counted(self: RedisBackend, request: Any, *args: Any, **kwargs: Any) -> Any:
    """A chord's count of a header, which dies once before it where the test said so."""
    if request.args and reports.lpop(f"doomed:{request.args[0]}"):
        os.kill(os.getpid(), signal.SIGKILL)
    return count(self, request, *args, **kwargs)


# A worker looks for dead children every 5 s; the tests have less time.
cast("Any", AsynPool).timers = property(lambda pool: {pool.maintain_pool: 0.2})
count = RedisBackend.on_chord_part_return
cast("Any", RedisBackend).on_chord_part_return = _counted
