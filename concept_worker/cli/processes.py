"""The Celery processes of `demo` and `dev`: they end with their parent, and restart when they die."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from concept_worker.devstack.guard import Order
from concept_worker.devstack.service import Service
from concept_worker.import_path import children_path

_GRACE = 15.0  # seconds for a step to finish at a warm stop; then it is killed, and resumed when its lease expires
_QUICK_DEATH = 10.0  # seconds; a process that dies sooner is counted as broken
_QUICK_DEATHS = 5  # in a row; then the process is not restarted any more


def celery_command(*arguments: str) -> list[str]:
    """Return the command `celery -A concept_worker …` for this interpreter, independent of PATH."""
    return [sys.executable, "-Pm", "concept_worker.celery_program", *arguments]


@dataclass
class Worker:
    """A Celery process with its log file and a count of its quick deaths."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    # For a process that listens: takes the port of its last start, returns the port and the command for the next.
    choose: Callable[[int | None], tuple[int, Sequence[str]]] | None = None
    port: int | None = None
    _service: Service | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _quick_deaths: int = field(default=0, init=False)

    def start(self) -> None:
        """Start the process; it ends when this process ends, even when this process is killed."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.monotonic()
        if self.choose is not None:
            self.port, self.command = self.choose(self.port)
        self._service = Service(
            self.name,
            Order(
                argv=list(self.command),
                folder=os.getcwd(),
                log=str(self.log.absolute()),
                environment={**self.environment, "PYTHONPATH": children_path()},
                keep=[],
                stop_signal=signal.SIGTERM,
                grace=_GRACE,
            ),
        )

    @property
    def is_running(self) -> bool:
        """True while the process lives."""
        return self._service is not None and self._service.is_running

    def restart_if_dead(self) -> bool:
        """Restart the process if it has died; return False when it died quickly too often."""
        if self.is_running:
            return True
        self.stop()
        quick = time.monotonic() - self._started < _QUICK_DEATH
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        if self._quick_deaths >= _QUICK_DEATHS:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """Stop the process and wait for its end."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def last_lines(self, count: int = 15) -> str:
        """Return the last lines of the process's log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])
