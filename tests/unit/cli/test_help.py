"""What `--help` says."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, cast

import pytest
import typer

from concept_worker.cli.app import app

COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)


def shown(*arguments: str) -> str:
    """The help on a page of 80 columns."""
    code = "from concept_worker.cli import main; main()"
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-c", code, *arguments, "--help"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_that_can_be_read(command: str) -> None:
    """Each option and argument of an example is one that the command takes."""
    lines = [
        line.strip() for line in shown(command).splitlines() if line.strip().startswith(f"concept-worker {command}")
    ]
    assert lines
    options = {
        name
        for parameter in cast("Any", typer.main.get_command(app)).commands[command].params
        for name in parameter.opts
    }
    for line in lines:
        assert {word for word in line.split() if word.startswith("-")} <= options


def test_exit_codes_are_told() -> None:
    """Scripts can rely on them."""
    words = " ".join(shown().split())
    assert "Exit codes: 0 done, 1 failed, 2 " in words
    assert "130 Ctrl-C" in words
