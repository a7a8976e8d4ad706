"""What crosses the broker: references, and little of them."""

from __future__ import annotations

import threading
from typing import Any, cast
from uuid import UUID

from redis import Redis

from concept_worker.models import TaskStatus
from concept_worker.payloads import PALETTES_MAX, TEXT_MAX
from tests.conftest import StartSystem
from tests.waiting import until

BUDGET = 16_384  # bytes of one message as it lies in the broker


def test_the_largest_run_stays_within_the_message_budget(start_system: StartSystem, user_id: UUID) -> None:
    """Twenty palettes and descriptions at their limit, in letters that grow most as JSON: no message over 16 kB, and
    no description and no user id in any of them."""
    system = start_system()
    logo, theme = "🦊" * TEXT_MAX, "🍂" * TEXT_MAX
    seen: list[bytes] = []
    watching = threading.Event()

    def watch() -> None:
        redis = Redis.from_url(system.settings.redis_url)
        with cast("Any", redis).monitor() as monitor:
            watching.set()
            for command in monitor.listen():
                seen.append(str(command["command"]).encode())
                if "end-of-watch" in command["command"]:
                    return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    assert watching.wait(10)
    row = system.client.generate(
        user_id=user_id, logo_description=logo, theme_description=theme, num_palettes=PALETTES_MAX
    )
    until(lambda: system.client.get_task(row.id, user_id).status.is_terminal, "the row to end")
    Redis.from_url(system.settings.redis_url).echo("end-of-watch")
    thread.join(10)

    messages = [command for command in seen if command.startswith((b"LPUSH", b"RPUSH"))]
    assert system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED
    assert len(messages) >= 6
    assert max(map(len, messages)) <= BUDGET
    everything = b"".join(seen)
    assert str(user_id).encode() not in everything
    assert "🦊🦊".encode() not in everything
    assert b"ud83e\\\\udd8a" not in everything
