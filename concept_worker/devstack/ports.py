"""Free loopback ports, and the environment of started servers."""

from __future__ import annotations

import os
import random
import socket

from concept_worker.devstack.errors import StackError
from concept_worker.import_path import children_path

_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CONCEPT_DEVSTACK_SHAPES")
# Below the ports that systems give to outgoing connections: such a connection could take the port of a server while
# the server restarts.
_FIRST, _LAST = 20_000, 32_000


def free_port(preferred: int | None = None) -> int:
    """Return a port without a listener, the preferred one if it is free."""
    candidates = [preferred] if preferred else []
    candidates += random.SystemRandom().sample(range(_FIRST, _LAST), 200)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StackError("No free port was found on the loopback address.")


def child_environment(**extra: str) -> dict[str, str]:
    """Return the part of our environment that a server needs, without secrets or settings of PostgreSQL or Python."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PYTHONPATH": children_path()} | extra
