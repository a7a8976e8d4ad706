"""`doctor` ends its list, whatever one question ends in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from concept_worker.cli import doctor as doctor_module
from concept_worker.services.supabase.clock import clock_trouble
from concept_worker.settings import Settings


@pytest.mark.parametrize(
    "part",
    ["build_records", "clock_trouble", "check_redis", "care_of", "_workers", "build_generator", "provider_hosts"],
)
def test_a_check_that_throws_is_one_line(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its kind and without its words, which may hold a password; the others say what they found."""

    doctor: Any = doctor_module

    def throw(*_: object, **__: object) -> None:
        raise RuntimeError("TOPSECRET")

    for quiet in ("build_records", "clock_trouble", "check_redis", "care_of"):
        monkeypatch.setattr(doctor, quiet, lambda *_, **__: [])
    monkeypatch.setattr(doctor, "_supabase", lambda settings: iter([doctor.build_records(settings)][:0]))
    monkeypatch.setattr(doctor, "_workers", lambda *_, **__: doctor.Finding("workers", True, ""))
    monkeypatch.setattr(
        doctor, "get_settings", lambda: Settings(_env_file=None, supabase_url="https://a.example", provider="offline")
    )
    monkeypatch.setattr(doctor, part, throw)
    found = doctor.examine()
    said = [finding for finding in found if not finding.is_well]
    assert said
    assert all("RuntimeError" in finding.says and "TOPSECRET" not in finding.says for finding in said)
    assert {"broker", "results", "staging", "workers"} <= {finding.what for finding in found}
    assert found[-1].what in ("provider", "links")


class _Dated(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("seconds", "says"), [(0, None), (50, None), (-50, None), (90, "ahead of"), (-90, "behind")])
def test_a_clock_that_is_off(seconds: int, says: str | None) -> None:
    """By the date of an answer, whatever its status."""
    with HTTPServer(("127.0.0.1", 0), _Dated) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings = Settings(_env_file=None, supabase_url=f"http://127.0.0.1:{server.server_port}/")
        trouble = clock_trouble(settings, lambda: datetime.now(UTC) + timedelta(seconds=seconds))
        server.shutdown()
    assert (trouble is None) if says is None else (says in (trouble or ""))


def test_a_clock_that_cannot_be_compared() -> None:
    """Nothing is said."""
    assert clock_trouble(Settings(_env_file=None, supabase_url="http://127.0.0.1:1")) is None
