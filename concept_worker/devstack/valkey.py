"""The Valkey server of a stack: broker, result backend and staging."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket

from concept_worker.devstack.acl import PREFIX, acl_file
from concept_worker.devstack.binaries import valkey_server
from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.guard import Order
from concept_worker.devstack.ports import child_environment
from concept_worker.devstack.service import Service
from concept_worker.ownership import replace_own

_GRACE_SECONDS = 10.0
_DATABASES = 256
_CONFIGURATION = """
bind 127.0.0.1
port {port}
aclfile users.acl
dir .
appendonly yes
# A crash of the machine may lose the last second; a crash of the server loses nothing.
appendfsync everysec
save ""
# A broker that evicts keys loses messages: refuse writes instead.
maxmemory-policy noeviction
maxclients 10000
# Room for many brokers side by side: each system under test has a database of its own.
databases {databases}
daemonize no
loglevel warning
"""


class ValkeyServer:
    """A starter of Valkey in its folder."""

    def __init__(self, data_dir: DataDir, password: str) -> None:
        self._data_dir, self._password = data_dir, password
        self._folder = data_dir.path / "valkey"

    def prepare(self) -> None:
        """Make the folder."""
        self._data_dir.folder("valkey")

    def start(self, port: int) -> Service:
        """Start the server; it accepts commands once `answers(port)`."""
        replace_own(self._folder / "users.acl", acl_file(self._password, range(_DATABASES), PREFIX))
        replace_own(self._folder / "valkey.conf", _CONFIGURATION.format(port=port, databases=_DATABASES))
        return Service(
            "Valkey",
            Order(
                argv=[str(valkey_server()), "valkey.conf"],
                folder=str(self._folder),
                log=str(self._data_dir.log("valkey")),
                environment=child_environment(LC_ALL="C"),
                keep=[self._data_dir.inherited],
                stop_signal=signal.SIGTERM,
                grace=_GRACE_SECONDS,
            ),
        )

    def answers(self, port: int) -> bool:
        """Tell whether the server accepts commands: it has then loaded its data."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (chunk := connection.recv(256)):
                answer += chunk
            return b"+PONG" in answer
        return False

    def forget(self) -> None:
        """Delete all data, as a restart of a broker without persistence does."""
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
