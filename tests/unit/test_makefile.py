"""A person's words on the command line of `make demo`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # `make test` runs these tests, and a make inside a make says so


@pytest.fixture
def make_demo(tmp_path: Path) -> Callable[..., str]:
    """`make demo` with a command that prints what it was given."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    command = tmp_path / "bin" / "concept-worker"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\nfor word in "$@"; do printf \'[%s]\' "$word"; done\n')
    command.chmod(0o755)
    for needed in ("pyproject.toml", "constraints.txt", "ready"):
        (tmp_path / needed).touch()

    def run(*words: str, **environment: str) -> str:
        given = ["make", "-s", "demo", f"BIN={command.parent}", f"READY={tmp_path / 'ready'}", *words]
        outside = {name: value for name, value in os.environ.items() if name not in ("LOGO", "THEME", *OF_MAKE)}
        done = subprocess.run(
            given, cwd=tmp_path, env=outside | environment, capture_output=True, text=True, check=True
        )
        assert not (tmp_path / "run-by-make").exists()
        return done.stdout

    return run


@pytest.mark.parametrize(
    "words",
    [
        "a $5 bill",
        "costs $HOME",
        "say $(id) twice",
        "$(",
        "`id`",
        'it\'s "quoted"',
        "a\\b",
        "$(shell touch run-by-make)",
    ],
)
def test_words_arrive_as_they_were_typed(make_demo: Callable[..., str], words: str) -> None:
    """Neither make nor the shell reads them, given as an argument or in the environment."""
    assert make_demo(f"LOGO={words}", f"THEME={words}") == f"[demo][--logo][{words}][--theme][{words}]"
    assert make_demo(LOGO=words) == f"[demo][--logo][{words}]"


def test_empty_words_are_words(make_demo: Callable[..., str]) -> None:
    """The command says what is wrong with them; nothing is drawn in their place."""
    assert make_demo("LOGO=") == "[demo][--logo][]"
    assert make_demo() == "[demo]"


PIP = """#!/bin/sh
echo "Collecting first"
until [ -e go ]; do sleep 0.1; done
echo "Installing last"
exit "$(cat go)"
"""


@pytest.fixture
def make_install(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make install` with a pip that goes on until a file `go` says with which code it ends."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PIP)
    python.chmod(0o755)
    for needed in ("pyproject.toml", "constraints.txt"):
        (tmp_path / needed).touch()
    environment = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    command = ["make", "install", f"PYTHON={sys.executable}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        yield process
        (tmp_path / "go").write_text("0")


def test_installing_says_what_it_does(make_install: subprocess.Popen[str], tmp_path: Path) -> None:
    """At once that it began, and every few seconds what pip is at."""
    assert make_install.stdout
    assert "Installing into .venv" in make_install.stdout.readline()
    assert "s  Collecting first" in make_install.stdout.readline()
    (tmp_path / "go").write_text("0")
    assert make_install.wait(60) == 0
    assert (tmp_path / ".venv" / ".ready").exists()


def test_an_installation_that_failed_says_why(make_install: subprocess.Popen[str], tmp_path: Path) -> None:
    """All that pip said, and no environment that looks ready."""
    (tmp_path / "go").write_text("1")
    _, complained = make_install.communicate(timeout=60)
    assert make_install.returncode != 0
    assert "Collecting first\nInstalling last" in complained
    assert not (tmp_path / ".venv" / ".ready").exists()


def test_ctrl_c_ends_pip_too(make_install: subprocess.Popen[str], tmp_path: Path) -> None:
    """What a terminal sends to all of them leaves nothing that goes on installing."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("these tests run in a shell's background, whose children ignore the signal")
    assert make_install.stdout
    make_install.stdout.readline()
    make_install.stdout.readline()
    started = psutil.Process(make_install.pid).children(recursive=True)
    os.killpg(make_install.pid, signal.SIGINT)
    assert make_install.wait(60) != 0
    until(lambda: not any(child.is_running() for child in started), "pip to end")
    assert not (tmp_path / ".venv" / ".ready").exists()
