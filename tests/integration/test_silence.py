"""What a producer's process prints and logs because of us: nothing, until it asks, and then no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.ports import free_port
from tests.integration.lossy import Loss, lossy_gateway

LOST_ONCE = {
    "POST /rest/v1/tasks": Loss.RESET,
    "POST /rest/v1/rpc/transition_task": Loss.HALF,
    "POST /rest/v1/rpc/retry_task": Loss.BAD_GATEWAY,
    "DELETE /rest/v1/tasks": Loss.RESET,
}
PROMPTS = {"logo_description": "a Zanzibarbara", "theme_description": "Quixomorning"}
# Each call that a backend makes, those that fail, and those whose answer is lost; then what it was left with.
HOST = """
import json, logging, os, sys
{setup}
import httpx
from concept_worker import ConceptClient, ConceptWorkerError, Settings
root, ours, errors = logging.getLogger(), logging.getLogger("concept_worker"), []
before = (list(root.handlers), root.level, ours.level)
user, prompts = os.environ["USER_ID"], json.loads(os.environ["PROMPTS"])

def refused(ask, *given, **named):
    try:
        ask(*given, **named)
    except ConceptWorkerError as exc:
        errors.append(type(exc).__name__)

with ConceptClient.from_settings() as client:
    task = client.generate(user_id=user, **prompts)
    assert client.get_task(task.id, user).status == "pending" and client.get_tasks(user)
    assert client.get_concept(task.id, user) is None
    assert client.load_image(f"{{user}}/{{task.id}}/base.png", user) is None
    client.cancel(task.id, user)
    again = client.retry(task.id, user)
    refused(client.retry, again.id, user)
    client.delete(again.id, user)
    refused(client.get_task, again.id, user)
    refused(client.generate, user_id=user, num_palettes=99, **prompts)
    refused(client.generate, user_id=user + "x", **prompts)
with ConceptClient.from_settings(Settings(redis_url=os.environ["NO_REDIS"])) as client:
    refused(client.generate, user_id=user, **prompts)
with ConceptClient.from_settings(Settings(supabase_url=os.environ["NO_SUPABASE"])) as client:
    refused(client.generate, user_id=user, **prompts)
with ConceptClient.from_settings(Settings(supabase_url=os.environ["LOSES_ALL"])) as client:
    refused(client.generate, user_id=user, **prompts)

# Requests of the host's own: one that is answered, one that is not.
httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))).get("http://shop.example/")
try:
    httpx.get(os.environ["NO_SHOP"], trust_env=False)
except httpx.ConnectError:
    pass

assert before == (list(root.handlers), root.level, ours.level)
loggers = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
added = [f"{{type(handler).__name__}} of {{one.name}}" for one in loggers for handler in one.handlers]
told = {{"errors": errors, "added": added, "ours": [type(handler).__name__ for handler in ours.handlers]}}
open(os.environ["TOLD"], "w").write(json.dumps(told))
"""
DEBUG = "logging.basicConfig(level=logging.DEBUG, format='%(levelname)s|%(name)s|%(message)s')"


@dataclass(frozen=True)
class Host:
    """A producer's process at its end."""

    printed: str
    lines: list[tuple[str, str, str]]  # level, logger and message of each line that it logged
    told: dict[str, Any]
    environment: dict[str, str]


@contextmanager
def neighbours(stack: Stack, told: Path) -> Iterator[dict[str, str]]:
    """Settings of neighbours that lose an answer of each kind once, of one that loses all, of some that are away."""
    with ExitStack() as at_end:
        lossy, url = at_end.enter_context(lossy_gateway(stack.ports.layer))
        for request, how in LOST_ONCE.items():
            lossy.lose(request, how)
        loses_all, other = at_end.enter_context(lossy_gateway(stack.ports.layer))
        loses_all.lose("POST /rest/v1/tasks", Loss.RESET, 100)
        yield {
            "SUPABASE_URL": url,
            "SUPABASE_SECRET_KEY": stack.environment["SUPABASE_SECRET_KEY"],
            "REDIS_URL": stack.environment["REDIS_URL"].rpartition("/")[0] + "/255",  # where no worker listens
            "LOSES_ALL": other,
            "NO_REDIS": f"redis://:SECRETWORD@127.0.0.1:{free_port()}/0",
            "NO_SUPABASE": f"http://127.0.0.1:{free_port()}",
            "NO_SHOP": f"http://127.0.0.1:{free_port()}",
            "USER_ID": str(stack.create_user()),
            "PROMPTS": json.dumps(PROMPTS),
            "TOLD": str(told),
        }
        assert sorted(lossy.lost) == sorted(LOST_ONCE)


def run_host(environment: dict[str, str], folder: Path, setup: str) -> Host:
    """Run a producer that sets up its logs so; it must find every answer as it expects it."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-c", HOST.format(setup=setup)]
    done = subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split("|", 2) for line in done.stderr.splitlines() if line.count("|") >= 2]
    told = json.loads(Path(environment["TOLD"]).read_text())
    return Host(done.stdout + done.stderr, [(level, name, said) for level, name, said in lines], told, environment)


@pytest.fixture(scope="module")
def run(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Host]:
    """Run a producer with this set-up of its logs."""

    def ran(setup: str) -> Host:
        folder = tmp_path_factory.mktemp("host")
        with neighbours(stack, folder / "told") as environment:
            return run_host(environment, folder, setup)

    return ran


@pytest.fixture(scope="module")
def loud(run: Callable[[str], Host]) -> Host:
    """A producer that logs all that there is."""
    return run(DEBUG)


def test_without_a_set_up_nothing_is_said(run: Callable[[str], Host]) -> None:
    """Whatever is called and however it ends; no handler is left but those that say nothing."""
    quiet = run("")
    assert quiet.printed == ""
    assert quiet.told["errors"] == [
        *("TaskError", "TaskNotFoundError", "InvalidRequest", "InvalidRequest"),
        *("EnqueueError", "StoreUnreachable", "UnknownOutcome"),
    ]
    assert quiet.told["ours"] == ["NullHandler"]
    assert [one for one in quiet.told["added"] if not one.startswith("NullHandler of ")] == []


def test_a_host_at_debug_hears_our_events(loud: Host) -> None:
    """Under our loggers' names, with the user's id masked, through its own handler alone."""
    ours = [said for _, name, said in loud.lines if name.startswith("concept_worker.")]
    events = {" ".join(word for word in said.split() if "=" not in word) for said in ours}
    assert events >= {"task created", "task enqueued", "task status changed", "task retried"}
    masked = f"user={loud.environment['USER_ID'][:4]}****"
    assert [said for said in ours if said.startswith("task ") and masked not in said] == []
    assert loud.told["ours"] == ["NullHandler"]


def test_no_line_has_a_secret(loud: Host) -> None:
    """Neither ours nor a library's about a request of ours: no key, password, prompt or user's id."""
    known = loud.environment
    password = urlsplit(known["REDIS_URL"]).password
    assert password
    secrets = {known["SUPABASE_SECRET_KEY"], password, "SECRETWORD", known["USER_ID"], *PROMPTS.values()}
    assert [line for line in loud.printed.splitlines() if any(secret in line for secret in secrets)] == []


def test_a_hosts_own_requests_are_logged_as_before(loud: Host) -> None:
    """Ours are left out, in the same process and beside them."""
    said = {library: [s for _, name, s in loud.lines if name.startswith(library)] for library in ("httpx", "httpcore")}
    assert said["httpx"] == ['HTTP Request: GET http://shop.example/ "HTTP/1.1 200 OK"']
    port = loud.environment["NO_SHOP"].rpartition(":")[2]
    assert [one.split()[0] for one in said["httpcore"]] == ["connect_tcp.started", "connect_tcp.failed"]
    assert f"port={port}" in said["httpcore"][0]


def test_a_host_may_turn_us_off(run: Callable[[str], Host]) -> None:
    """By the logger's name, as with any library."""
    deaf = run(f"{DEBUG}; logging.getLogger('concept_worker').setLevel(logging.CRITICAL)")
    assert [line for line in deaf.lines if line[1].startswith("concept_worker")] == []
