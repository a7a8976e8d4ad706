"""The layer's own process: it prepares the database and serves on a loopback port; a line on stdout says when."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import uvicorn
from starlette.types import ASGIApp

from concept_worker.devstack.errors import StackError
from concept_worker.devstack.keys import load_keys
from concept_worker.devstack.layer.app import make_app
from concept_worker.devstack.layer.callers import Callers
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.files import Files
from concept_worker.devstack.layer.front import BoundedHead
from concept_worker.devstack.layer.links import Links
from concept_worker.devstack.layer.recorder import SETTING, Recorder
from concept_worker.devstack.schema import prepare_database

_POLL_SECONDS = 0.02
_GRACE_SECONDS = 5  # for requests that are under way when the layer is told to stop
_NOT_YET = (OSError, asyncpg.CannotConnectNowError)


@dataclass(frozen=True)
class _Arguments:
    keys_file: str
    objects_folder: str
    database_port: int
    port: int
    deadline: float  # seconds until PostgreSQL must answer


async def _connect(dsn: str, seconds: float) -> asyncpg.Connection:
    """Connect as soon as PostgreSQL accepts connections."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await asyncpg.connect(dsn, ssl=False)
            except _NOT_YET:
                await asyncio.sleep(_POLL_SECONDS)


async def _serve(arguments: _Arguments) -> None:
    keys, files = load_keys(Path(arguments.keys_file)), Files(Path(arguments.objects_folder))
    address = f"127.0.0.1:{arguments.database_port}/postgres"
    owner = await _connect(f"postgresql://postgres:{keys.owner_password}@{address}", arguments.deadline)
    try:
        await prepare_database(owner, keys.authenticator_password)
        rows = await owner.fetch("select version from storage.objects")
    finally:
        await owner.close()
    files.sweep({row["version"] for row in rows})
    database = await Database.connect(f"postgresql://authenticator:{keys.authenticator_password}@{address}")
    app: ASGIApp = make_app(database, files, Callers(keys), Links(keys.link_key), keys.signed)
    if os.environ.get(SETTING):
        app = Recorder(app, os.environ[SETTING])
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        http=BoundedHead,
        ws="none",
        proxy_headers=False,
        loop="asyncio",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with _listen(arguments.port) as listener:
        _report("ready")
        await uvicorn.Server(config).serve([listener])
    await database.close()


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY: else each answer on a kept connection waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


def _report(line: str) -> None:
    """Write the one line that the layer's parent process waits for."""
    os.write(sys.stdout.fileno(), (line.replace("\n", " ") + "\n").encode())


def main() -> int:
    """Serve until a signal to stop; return 1 when the layer could not start."""
    arguments = _Arguments(**json.loads(sys.argv[1]))
    try:
        asyncio.run(_serve(arguments))
    except TimeoutError:
        _report("PostgreSQL did not take connections in time")
    except (StackError, OSError, asyncpg.PostgresError) as exc:
        _report(str(exc) or type(exc).__name__)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
