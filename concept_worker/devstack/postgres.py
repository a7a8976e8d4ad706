"""The PostgreSQL server of a stack."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct

from concept_worker.devstack.account import Account
from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.errors import StackError
from concept_worker.devstack.guard import Order
from concept_worker.devstack.ports import child_environment
from concept_worker.devstack.service import Service
from concept_worker.ownership import check, open_checked, replace_own

_GRACE_SECONDS = 20.0
_PROTOCOL = 196_608  # version 3.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # no socket file: its path has a length limit, and no client needs it
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_senders": "0",  # no replication, so less to write
    "wal_level": "minimal",
    "max_parallel_workers_per_gather": "0",  # would need shared memory that containers often lack
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "logging_collector": "off",
    "password_encryption": "scram-sha-256",
}


class PostgresServer:
    """A starter of PostgreSQL in its folder; data is durable when a commit returns."""

    def __init__(self, account: Account, data_dir: DataDir, password: str) -> None:
        self._account, self._data_dir, self._password = account, data_dir, password
        self._data = account.home / "data"

    def prepare(self) -> None:
        """Make the database cluster, the first time.

        Raises:
            StackError: with the reason that initdb gave.
        """
        self._account.let_pass(self._data_dir.path)
        self._account.home.mkdir(mode=0o700, exist_ok=True)
        check(self._account.home, self._account.home.lstat(), self._account.users)
        self._account.own(self._account.home)
        if not self._data.exists():
            self._initialise()
        for folder in (self._account.home, self._data):
            os.close(open_checked(folder, os.O_RDONLY | os.O_DIRECTORY, self._account.users))
        # We hold the lock that every server process of this folder inherits, so a leftover file belongs to no process.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def start(self, port: int) -> Service:
        """Start the server; it accepts connections once `answers(port)`."""
        settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
        argv = [str(self._account.programs / "postgres"), "-D", str(self._data), "-p", str(port), *settings]
        return Service("PostgreSQL", self._order(argv))

    @staticmethod
    def answers(port: int) -> bool:
        """Tell whether the server accepts connections: it asks for a password; a starting server sends an error."""
        names = b"user\0postgres\0database\0postgres\0\0"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack("!ii", len(names) + 8, _PROTOCOL) + names)
            return connection.recv(1) == b"R"
        return False

    def _order(self, argv: list[str]) -> Order:
        return Order(
            argv=argv,
            folder=str(self._account.home),
            log=str(self._data_dir.log("postgres")),
            environment=child_environment(LC_ALL="C"),
            keep=[self._data_dir.inherited],
            stop_signal=signal.SIGINT,  # "fast" shutdown: end the sessions, write everything, exit
            grace=_GRACE_SECONDS,
            uid=self._account.uid,
            gid=self._account.gid,
            namespace=self._account.namespace,
        )

    def _initialise(self) -> None:
        """Build the cluster aside, then move it into place: an interrupted start leaves no half-made cluster."""
        unfinished, secret = self._account.home / "data.new", self._account.home / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        replace_own(secret, self._password)
        self._account.own(secret)
        argv = [str(self._account.programs / "initdb"), "-D", str(unfinished), "-U", "postgres", "-E", "UTF8"]
        argv += ["--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
        service = Service("initdb", self._order(argv))
        try:
            service.wait(60.0)
            if not (unfinished / "PG_VERSION").exists() or service.status != 0:
                raise StackError(f"PostgreSQL's initdb failed: {service.last_words()}")
        finally:
            service.stop()
            secret.unlink()
        unfinished.rename(self._data)
