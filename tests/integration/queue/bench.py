"""A broker database, a producer on our settings with some changed, and workers on the same: one side of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from celery import Celery
from redis import Redis

from concept_worker.routing import Queue
from tests.integration.queue.overrides import CHANGES, REPORTS, Changes, changed
from tests.nodes import WorkerProcess

APP = "tests.integration.queue.app"
THREADS = ("--pool", "threads", "--concurrency", "2")
CHILD = ("--pool", "prefork", "--concurrency", "1")


class Bench:
    """One side of a test; a context manager. Messages go to the queue `concepts` unless said otherwise."""

    def __init__(
        self, broker: str, folder: Path, changes: Changes, environment: Mapping[str, str], reports: str = ""
    ) -> None:
        self._broker, self._folder, self._changes = broker, folder, changes
        self._reports_url = reports or broker
        self._told = {
            **os.environ,
            "REDIS_URL": broker,
            "CONCEPT_RESULT_URL": broker,
            REPORTS: self._reports_url,
            CHANGES: json.dumps(changes),
            **environment,
        }
        self._at_end = ExitStack()

    def __enter__(self) -> Self:
        self.redis = self._at_end.enter_context(Redis.from_url(self._broker, decode_responses=True))
        self.reports = self._at_end.enter_context(Redis.from_url(self._reports_url, decode_responses=True))
        self.app = changed(Celery("queue_tests", set_as_current=False), self._changes)
        self.app.conf.update(broker_url=self._broker, result_backend=self._broker)
        self._at_end.callback(self.app.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._at_end.__exit__(kind, error, trace)

    def worker(self, *arguments: str, **environment: str) -> WorkerProcess:
        """Start a worker; it may be waited for with `ready()`. It is gone at the end of the test at the latest."""
        process = WorkerProcess(
            arguments=["--without-heartbeat", *(arguments or THREADS)],
            environment=self._told | environment,
            log=self._folder / f"{uuid4().hex}.log",
            app=APP,
        )
        self._at_end.callback(process.vanish)
        return process

    def beat(self) -> Callable[[], None]:
        """Start beat; calling the result ends it."""
        beat = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", APP, "beat"],
            env=self._told,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def end() -> None:
            beat.kill()
            beat.wait()

        self._at_end.callback(end)
        return end

    def send(self, task: str, *args: Any, **options: Any) -> str:
        """Send a message; its id."""
        return str(self.app.send_task(task, args=args, **options).id)

    def chord(self, header: list[str], body: str) -> str:
        """Send a chord of `hold` steps with these names, and a `gather` with that one; the body's id."""
        body_id = str(uuid4())
        self.send("compose", header, body, body_id)
        return body_id

    def take(self) -> None:
        """Take a message as a worker does that dies before it has done anything with it."""
        connection = self._at_end.enter_context(self.app.connection_for_read())
        channel: Any = connection.default_channel
        assert channel.basic_get(Queue.CONCEPTS.value) is not None

    def release(self, name: str) -> None:
        """Let every `hold` of that name go on, those to come too."""
        self.reports.rpush(f"go:{name}", *["go"] * 50)

    def doom(self, name: str) -> None:
        """Let the worker die when the header of that name has its result stored and is not counted yet, once."""
        self.reports.rpush(f"doomed:{name}", "once")

    def begun(self, name: str) -> int:
        """How many executions of that name began."""
        return int(self.reports.get(f"begun:{name}") or 0)

    def ended(self, name: str) -> int:
        """How many `hold`s of that name came to their end."""
        return int(self.reports.get(f"ended:{name}") or 0)

    def state(self, task: str) -> str:
        """What Celery says of a task."""
        meta = self.meta(task)
        return str(meta.get("status", "PENDING"))

    def meta(self, task: str) -> dict[str, Any]:
        """Everything that is stored of a task's result."""
        found: dict[str, Any] = json.loads(str(self.redis.get(f"celery-task-meta-{task}") or "{}"))
        return found

    @property
    def counts(self) -> list[str]:
        """What is kept of chords that are not complete."""
        return list(self.redis.keys("celery-taskset-meta-*"))

    @property
    def waiting(self) -> int:
        """Messages that lie in the queue."""
        return int(self.redis.llen(Queue.CONCEPTS.value))

    @property
    def in_hand(self) -> int:
        """Messages that some worker took and did not acknowledge."""
        return int(self.redis.hlen("unacked"))

    @property
    def is_empty(self) -> bool:
        """No message anywhere: whatever did not run by now never will."""
        return not self.waiting and not self.in_hand
