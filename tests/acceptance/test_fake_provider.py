"""`concept-worker dev --fake-provider`: the paid provider's wire on this machine, and its troubles to order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from dotenv import dotenv_values

from tests.waiting import until

COMMAND = [sys.executable, "-m", "concept_worker"]


class Dev:
    """A running `dev`, its folder and its fake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Kept: where the package is not installed, Python is told by the environment where it is.
        kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        self._environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "100", **kept}
        self.said = folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [*COMMAND, "dev", "--fake-provider"],
                cwd=folder,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        until(lambda: "Ctrl-C" in self.said.read_text() or self.process.poll() is not None, "dev to be up")
        assert self.process.poll() is None, self.said.read_text()
        self.settings = dotenv_values(folder / ".concept-worker" / "dev.env")
        key = {"x-api-key": str(self.settings["JIGSAWSTACK_API_KEY"])}
        self.fake = httpx.Client(base_url=str(self.settings["JIGSAWSTACK_API_URL"]), headers=key, trust_env=False)
        until(self.fake_answers, "the fake to listen")

    def fake_answers(self) -> bool:
        """Whether the fake is there."""
        try:
            return self.fake.get("/__calls").status_code == 200
        except httpx.TransportError:
            return False

    def children(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def generate(self) -> dict[str, Any]:
        """A concept with one variation, at its end."""
        answer = subprocess.run(
            [*COMMAND, "generate", "a fox", "--theme", "warm", "-n", "1", "--wait", "--json"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert answer.stdout, answer.stderr
        told: dict[str, Any] = json.loads(answer.stdout)
        return told

    def calls(self) -> list[tuple[str, int | None, bool]]:
        """What the fake was asked: endpoint, status, whether it was paid."""
        listed = self.fake.get("/__calls").json()["calls"]
        return [(call["endpoint"], call["status"], call["paid"]) for call in listed]

    def stop(self) -> None:
        """Ctrl-C, and the end; again does nothing."""
        self.fake.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One for the tests of this file."""
    running = Dev(tmp_path_factory.mktemp("dev"))
    yield running
    running.stop()


def test_it_says_where_the_fake_is_and_how_to_order_faults(dev: Dev) -> None:
    """Its address, and a command to copy."""
    url = dev.settings["JIGSAWSTACK_API_URL"]
    said = dev.said.read_text()
    assert f"export JIGSAWSTACK_API_URL={url}" in said
    assert f'curl {url}/__faults -d \'[{{"kind": "status"' in said


def test_it_obeys_nobody_else(dev: Dev) -> None:
    """Neither a neighbour without its key, which no log or command line has, nor a web page whose name leads here."""
    key = str(dev.settings["JIGSAWSTACK_API_KEY"])
    assert httpx.get(dev.fake.base_url.join("/__faults"), trust_env=False).status_code == 401
    assert dev.fake.get("/__faults", headers={"Host": "evil.example"}).status_code == 400
    assert key not in dev.said.read_text()
    assert [child for child in dev.children() if key in " ".join(child.cmdline())] == []


def test_the_workers_draw_through_the_fake_and_its_faults(dev: Dev) -> None:
    """A fault that was ordered comes, the run passes over it, and one picture and one set of palettes are paid."""
    ordered = dev.fake.post("/__faults", json=[{"kind": "status", "status": 500, "endpoint": "image", "times": 1}])
    task = dev.generate()
    assert (ordered.status_code, task["status"]) == (200, "completed")
    assert sorted(dev.calls()) == [("image", 200, True), ("image", 500, False), ("palettes", 200, True)]


def test_a_fake_that_dies_comes_back_at_its_address(dev: Dev) -> None:
    """Supervised like every other child."""
    dev.fake.post("/__faults", json=[{"kind": "html"}])
    (fake,) = [child for child in dev.children() if "concept_worker.devstack.fake_provider" in child.cmdline()[1:3]]
    fake.kill()
    until(lambda: not fake.is_running(), "the fake to be gone")
    until(dev.fake_answers, "the fake to be back")
    assert dev.fake.get("/__faults").json() == []


def test_nothing_is_left(dev: Dev) -> None:
    """Ctrl-C ends the fake with everything else; the last test of this file, because it ends what they share."""
    children = dev.children()
    dev.stop()
    until(lambda: not [child for child in children if child.is_running()], "no process left")
    assert (len(children) > 5, dev.process.returncode) == (True, 0)
