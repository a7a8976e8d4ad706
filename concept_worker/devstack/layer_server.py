"""The process of the HTTP layer, and how the stack starts it."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.errors import StackError
from concept_worker.devstack.guard import Order
from concept_worker.devstack.ports import child_environment
from concept_worker.devstack.service import Service

_GRACE_SECONDS = 10.0


class LayerServer:
    """A starter of the layer over a PostgreSQL port."""

    def __init__(self, data_dir: DataDir, keys_file: Path) -> None:
        self._data_dir, self._keys_file = data_dir, keys_file

    def start(self, port: int, database_port: int, seconds: float) -> Service:
        """Start the layer, which waits up to `seconds` for PostgreSQL and then prepares the schema."""
        arguments = {
            "keys_file": str(self._keys_file),
            "objects_folder": str(self._data_dir.folder("objects")),
            "database_port": database_port,
            "port": port,
            "deadline": seconds,
        }
        return Service(
            "The Supabase layer",
            Order(
                # -P: a module in the working directory must not be imported in place of ours.
                argv=[sys.executable, "-P", "-m", "concept_worker.devstack.layer", json.dumps(arguments)],
                folder=str(self._data_dir.path),
                log=str(self._data_dir.log("layer")),
                environment=child_environment(),
                keep=[self._data_dir.inherited],
                stop_signal=signal.SIGTERM,
                grace=_GRACE_SECONDS,
                speaks=True,
            ),
        )

    @staticmethod
    def wait_ready(service: Service, seconds: float) -> None:
        """Wait until the layer serves.

        Raises:
            StackError: the layer did not start; the message has the layer's reason.
        """
        line = service.read_line(seconds)
        if line != "ready":
            raise StackError(f"The Supabase layer could not start: {line or service.last_words()}")
