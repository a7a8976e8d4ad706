"""Flower as the Procfile starts it: behind a password, at its own address, without a stranger's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from concept_worker.devstack.acl import NAMESPACE
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.devstack.ports import free_port
from concept_worker.models import TaskRow, TaskType
from concept_worker.routing import Queue, TaskName
from tests.conftest import StartSystem
from tests.procfile import running
from tests.waiting import until

pytest.importorskip("flower", reason="the extra flower is not installed")

PAGES = ["/", "/tasks", "/metrics", "/healthcheck", "/api/workers", "/static/css/flower.css", "/nothing"]
AUTH = ("me", "a-password")
Start = Callable[..., httpx.Client]


@pytest.fixture
def start(tmp_path: Path, brokers: Iterator[str]) -> Iterator[Start]:
    """Start Flower with these settings; a client of it."""
    broker = next(brokers)
    with ExitStack() as at_end:

        def started(**settings: str) -> httpx.Client:
            port = free_port()
            process = at_end.enter_context(
                running(
                    "flower",
                    tmp_path,
                    {"REDIS_URL": broker, "CONCEPT_NAMESPACE": NAMESPACE, "PORT": str(port)} | settings,
                )
            )
            client = at_end.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False))
            until(lambda: answers(client) or process.poll() is not None, "Flower to answer")
            assert process.poll() is None, (tmp_path / "flower.log").read_text()
            return client

        yield started


def answers(client: httpx.Client) -> bool:
    """Whether anything answers there."""
    try:
        client.get("/")
    except httpx.TransportError:
        return False
    return True


def test_every_page_asks_for_the_password(start: Start, tmp_path: Path) -> None:
    """Those that Flower itself leaves open, too; and a file in the working directory sets nothing."""
    (tmp_path / "flowerconfig.py").write_text(f"open({str(tmp_path / 'RAN')!r}, 'w').close()\nbasic_auth = None\n")
    flower = start(FLOWER_BASIC_AUTH=":".join(AUTH))
    assert [flower.get(page).status_code for page in PAGES] == [401] * len(PAGES)
    assert [flower.get(page, auth=("me", "wrong")).status_code for page in PAGES] == [401] * len(PAGES)
    assert [flower.get(page, auth=AUTH).status_code for page in PAGES[:4]] == [200] * 4
    assert flower.post("/api/worker/shutdown/x", auth=AUTH).status_code in (403, 405)
    assert not (tmp_path / "RAN").exists()


def test_it_answers_to_its_own_names_only(start: Start, tmp_path: Path) -> None:
    """A web page whose name leads to this machine gets nothing, and a proxy's name what is there."""
    (tmp_path / ".env").write_text(f"FLOWER_BASIC_AUTH={':'.join(AUTH)}\nCONCEPT_FLOWER_HOSTS=flower.example.com, x\n")
    flower = start()
    asked = {name: flower.get("/", auth=AUTH, headers={"Host": name}).status_code for name in ("evil.example", "x:80")}
    assert asked == {"evil.example": 403, "x:80": 200}
    assert flower.get("/", auth=AUTH, headers={"Host": "LOCALHOST:1"}).status_code == 200


def test_without_a_password_it_is_locked(start: Start, tmp_path: Path) -> None:
    """Nobody gets in, and its log says what to set."""
    flower = start()
    assert flower.get("/", auth=("", "")).status_code == 401
    assert "FLOWER_BASIC_AUTH" in (tmp_path / "flower.log").read_text()


def test_each_run_ends_there_as_in_its_row(start: Start, start_system: StartSystem, user_id: UUID) -> None:
    """Completed, failed, canceled while a step works: under the task's id, without a word of the brief."""
    with FakeProvider(FakeProviderOptions()) as provider:
        system = start_system(JIGSAWSTACK_API_KEY=provider.api_key, JIGSAWSTACK_API_URL=provider.url)
        flower = start(FLOWER_BASIC_AUTH=":".join(AUTH), REDIS_URL=system.settings.redis_url)

        words: dict[str, Any] = {"logo_description": "a Zanzibarbara", "theme_description": "a Quixomorning"}

        def asked() -> TaskRow:
            return system.client.generate(user_id=user_id, num_palettes=1, **words)

        def state(row: TaskRow) -> str:
            answer = flower.get(f"/api/task/info/{row.id}", auth=AUTH)
            return str(answer.json()["state"]) if answer.status_code == 200 else ""

        completed = asked()
        until(lambda: state(completed) == "SUCCESS", "the completed run to be shown")
        provider.faults.add(Fault(endpoint="image", kind=FaultKind.CONTENT))
        failed = asked()
        until(lambda: state(failed) == "FAILURE", "the failed run to be shown")
        provider.faults.clear()
        provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, seconds=0.5))
        before = len(provider.calls)
        canceled = asked()
        until(lambda: len(provider.calls) > before, "the paid call")
        system.client.cancel(canceled.id, user_id)
        until(lambda: state(canceled) == "REVOKED", "the canceled run to be shown")
        # One that ended before its message was read: as a message that comes twice, or late.
        early = system.client._records.task_service.create_task(user_id, TaskType.GENERATION, words)
        system.client._records.task_service.cancel_task(early.id, user_id)
        system.app.send_task(TaskName.START_GENERATION, task_id=str(early.id), queue=Queue.CONCEPTS.value)
        until(lambda: state(early) == "REVOKED", "the run that never began to be shown")
        shown = flower.get("/api/tasks", auth=AUTH).text
        assert "Zanzibarbara" not in shown
        assert "Quixomorning" not in shown
