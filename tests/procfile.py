"""The Procfile's lines, as a supervisor runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CELERY = Path(sys.executable).with_name("celery")


def procfile() -> dict[str, str]:
    """Name and command of each process."""
    lines = [line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines()]
    return {name: command.strip() for name, _, command in lines}


@contextmanager
def running(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the Procfile in this folder, with this Python's Celery and these settings; SIGTERM at the end.

    What it says goes to the file `<name>.log` of the folder.
    """
    known = {"PATH": f"{CELERY.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec env {procfile()[name]}"],
            cwd=folder,
            env={**known, **environment},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
