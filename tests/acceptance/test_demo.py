"""The commands as a newcomer runs them: processes of their own, in an empty folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.waiting import until

COMMAND = [sys.executable, "-m", "concept_worker"]


def bare_environment(home: Path) -> dict[str, str]:
    """Nothing of this machine's settings."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "100"}


def run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment or bare_environment(folder),
        capture_output=True,
        text=True,
        timeout=150,
    )


def still_running(marks: set[int]) -> set[int]:
    """Those of the processes that live."""
    return {pid for pid in marks if psutil.pid_exists(pid)}


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


class TestDemo:
    """`concept-worker demo`"""

    def test_leaves_the_pictures_and_says_so(self, tmp_path: Path) -> None:
        """Exit 0, base, variations, sheet, and one JSON document."""
        answer = run(tmp_path, "demo", "--num-palettes", "3", "--json", "--logo", 'a "quoted" $HOME fox', "-o", "pics")
        assert answer.returncode == 0, answer.stderr
        told = json.loads(answer.stdout)
        assert told["task"]["status"] == "completed"
        assert told["task"]["metadata"]["logo_description"] == 'a "quoted" $HOME fox'
        folder = tmp_path / "pics" / told["task"]["id"]
        assert sorted(path.name for path in folder.iterdir()) == [
            "base.png",
            "contact-sheet.png",
            "variation-01.png",
            "variation-02.png",
            "variation-03.png",
        ]
        for path in folder.iterdir():
            with Image.open(path) as picture:
                picture.verify()
        assert "generate base image" in answer.stderr

    def test_bad_input_is_said_and_nothing_is_left(self, tmp_path: Path) -> None:
        """Exit 1, the field named, no pictures."""
        answer = run(tmp_path, "demo", "--num-palettes", "21")
        assert answer.returncode == 1
        assert "num_palettes: " in answer.stderr
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_an_end_in_the_middle_leaves_no_process(self, tmp_path: Path, number: int) -> None:
        """Ctrl-C, a polite kill and a hard one: everything it started is gone."""
        process = subprocess.Popen(
            [*COMMAND, "demo", "--num-palettes", "20"],
            cwd=tmp_path,
            env=bare_environment(tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        log = tmp_path / ".concept-worker" / "demo" / "worker.log"
        until(lambda: log.exists() and "ready" in log.read_text(), "the worker to be ready")
        started = descendants(process.pid)
        assert len(started) >= 4
        os.kill(process.pid, number)
        process.wait(60)
        until(lambda: not still_running(started), f"no process left of {len(started)}")


class TestDev:
    """`concept-worker dev` and the commands against it."""

    def test_generate_status_and_tasks_work_beside_it(self, tmp_path: Path) -> None:
        """Without a setting, because the folder has a running stack."""
        process = subprocess.Popen(
            [*COMMAND, "dev"],
            cwd=tmp_path,
            env=bare_environment(tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            until((tmp_path / ".concept-worker" / "dev.env").exists, "the settings file")
            made = run(tmp_path, "generate", "a fox", "--theme", "warm", "-n", "2", "--wait", "--json")
            assert made.returncode == 0, made.stderr
            task = json.loads(made.stdout)
            shown = json.loads(run(tmp_path, "status", task["id"], "--json").stdout)
            listed = json.loads(run(tmp_path, "tasks", "--status", "completed", "--json").stdout)
            assert shown["status"] == "completed"
            assert [row["id"] for row in listed] == [task["id"]]
            checked = run(tmp_path, "doctor")
            assert checked.returncode == 0, checked.stdout
            assert (tmp_path / "out" / task["id"] / "contact-sheet.png").exists()
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "export SUPABASE_URL=" in said
        assert not (tmp_path / ".concept-worker" / "dev.env").exists()


def test_commands_without_a_stack_say_what_to_do(tmp_path: Path) -> None:
    """The setting is named, and the way to a local stack."""
    answer = run(tmp_path, "generate", "a fox", "--theme", "warm")
    assert answer.returncode == 1
    assert "SUPABASE_URL" in answer.stderr
    assert "concept-worker dev" in answer.stderr
    assert "Traceback" not in answer.stderr
