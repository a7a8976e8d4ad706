"""What a whole run writes into the log, and what it does not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.models import TaskStatus, TaskType
from concept_worker.routing import Queue, TaskName
from tests.conftest import StartSystem
from tests.waiting import until

LOGO = "a heron whose secret name is Zanzibarbara"


def lines_of(log: str) -> list[dict[str, Any]]:
    """The structured lines."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_a_run_tells_its_timing_and_no_secret(
    start_system: StartSystem, stack: Stack, user_id: UUID, level: str
) -> None:
    """Every stage has one timing event with the task's id; no key, token, user id or prompt is in any line."""
    system = start_system(CONCEPT_LOG_LEVEL=level)
    row = system.client._records.task_service.create_task(user_id, TaskType.GENERATION)
    # Of all messages the original's say most, so the run begins with one.
    words = {"logo_description": LOGO, "theme_description": "calm", "num_palettes": 2}
    message = {"task_id": str(row.id), "user_id": str(user_id), "task_type": row.type, **words}
    system.app.send_task(TaskName.DISPATCH.value, args=[message], queue=Queue.CONCEPTS.value)
    until(lambda: system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED, "completion")
    # Its last line may come after the row's last state.
    until(lambda: "store_concept" in system.worker.logs() and "succeeded" in system.worker.logs(), "the last line")
    system.worker.teardown()
    log = system.worker.logs()

    timings = [line for line in lines_of(log) if line["event"] == "stage timing"]
    assert {line["stage"] for line in timings} == {
        "find_image_data",
        "generate_base_concept",
        "prepare_image_data",
        "store_base_image",
        "generate_palettes_for_concept",
        "create_palette_variations",
        "store_concept",
    }
    assert {line["task_id"] for line in timings} == {str(row.id)}
    assert all(line["seconds"] >= 0 and line["outcome"] == "done" for line in timings)

    password = urlsplit(system.settings.redis_url).password
    assert password
    secrets = [
        stack.environment["SUPABASE_SECRET_KEY"],
        stack.environment["SUPABASE_JWT_SECRET"],
        stack.environment["SUPABASE_SERVICE_ROLE_KEY"],
        password,
        str(user_id),
        "Zanzibarbara",
        "token=",
    ]
    assert [secret for secret in secrets if secret in log] == []
