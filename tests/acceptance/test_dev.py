"""`concept-worker dev` on a shared and busy machine: ports are taken, its output is kept, servers are killed."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from dotenv import dotenv_values

from tests.waiting import until

COMMAND = [sys.executable, "-m", "concept_worker"]


class Dev:
    """A running `dev` whose standard error goes to a file, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        # A service's settings may ask for colours; what is written is a file all the same.
        self._environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "100", "FORCE_COLOR": "1", **kept}
        self._log = folder / "said"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "dev"], cwd=folder, env=self._environment, stdout=subprocess.DEVNULL, stderr=log
            )
        until(lambda: "Ctrl-C" in self.said or self.process.poll() is not None, "dev to be up")
        assert self.process.poll() is None, self.said

    @property
    def said(self) -> str:
        """What it wrote, without colours."""
        return re.sub("\x1b\\[[0-9;]*m", "", self._log.read_text())

    @property
    def settings(self) -> dict[str, str]:
        """What the file with its settings says."""
        return {name: str(value) for name, value in dotenv_values(self.file).items()}

    @property
    def file(self) -> Path:
        """That file."""
        return self.folder / ".concept-worker" / "dev.env"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command beside it."""
        return subprocess.run(
            [*COMMAND, *arguments], cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=60
        )

    def server(self, name: str) -> psutil.Process | None:
        """The stack's server whose program has this name."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if child.name() == name and child.parent().name() != name:
                    return child
        return None


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One for the tests of this file, beside somebody on Flower's port."""
    with ExitStack() as at_end:
        stranger = at_end.enter_context(socket.socket())
        with suppress(OSError):  # somebody has it already
            stranger.bind(("127.0.0.1", 5555))
            stranger.listen(1)
        running = Dev(tmp_path_factory.mktemp("dev"))
        at_end.callback(running.process.wait, 60)
        at_end.callback(running.process.send_signal, signal.SIGINT)
        yield running


@pytest.mark.skipif(importlib.util.find_spec("flower") is None, reason="the extra flower is not installed")
def test_flower_finds_another_port(dev: Dev) -> None:
    """The port is said; there Flower answers, to who knows the password."""
    found = re.search(r"Flower {2}(http://127\.0\.0\.1:(\d+))", dev.said)
    assert found is not None
    assert found[2] != "5555"
    name, _, password = dev.settings["FLOWER_BASIC_AUTH"].partition(":")
    with httpx.Client(base_url=found[1], trust_env=False) as flower:

        def status(**more: object) -> int:
            try:
                return flower.get("/", **more).status_code  # type: ignore[arg-type]
            except httpx.TransportError:
                return 0

        until(lambda: status() == 401, "Flower to ask for a password")
        assert status(auth=(name, password)) == 200


def test_secrets_are_in_a_file_of_ones_own_and_not_in_a_log(dev: Dev) -> None:
    """Standard error of a service is kept, and read by others; it says where the secrets are."""
    secret = [value for name, value in dev.settings.items() if name not in ("SUPABASE_URL",)]
    assert len(secret) > 8
    assert [value for value in secret if (value.rpartition("@")[0] or value) in dev.said] == []
    assert f"export SUPABASE_URL={dev.settings['SUPABASE_URL']}" in dev.said
    assert ".concept-worker/dev.env" in dev.said
    assert dev.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("program", "name"), [("postgres", "PostgreSQL"), ("valkey-server", "Valkey")])
def test_a_server_that_dies_comes_back(dev: Dev, program: str, name: str) -> None:
    """Said, started again at its address, and the commands work."""
    server = dev.server(program)
    assert server is not None
    server.kill()
    until(lambda: f"{name} died, starting it again" in dev.said, "dev to notice")
    until(lambda: dev.server(program) not in (None, server), "the server to be back")
    until(lambda: dev.run("tasks", "--json").returncode == 0, "the commands to work")
    assert dev.process.poll() is None
