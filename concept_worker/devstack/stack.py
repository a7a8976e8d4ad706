"""The embedded stack: PostgreSQL, the Supabase layer and Valkey, started and ended together."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from concept_worker.devstack.account import choose_account
from concept_worker.devstack.acl import BrokerUser, as_user
from concept_worker.devstack.binaries import postgres_folder
from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.errors import StackError
from concept_worker.devstack.keys import Keys, load_keys
from concept_worker.devstack.layer_server import LayerServer
from concept_worker.devstack.ports import free_port
from concept_worker.devstack.postgres import PostgresServer
from concept_worker.devstack.service import Service
from concept_worker.devstack.valkey import ValkeyServer
from concept_worker.errors import UntrustedPath
from concept_worker.ownership import read_own, replace_own

_READY_SECONDS = 60.0  # far more than any machine needs; a stack that is not ready by then will never be
_POLL_SECONDS = 0.01
_PORT_TRIES = 3  # another process may take a free port between our check and the server's start


@dataclass(frozen=True)
class Ports:
    """The ports of the servers, on the loopback address."""

    postgres: int
    layer: int
    valkey: int


class Stack:
    """A private Supabase and broker, for development, demo and tests.

    It is a context manager and keeps everything in `data_dir`. A later stack with the same directory finds the data and
    the keys of the earlier one, and its ports while they are free. If this process dies, the servers end too.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = DataDir(data_dir)
        self.data_dir = self._data_dir.path
        self._services: dict[str, Service] = {}
        self._keys: Keys | None = None
        self._ports: Ports | None = None
        self.note = ""  # one sentence: the account that PostgreSQL runs as, and why

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all servers; return when all of them answer.

        Raises:
            StackError: a server did not start; the message says why in one sentence, and no server keeps running.
        """
        self._data_dir.acquire()
        try:
            self._prepare()
            for attempt in range(_PORT_TRIES):
                if self._launch(last=attempt == _PORT_TRIES - 1):
                    break
        except UntrustedPath as exc:
            self.stop()
            raise StackError(str(exc)) from exc
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all servers in order: a server before those it uses. Safe to call twice."""
        for name in ("layer", "postgres", "valkey"):
            self._end(name)
        self._data_dir.release()

    @property
    def keys(self) -> Keys:
        """The stack's keys, while the stack runs."""
        if self._keys is None:
            raise StackError("The embedded stack is not running.")
        return self._keys

    @property
    def ports(self) -> Ports:
        """The stack's ports, while the stack runs."""
        if self._ports is None:
            raise StackError("The embedded stack is not running.")
        return self._ports

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point a process at this stack; on the broker they name the user with all rights."""
        broker = f"redis://:{self.keys.broker_password}@127.0.0.1:{self.ports.valkey}"
        owner = f"postgresql://postgres:{self.keys.owner_password}@127.0.0.1:{self.ports.postgres}/postgres"
        return {
            "SUPABASE_URL": f"http://127.0.0.1:{self.ports.layer}",
            "SUPABASE_SECRET_KEY": self.keys.secret_key,
            "SUPABASE_PUBLISHABLE_KEY": self.keys.publishable_key,
            "SUPABASE_SERVICE_ROLE_KEY": self.keys.service_role_jwt,
            "SUPABASE_ANON_KEY": self.keys.anon_jwt,
            "SUPABASE_JWT_SECRET": self.keys.jwt_secret,
            "REDIS_URL": f"{broker}/0",
            "CONCEPT_RESULT_URL": f"{broker}/1",
            "CONCEPT_STAGING_URL": f"{broker}/2",
            "DATABASE_URL": owner,
        }

    def environment_of(self, user: BrokerUser, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the stack's settings (or `environment`) for one process of a deployment: its user on the broker."""
        settings = self.environment if environment is None else environment
        return {name: as_user(value, user, self.keys.broker_password) for name, value in settings.items()}

    def create_user(self, user_id: UUID | None = None) -> UUID:
        """Create a user that may own rows, with this id or a fresh one."""
        user_id = user_id or uuid4()
        headers = {"apikey": self.keys.secret_key, "Content-Type": "application/json"}
        body = json.dumps({"id": str(user_id), "email": f"{user_id}@localhost"})
        connection = http.client.HTTPConnection("127.0.0.1", self.ports.layer, timeout=30)
        try:
            connection.request("POST", "/auth/v1/admin/users", body, headers)
            answer = connection.getresponse()
            body_text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise StackError(f"The user could not be created: {body_text}")
        return user_id

    def user_token(self, user_id: UUID) -> str:
        """Make a token as a signed-in user's browser sends it, valid for an hour."""
        return self.keys.user_token(user_id)

    def dead(self) -> list[str]:
        """Return the names of the servers that ended without being stopped."""
        return [service.name for service in self._services.values() if not service.is_running]

    def start_dead(self) -> None:
        """Restart the dead servers at their ports; a server after those it uses.

        Raises:
            StackError: a server does not start.
        """
        starts = {"postgres": self.start_postgres, "valkey": self.start_broker, "layer": self.start_layer}
        for name in [name for name in starts if name in self._services and not self._services[name].is_running]:
            self._end(name)
            starts[name]()

    def kill_postgres(self) -> None:
        """Kill PostgreSQL, as a crash would."""
        self._services.pop("postgres").kill()

    def start_postgres(self) -> None:
        """Restart PostgreSQL at its port; return when it accepts connections."""
        self._await_server("postgres", lambda: self._postgres.start(self.ports.postgres), self._postgres_answers)

    def kill_broker(self) -> None:
        """Kill Valkey, as a crash would."""
        self._services.pop("valkey").kill()

    def start_broker(self, *, keep_data: bool = True) -> None:
        """Restart Valkey at its port, with its data or empty; return when it accepts commands."""
        if not keep_data:
            self._valkey.forget()
        self._await_server("valkey", lambda: self._valkey.start(self.ports.valkey), self._valkey_answers)

    def kill_layer(self) -> None:
        """Kill the HTTP layer, as a crash would."""
        self._services.pop("layer").kill()

    def start_layer(self) -> None:
        """Restart the HTTP layer at its port; return when it serves."""
        self._services["layer"] = self._layer.start(self.ports.layer, self.ports.postgres, _READY_SECONDS)
        self._layer.wait_ready(self._services["layer"], _READY_SECONDS)

    def _prepare(self) -> None:
        path = self._data_dir.path
        account = choose_account(postgres_folder(), path)
        self.note = account.note
        self._keys = load_keys(path / "keys.json")
        self._postgres = PostgresServer(account, self._data_dir, self._keys.owner_password)
        self._valkey = ValkeyServer(self._data_dir, self._keys.broker_password)
        self._layer = LayerServer(self._data_dir, path / "keys.json")
        self._valkey.prepare()

    def _launch(self, *, last: bool) -> bool:
        """Start all servers side by side; return False when a port was taken and another try may help."""
        ports = self._ports = self._choose_ports()
        try:
            # The slow starts overlap: while initdb makes the cluster, the layer loads and waits.
            self._services["layer"] = self._layer.start(ports.layer, ports.postgres, _READY_SECONDS)
            self._services["valkey"] = self._valkey.start(ports.valkey)
            self._postgres.prepare()
            self._services["postgres"] = self._postgres.start(ports.postgres)
            self._wait_for("postgres", self._postgres_answers)
            self._wait_for("valkey", self._valkey_answers)
            self._layer.wait_ready(self._services["layer"], _READY_SECONDS)
        except StackError as exc:
            if last or "in use" not in str(exc).lower():
                raise
            for name in list(self._services):
                self._end(name)
            return False
        self._remember_ports()
        return True

    def _choose_ports(self) -> Ports:
        """Choose the ports of the last run where they are still free, else others."""
        file = self._data_dir.path / "ports.json"
        known = json.loads(read_own(file) or "{}")
        file.unlink(missing_ok=True)  # if this start fails, the next one chooses other ports
        return Ports(**{name: free_port(known.get(name)) for name in ("postgres", "layer", "valkey")})

    def _remember_ports(self) -> None:
        replace_own(self._data_dir.path / "ports.json", json.dumps(asdict(self.ports)))

    def _postgres_answers(self) -> bool:
        return self._postgres.answers(self.ports.postgres)

    def _valkey_answers(self) -> bool:
        return self._valkey.answers(self.ports.valkey)

    def _await_server(self, name: str, start: Callable[[], Service], answers: Callable[[], bool]) -> None:
        """Start a server until it stays up: right after a crash the old process may still hold its memory or port."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            self._services[name] = start()
            try:
                self._wait_for(name, answers)
            except StackError:
                self._end(name)
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def _wait_for(self, name: str, answers: Callable[[], bool]) -> None:
        service, deadline = self._services[name], time.monotonic() + _READY_SECONDS
        while not answers():
            if not service.is_running:
                raise StackError(f"{service.name} stopped at once: {service.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(f"{service.name} did not answer within {_READY_SECONDS:.0f} seconds.")
            time.sleep(_POLL_SECONDS)

    def _end(self, name: str) -> None:
        service = self._services.pop(name, None)
        if service is not None:
            service.stop()
