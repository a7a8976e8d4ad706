"""A broker that a test may kill: Valkey alone, with its data kept."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis

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
        self.port = free_port()
        self.address = f"redis://:{_PASSWORD}@127.0.0.1:{self.port}"

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
        self._service = self._server.start(self.port)
        until(lambda: self._server.answers(self.port), "Valkey to answer")

    def follow(self, other: Valkey) -> None:
        """Become a replica of the other; returns when it has all that the other has."""
        with Redis.from_url(self.address) as redis:
            redis.config_set("masterauth", _PASSWORD)
            redis.replicaof("127.0.0.1", str(other.port))
            until(lambda: redis.info("replication").get("master_link_status") == "up", "the replica to be there")

    def take_over(self) -> None:
        """Become a primary, as a fail-over does."""
        with Redis.from_url(self.address) as redis:
            redis.replicaof("NO", "ONE")

    def kill(self) -> None:
        """As a crash would."""
        self._service.kill()
