"""Workers that obey nobody over the broker (`CONCEPT_REMOTE_CONTROL=false`)."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest

from concept_worker.client import ConceptClient
from concept_worker.devstack import BrokerUser, Stack
from concept_worker.models import TaskStatus
from tests.conftest import StartSystem, System
from tests.waiting import until

GOOD: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}


@pytest.fixture(scope="module")
def deaf(start_system: StartSystem) -> System:
    """A worker that listens to its queues only."""
    return start_system(CONCEPT_REMOTE_CONTROL="false")


def test_it_answers_nothing_and_does_not_stop(deaf: System, user_id: UUID) -> None:
    """Whoever may publish on the broker; its work goes on."""
    assert deaf.app.control.ping(timeout=1.0) == []
    deaf.app.control.shutdown()
    row = deaf.client.generate(user_id=user_id, **GOOD)
    until(lambda: deaf.client.get_task(row.id, user_id).status.is_terminal, "the end")
    assert deaf.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED


def test_a_cancel_needs_no_remote_control(deaf: System, stack: Stack, user_id: UUID) -> None:
    """Switched off, or refused to the producer by the broker: the row is what counts."""
    for settings in (deaf.settings, deaf.settings.model_copy(update={"remote_control": True})):
        asks = stack.environment_of(BrokerUser.PRODUCER, {"redis_url": settings.redis_url})
        with ConceptClient.from_settings(settings.model_copy(update=asks)) as client:
            row = client._records.task_service.create_task(user_id, "concept_generation", GOOD)
            assert client.cancel(row.id, user_id).status is TaskStatus.CANCELED


@pytest.mark.parametrize(
    ("user", "setting", "says"),
    [
        (BrokerUser.WORKER, "false", "not asked: CONCEPT_REMOTE_CONTROL is off"),
        (BrokerUser.PRODUCER, "true", "cannot be asked"),
    ],
)
def test_doctor_says_that_it_did_not_ask(stack: Stack, user: BrokerUser, setting: str, says: str) -> None:
    """Instead of taking silence for death, or a refusal for a crash."""
    environment = {**os.environ, **stack.environment_of(user), "CONCEPT_REMOTE_CONTROL": setting, "COLUMNS": "200"}
    told = subprocess.run(
        [sys.executable, "-m", "concept_worker", "doctor"], env=environment, capture_output=True, text=True, check=False
    )
    assert says in told.stdout
    assert "Traceback" not in told.stderr
