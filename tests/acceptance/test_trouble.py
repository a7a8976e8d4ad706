"""How commands end that did not succeed: one sentence or one document, the task's id, and how to go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from concept_worker.client import ConceptClient
from concept_worker.devstack import Stack
from concept_worker.models import TaskStatus
from concept_worker.settings import Settings
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
ASK = ("generate", "a fox", "--theme", "warm", "--wait")


@pytest.fixture
def environment(stack: Stack, brokers: Iterator[str], user_id: UUID) -> dict[str, str]:
    """A deployment without a worker: rows stay pending."""
    broker = next(brokers)
    mine = {"REDIS_URL": broker, "CONCEPT_RESULT_URL": broker, "CONCEPT_USER_ID": str(user_id)}
    return {**stack.environment, **mine, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@pytest.fixture
def client(environment: dict[str, str]) -> Iterator[ConceptClient]:
    """Its producer."""
    named = {name.lower().removeprefix("concept_"): value for name, value in environment.items()}
    with ConceptClient.from_settings(Settings.model_validate(named)) as client:
        yield client


def begun(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    command = [sys.executable, "-c", "from concept_worker.cli import main; main()", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_leaves_a_task_that_goes_on(
    client: ConceptClient,
    environment: dict[str, str],
    user_id: UUID,
    tmp_path: Path,
    stop: signal.Signals,
    as_json: bool,
) -> None:
    """The person hears which one, and what to say next."""
    if signal.getsignal(stop) is signal.SIG_IGN:
        pytest.skip("these tests run under nohup, whose children ignore the signal")
    with begun(tmp_path, environment, *ASK, *(["--json"] if as_json else [])) as command:
        until(lambda: client.get_tasks(user_id), "the row")
        command.send_signal(stop)
        told, complained = command.communicate(timeout=60)
    (row,) = client.get_tasks(user_id)
    assert command.returncode == 128 + stop
    assert row.status is TaskStatus.PENDING
    said = json.loads(told)["error"] if as_json else " ".join(complained.split())
    assert "interrupted; " in said
    assert "the task goes on" in said
    assert f"concept-worker status {row.id}" in said
    if as_json:
        assert json.loads(told)["task_id"] == str(row.id)


def test_pictures_that_cannot_be_written_are_not_asked_for(
    client: ConceptClient, environment: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    """Nothing is paid for what nobody can keep."""
    (tmp_path / "file").touch()
    with begun(tmp_path, environment, *ASK, "--output", "file/pictures", "--json") as command:
        told, _ = command.communicate(timeout=60)
    assert command.returncode == 1
    assert "--output: pictures cannot be written to file/pictures" in json.loads(told)["error"]
    assert list(client.get_tasks(user_id)) == []


def test_a_reader_that_goes_leaves_a_task_that_goes_on(
    client: ConceptClient, environment: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    """As with `head`: nothing more is written there, no traceback, and the code of a closed pipe."""
    row = client.generate(user_id=user_id, logo_description="a fox", theme_description="warm")
    with begun(tmp_path, environment, "status", str(row.id)) as command:
        assert command.stdout
        assert command.stderr
        command.stdout.close()
        complained = command.stderr.read()
    assert command.returncode == 141
    assert "Traceback" not in complained
    assert f"see what became of the task: concept-worker status {row.id}" in " ".join(complained.split())
    assert client.get_task(row.id, user_id).status is TaskStatus.PENDING


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("generate", "a fox", "--json"), "theme"),
        (("tasks", "--limit", "many", "--json"), "--limit"),
        (("status", "no-uuid", "--json"), "task_id"),
        (("draw", "--json"), "draw"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_document(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """A missing option, a value of the wrong kind, no such command: exit code 2."""
    with begun(tmp_path, environment, *arguments) as command:
        told, _ = command.communicate(timeout=60)
    assert command.returncode == 2
    assert words in json.loads(told)["error"]


@pytest.mark.parametrize("command", ["status", "cancel", "delete", "retry"])
def test_a_task_that_is_not_there_is_named(environment: dict[str, str], tmp_path: Path, command: str) -> None:
    """The document has the id that was asked for, or that a new task would have had."""
    chosen = str(uuid4())
    arguments = [command, chosen] if command != "retry" else [command, str(uuid4()), "--id", chosen]
    with begun(tmp_path, environment, *arguments, "--json") as asked:
        told, _ = asked.communicate(timeout=60)
    assert asked.returncode == 1
    assert json.loads(told)["task_id"] == chosen


def test_a_broker_that_is_away_names_the_failed_task(
    client: ConceptClient, environment: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    """Its row is there, so the document and the sentence have its id."""
    for more in ([], ["--json"]):
        with begun(tmp_path, environment | {"REDIS_URL": "redis://127.0.0.1:9/0"}, *ASK, *more) as command:
            told, complained = command.communicate(timeout=60)
        row = client.get_tasks(user_id)[0]
        assert command.returncode == 1
        assert row.status is TaskStatus.FAILED
        assert str(row.id) in (json.loads(told)["task_id"] if more else complained)


def test_every_failure_is_one_document(environment: dict[str, str], tmp_path: Path) -> None:
    """Bad input, a database that is away, a setting that is none."""
    away = {"SUPABASE_URL": "http://127.0.0.1:9"}
    cases = {
        "logo_description": (environment, ("generate", "", "--theme", "warm")),
        "did not answer": (environment | away, ("tasks",)),
        "CONCEPT_LEASE_SECONDS": (environment | {"CONCEPT_LEASE_SECONDS": "soon"}, ("tasks",)),
    }
    for words, (settings, arguments) in cases.items():
        with begun(tmp_path, settings, *arguments, "--json") as command:
            told, _ = command.communicate(timeout=60)
        assert command.returncode == 1
        assert words in json.loads(told)["error"]
