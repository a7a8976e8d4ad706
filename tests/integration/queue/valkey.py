"""A broker that a test may kill: Valkey alone, with its data kept."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.ports import free_port
from concept_worker.devstack.valkey import ValkeyServer
from tests.waiting import until

_PASSWORD = "queue-tests"


class Valkey:
    """A server on a free port; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._data_dir = DataDir(folder)
        self._server = ValkeyServer(self._data_dir, _PASSWORD)
        self._port = free_port()
        self.address = f"redis://:{_PASSWORD}@127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._data_dir.acquire()
        self._server.prepare()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.stop()
        self._data_dir.release()

    def start(self) -> None:
        """Start it with what it had; returns when it takes commands."""
        self._service = self._server.start(self._port)
        until(lambda: self._server.answers(self._port), "Valkey to answer")

    def kill(self) -> None:
        """As a crash would."""
        self._service.kill()
