"""Celery processes of `demo` and `dev`: guarded like the servers of the stack, restarted when they die."""

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

_GRACE = 15.0  # seconds a warm stop may take to finish a step; a killed step is resumed by its lease
_QUICK_DEATH = 10.0  # seconds: who lives shorter is broken rather than unlucky
_QUICK_DEATHS = 5  # so many in a row, and it is given up


def celery_command(*arguments: str) -> list[str]:
    """`celery -A concept_worker …` with this interpreter, so that no PATH is needed."""
    return [sys.executable, "-Pm", "concept_worker.celery_program", *arguments]


@dataclass
class Worker:
    """One Celery process, its log file, and how often it died young."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    # For one with a port of its own: the port that it gets now, by the one it had, and the command for it.
    choose: Callable[[int | None], tuple[int, Sequence[str]]] | None = None
    port: int | None = None
    _service: Service | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _quick_deaths: int = field(default=0, init=False)

    def start(self) -> None:
        """Start it; it ends with this process, however this process ends."""
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
        """Whether it lives."""
        return self._service is not None and self._service.is_running

    def restart_if_dead(self) -> bool:
        """Start it again when it has died; False when it dies so quickly that this is no use."""
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
        """Stop it in order."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])
