"""pytest-celery's worker nodes on local processes.

pytest-celery drives Docker containers. Its node classes ask little of a container (id, name, status, logs, kill,
restart, …), so a local process with these members takes its place, and the nodes' own methods (`kill`, `restart`,
`wait_for_log`) work on it unchanged.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import Celery
from pytest_celery import CeleryTestWorker

from tests.waiting import until

_READY = " ready."


class WorkerProcess:
    """A Celery worker process with the members that pytest-celery asks of a container."""

    def __init__(
        self, *, arguments: Sequence[str], environment: Mapping[str, str], log: Path, app: str = "concept_worker"
    ) -> None:
        self.id = uuid4().hex
        self.name = f"worker-{self.id[:12]}"
        self._command = [sys.executable, "-m", "celery", "-A", app, "worker", *arguments]
        self._command += ["--hostname", f"{self.name}@%h", "--without-gossip", "--without-mingle"]
        self._environment = dict(environment)
        self._log = log
        self._mark = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    # What pytest-celery asks

    @property
    def status(self) -> str:
        """Docker's word for it."""
        return "running" if self._process is not None and self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        """What Docker would tell of the container."""
        return {"Id": self.id, "State": {"Status": self.status}}

    def logs(self) -> str:
        """Everything it wrote."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def ready(self) -> bool:
        """Wait for the ready line of this start."""
        until(lambda: self.status == "exited" or _READY in self.logs()[self._mark :], f"{self.name} ready")
        assert self.status == "running", self.logs()[-3000:]
        return True

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal to the main process."""
        assert self._process is not None
        self._process.send_signal(_number(signal))
        if _number(signal) == _number("SIGKILL"):
            self._process.wait()

    def restart(self, timeout: float = 30) -> None:
        """Stop in order, start again."""
        self.stop(timeout)
        self.start()
        self.ready()

    def reload(self) -> None:
        """Nothing is cached here."""

    def teardown(self) -> None:
        """End of the test."""
        self.stop(10)

    # What our tests ask besides

    @property
    def pid(self) -> int:
        """Of the main process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process, its log going on where it was."""
        self._mark = len(self.logs())
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    def vanish(self) -> None:
        """Kill it with all its children, as a machine that is gone; safe to call twice."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, and do not wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, timeout: float) -> None:
        """SIGTERM, and SIGKILL to the whole group when that takes too long."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.vanish()


class WorkerNode(CeleryTestWorker):
    """pytest-celery's worker node around a `WorkerProcess`."""

    container: WorkerProcess

    def __init__(self, process: WorkerProcess, app: Celery) -> None:
        super().__init__(process, app)


def _number(name: str | int) -> int:
    return name if isinstance(name, int) else int(signal.Signals[name])
