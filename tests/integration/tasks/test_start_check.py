"""What a worker looks at before it takes any message."""

from __future__ import annotations

import socket

import pytest

from concept_worker.devstack import Stack
from concept_worker.settings import Settings
from concept_worker.tasks import process


def check(monkeypatch: pytest.MonkeyPatch, url: str, key: str) -> None:
    """What Celery calls when a worker is set up."""
    settings = Settings(supabase_url=url, supabase_secret_key=key)
    monkeypatch.setattr(process, "get_settings", lambda: settings)
    process.check_before_start()


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
