"""Folders in which a document's commands are run as a reader runs them, and what came of each."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from dotenv import dotenv_values

from tests.documents import ROOT
from tests.waiting import until

COMMAND = Path(sys.executable).with_name("concept-worker")
A_TEST = "from pathlib import Path\n\ndef test_runs():\n    Path('ran').touch()\n"


@dataclass(frozen=True)
class Done:
    """A command at its end."""

    code: int
    printed: str
    complained: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        """The pictures that it says it wrote."""
        named = re.findall(r"^ +(\S+\.png)$", self.printed, re.MULTILINE)
        return [self.folder / name for name in named]


@dataclass
class Folder:
    """A folder of one's own, without any setting of this machine."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        """A newcomer's: the installed commands, and nothing set."""
        kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        found = os.pathsep.join([str(COMMAND.parent), "/usr/bin", "/bin"])
        return {"HOME": str(self.path), "PATH": found, "COLUMNS": "100", "LC_ALL": "C.UTF-8", **kept}

    def run(self, line: str, **settings: str) -> Done:
        """A line of shell, to its end, as it stands."""
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.path,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr, self.path)


class Clone(Folder):
    """A fresh clone after `make install`, with one test in it, which leaves a file `ran`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copyfile(ROOT / name, path / name)
        (path / "tests" / "unit").mkdir(parents=True)
        (path / "tests" / "unit" / "test_one.py").write_text(A_TEST)
        (path / ".venv").mkdir()
        for part in Path(sys.prefix).iterdir():
            if part.name != ".ready":
                (path / ".venv" / part.name).symlink_to(part)
        (path / ".venv" / ".ready").touch()


class Dev(Folder):
    """A folder in which a line that starts `concept-worker dev` is running."""

    def __init__(self, path: Path, line: str) -> None:
        super().__init__(path)
        self._said = path / "said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {line}"], cwd=path, env=self.environment, stdout=said, stderr=said
            )
        try:
            until(lambda: "Ctrl-C" in self.said or self.process.poll() is not None, "dev to be up")
            assert self.process.poll() is None, self.said
        except BaseException:
            self.stop()
            raise

    @property
    def said(self) -> str:
        """All that it printed."""
        return self._said.read_text()

    @property
    def settings(self) -> dict[str, str]:
        """What it gives to the commands beside it."""
        file = self.path / ".concept-worker" / "dev.env"
        return {name: str(value) for name, value in dotenv_values(file).items()}

    @property
    def processes(self) -> list[str]:
        """The command line of each process below it."""
        return [" ".join(child.cmdline()) for child in psutil.Process(self.process.pid).children(recursive=True)]

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
