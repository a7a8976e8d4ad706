"""A person's words on the command line of `make demo`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


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
        outside = {name: value for name, value in os.environ.items() if name not in ("LOGO", "THEME", "MAKEFLAGS")}
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
