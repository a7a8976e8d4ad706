"""Which ends of a Celery task are written into the row, and which are left to the lease."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

import pytest
from celery.exceptions import Ignore, WorkerLostError
from kombu.exceptions import OperationalError

from concept_worker.errors import StaleRun, StoreUnavailable
from concept_worker.models import RunReference, TaskRow, TaskStatus, TaskType
from concept_worker.services.task_service import TaskService
from concept_worker.tasks import base
from concept_worker.tasks.base import quiet_when_stale
from concept_worker.tasks.start import START_TASKS
from concept_worker.tasks.steps import generate_base_image, store_concept
from concept_worker.worker import revocation
from tests.conftest import System


@pytest.fixture
def tasks(system: System, monkeypatch: pytest.MonkeyPatch) -> TaskService:
    """The real rows, for Celery's callbacks in this process."""
    service = system.client._records.task_service
    for module in (base, revocation):
        monkeypatch.setattr(module, "services", lambda: SimpleNamespace(task_service=service))
    return service


@pytest.fixture
def running(tasks: TaskService, user_id: UUID) -> TaskRow:
    """A claimed row."""
    row = tasks.claim_task_if_pending(tasks.create_task(user_id, TaskType.GENERATION).id)
    assert row is not None
    return row


@pytest.mark.parametrize("trouble", [OperationalError("broker away"), WorkerLostError("killed"), ValueError("secret")])
def test_trouble_of_the_queue_is_no_failure_of_the_run(
    tasks: TaskService, running: TaskRow, trouble: Exception
) -> None:
    """The run goes on from its checkpoints when its lease is over."""
    run = RunReference.of(running).model_dump(mode="json")
    generate_base_image.on_failure(trouble, "a step", (), {"run": run}, None)
    assert tasks.get_task(running.id, running.user_id) == running


def test_a_start_that_met_trouble_may_come_again(tasks: TaskService, user_id: UUID) -> None:
    """Only a message that can never be read fails its row."""
    row = tasks.create_task(user_id, TaskType.GENERATION)
    START_TASKS[TaskType.GENERATION].on_failure(StoreUnavailable("away"), str(row.id), (), {}, None)
    assert tasks.get_task(row.id, user_id).status is TaskStatus.PENDING


def test_a_revoked_start_cancels_its_row_and_an_expired_one_does_not(tasks: TaskService, user_id: UUID) -> None:
    """Any message may say when it expires; to revoke one is an operator's."""
    row = tasks.create_task(user_id, TaskType.GENERATION)
    start = SimpleNamespace(id=str(row.id))
    revocation.mirror_revocation(START_TASKS[TaskType.GENERATION], start, expired=True)
    assert tasks.get_task(row.id, row.user_id).status is TaskStatus.PENDING
    revocation.mirror_revocation(START_TASKS[TaskType.GENERATION], start, expired=False)
    assert tasks.get_task(row.id, row.user_id).status is TaskStatus.CANCELED


def test_a_revoked_step_does_not_cancel_its_run(tasks: TaskService, running: TaskRow) -> None:
    """The last step has the row's id too."""
    revocation.mirror_revocation(store_concept, SimpleNamespace(id=str(running.id)))
    assert tasks.get_task(running.id, running.user_id) == running


def test_a_stale_run_has_no_result() -> None:
    """So no chord goes on with it."""
    with pytest.raises(Ignore), quiet_when_stale():
        raise StaleRun("the run is over")
