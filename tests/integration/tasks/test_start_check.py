"""What a worker looks at before it takes any message."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from concept_worker.devstack import Stack
from concept_worker.models import TaskStatus
from concept_worker.settings import Settings
from concept_worker.worker import process
from tests.conftest import StartSystem
from tests.gateway import Gateway, Reply
from tests.waiting import until

KONG = Reply.of(503, {"message": "name resolution failed"})


def check(monkeypatch: pytest.MonkeyPatch, url: str, key: str, wait: float = 0.0) -> None:
    """What Celery calls when a worker is set up."""
    settings = Settings(supabase_url=url, supabase_secret_key=key, start_wait_seconds=wait)
    monkeypatch.setattr(process, "get_settings", lambda: settings)
    process.check_before_start()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Nothing is behind it."""
    with Gateway() as running:
        yield running


def test_a_wrong_key_ends_the_worker(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not turn up as failed rows."""
    with pytest.raises(SystemExit, match="Supabase refused the first request"):
        check(monkeypatch, stack.environment["SUPABASE_URL"], "sb_secret_wrong")


def test_a_missing_setting_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is named."""
    with pytest.raises(SystemExit, match="SUPABASE_URL"):
        check(monkeypatch, "", "")


def test_a_database_that_is_away_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to start things in order."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened at
        check(monkeypatch, f"http://127.0.0.1:{nobody.getsockname()[1]}", "sb_secret_x")


@pytest.mark.parametrize(
    "reply",
    [
        KONG,
        Reply.of(503, {"code": "PGRST002", "message": "Could not query the database for the schema cache"}),
        Reply.of(503, {"code": "57P03", "message": "the database system is starting up"}),
        Reply.of(404, {"code": "PGRST205", "message": "not in the schema cache"}, **{"retry-after": "0.1"}),
        Reply(540, b"<html>Project paused</html>", "text/html"),
    ],
)
def test_a_database_that_starts_is_waited_for(monkeypatch: pytest.MonkeyPatch, gateway: Gateway, reply: Reply) -> None:
    """And then asked again, so that a wrong key is still found before any message is taken."""
    monkeypatch.setattr("concept_worker.services.supabase.troubles._SCHEMA_SECONDS", 0.0)
    gateway.order(reply, times=2)
    gateway.order(Reply.of(401, {"message": "Invalid API key"}))
    with pytest.raises(SystemExit, match="SUPABASE_SECRET_KEY"):
        check(monkeypatch, gateway.url, "sb_secret_x", wait=30.0)
    assert len(gateway.requests) == 3


def test_a_schema_that_stays_away_ends_the_worker(monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    """It was forgotten: rows would fail of it."""
    gateway.order(Reply.of(404, {"code": "PGRST205", "message": "not in the schema cache"}))
    with pytest.raises(SystemExit, match="must apply the migrations"):
        check(monkeypatch, gateway.url, "sb_secret_x")


@pytest.mark.parametrize("url", ["db.example.co", '"http://127.0.0.1:9"', "https://db.example.co/rest/v1"])
def test_an_address_that_is_none_ends_the_worker(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """In one sentence that names the setting."""
    with pytest.raises(SystemExit, match=r"^concept_worker cannot start: SUPABASE_URL "):
        check(monkeypatch, url, "sb_secret_x")


def test_a_worker_that_starts_before_the_database_works_when_it_is_there(
    start_system: StartSystem, stack: Stack
) -> None:
    """It does not end, and takes no message meanwhile."""
    with Gateway(stack.environment["SUPABASE_URL"]) as gateway:
        gateway.order(KONG, path="GET /rest/v1/tasks", times=3)
        system = start_system(SUPABASE_URL=gateway.url)
        assert system.worker.logs().count("waiting for supabase") == 3
        user_id = stack.create_user()
        row = system.client.generate(
            user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1
        )
        until(lambda: system.client.get_task(row.id, user_id).status.is_terminal, "the end")
        assert system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED
        system.worker.container.stop(10)
