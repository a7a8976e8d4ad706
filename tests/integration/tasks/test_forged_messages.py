"""Messages of somebody who may write to the broker and knows a task's id: no row fails or completes by them.

What a message may do is what housekeeping does too: ask for the next step of a run, which then works on checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import signature

from concept_worker.devstack import Stack
from concept_worker.models import RunReference, TaskRow, TaskStatus, TaskType
from concept_worker.routing import Queue, TaskName
from concept_worker.services.task_service import TaskService
from concept_worker.tasks.base import NO_ROW
from tests.conftest import System
from tests.integration.tasks.runs import look, steps_of
from tests.waiting import until

GOOD: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
Change = Callable[[dict[str, Any]], object]

PICTURE = {"name": "base.png", "size": 1}
STAGED = {"task_id": str(uuid4()), "name": "base", "sha256": "0" * 64, "size": 1, "width": 1, "height": 1}
BASE = {"staged": STAGED, "stored": PICTURE}
PALETTE = {"name": "forged", "colors": ["#000000", "#FFFFFF"]}
CONCEPT = {"base": BASE, "variations": []}


@pytest.fixture
def tasks(system: System) -> TaskService:
    """Rows without our client's messages."""
    return system.client._records.task_service


@pytest.fixture
def running(tasks: TaskService, user_id: UUID) -> TaskRow:
    """A claimed row, of which nothing is done."""
    row = tasks.claim_task_if_pending(tasks.create_task(user_id, TaskType.GENERATION, GOOD).id)
    assert row is not None
    return row


def forge(system: System, name: str, *args: Any, **options: Any) -> None:
    """Send a message under a name, as anybody could who reaches the broker."""
    system.app.send_task(name, args=args, queue=Queue.CONCEPTS.value, **options)


def until_read(system: System, tasks: TaskService, user_id: UUID) -> None:
    """Wait until a run behind the forged messages is over, and no message is in anybody's hands."""
    after = system.client.generate(user_id=user_id, **GOOD)
    until(lambda: look(system, after).status is TaskStatus.COMPLETED, "a run behind them")


def lines(system: System, event: str) -> int:
    """How often the worker's log says so."""
    return system.worker.logs().count(event)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (TaskName.STORE_CONCEPT, [CONCEPT]),
        (TaskName.CREATE_VARIATIONS, [[BASE, [PALETTE]]]),
        (TaskName.STORE_BASE_IMAGE, [STAGED]),
        (TaskName.GENERATE_PALETTES, [STAGED]),
        (TaskName.REFINE_IMAGE, [STAGED]),
        (TaskName.DOWNLOAD_ORIGINAL, []),
    ],
)
@pytest.mark.parametrize("kind", TaskType)
def test_a_step_out_of_turn_is_dropped(
    system: System, tasks: TaskService, stack: Stack, running: TaskRow, name: TaskName, args: list[Any], kind: TaskType
) -> None:
    """Though its run is the current one: what it works on is not there, or its row is of another type."""
    run = RunReference.of(running).model_dump(mode="json") | {"type": kind.value}
    before = lines(system, "its step has no place here")
    forge(system, name.value, *args, kwargs={"run": run})
    until(lambda: lines(system, "its step has no place here") > before, "the message to be dropped")
    assert look(system, running) == running
    assert steps_of(stack, running) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.update(number=2**31),
        lambda run: run.update(number=0),
        lambda run: run.update(number="many"),
        lambda run: run.update(type="concept_animation"),
        lambda run: run.update(task_id="nobody"),
        lambda run: run.clear(),
    ],
)
def test_a_run_that_cannot_be_read_is_dropped(system: System, running: TaskRow, change: Change) -> None:
    """With a line in the log."""
    run = RunReference.of(running).model_dump(mode="json")
    change(run)
    before = lines(system, "its run cannot be read")
    forge(system, TaskName.GENERATE_BASE_IMAGE.value, kwargs={"run": run})
    until(lambda: lines(system, "its run cannot be read") > before, "the message to be dropped")
    assert look(system, running) == running


def test_what_a_step_carries_counts_for_nothing(
    system: System, tasks: TaskService, stack: Stack, running: TaskRow
) -> None:
    """Unknown arguments, pictures that do not exist: a step in its turn works on what the checkpoints say."""
    run = RunReference.of(running).model_dump(mode="json") | {"colour": "red"}
    steps = (TaskName.GENERATE_BASE_IMAGE, TaskName.STORE_BASE_IMAGE, TaskName.GENERATE_PALETTES)
    for name in (*steps, TaskName.CREATE_VARIATIONS, TaskName.STORE_CONCEPT):
        forge(system, name.value, STAGED, CONCEPT, kwargs={"run": run, "size": 3})
        step = name.value.rpartition(".")[2]
        until(lambda s=step: steps_of(stack, running).get(s, {}).get("state") == "done", step)
    assert look(system, running).status is TaskStatus.COMPLETED
    concept = system.client.get_concept(running.id, running.user_id)
    assert concept is not None
    assert [variation.palette_name for variation in concept.variations] != ["forged"]
    assert system.client.load_image(concept.image_path, running.user_id) is not None


def test_a_message_that_says_it_was_tried_often_fails_no_row(
    system: System, tasks: TaskService, running: TaskRow
) -> None:
    """Whoever holds its step goes on; the forged one waits for that like any other."""
    run = RunReference.of(running)
    tasks.begin_step(run, "generate_base_image", "the real one", 5)
    before = look(system, running)
    celery_id = str(uuid4())
    forge(
        system,
        TaskName.GENERATE_BASE_IMAGE.value,
        kwargs={"run": run.model_dump(mode="json")},
        retries=10**9,
        task_id=celery_id,
    )
    until(lambda: f"{celery_id}] retry: " in system.worker.logs(), "it to be held")
    assert look(system, running) == before
    tasks.cancel_task(running.id, running.user_id)


def test_a_start_that_expired_cancels_nobody(system: System, tasks: TaskService, user_id: UUID) -> None:
    """Only an operator's revoke does."""
    row = tasks.create_task(user_id, TaskType.GENERATION, GOOD)
    before = lines(system, "expired message dropped")
    forge(
        system,
        TaskName.START_GENERATION.value,
        task_id=str(row.id),
        expires=datetime(2020, 1, 1, tzinfo=UTC),
    )
    until(lambda: lines(system, "expired message dropped") > before, "it to be dropped")
    assert look(system, row).status is TaskStatus.PENDING
    tasks.cancel_task(row.id, user_id)


def test_a_start_takes_no_strangers_steps_along(system: System, tasks: TaskService, user_id: UUID) -> None:
    """What is appended to it, whole or broken, is ignored: the claimed run would die of it."""
    rows = [tasks.create_task(user_id, TaskType.GENERATION, GOOD) for _ in range(3)]
    appended: list[dict[str, Any]] = [
        {"chain": [{"subtask_type": "chord"}]},
        {"chord": {"subtask_type": "chain", "kwargs": {}}},
        {"link": [signature("concept_worker.dispatch", args=[{}], app=system.app)]},
    ]
    for row, wish in zip(rows, appended, strict=True):
        forge(system, TaskName.START_GENERATION.value, task_id=str(row.id), **wish)
    for row in rows:
        until(lambda r=row: look(system, r).status.is_terminal, "the end")
        assert (look(system, row).status, look(system, row).run) == (TaskStatus.COMPLETED, 1)


@pytest.mark.parametrize("name", ["celery.starmap", "celery.map", "celery.chunks", "celery.chord_unlock"])
def test_celerys_own_tasks_are_dropped(system: System, name: str) -> None:
    """One message could run ours ten thousand times."""
    before = lines(system, "it is for a task of Celery's own")
    forge(system, name, {"task": "concept_worker.dispatch", "args": [], "kwargs": {}}, [[{}]])
    until(lambda: lines(system, "it is for a task of Celery's own") > before, "it to be dropped")


@pytest.mark.parametrize("name", [TaskName.START_GENERATION, TaskName.GENERATE_BASE_IMAGE])
def test_a_message_of_no_row_here_is_told_of(system: System, tasks: TaskService, user_id: UUID, name: str) -> None:
    """Its row was deleted, or two deployments share this broker: an operator sees which task, once."""
    task_id = uuid4()
    run = RunReference(task_id=task_id, number=1, type=TaskType.GENERATION).model_dump(mode="json")
    kwargs = {} if name == TaskName.START_GENERATION else {"run": run}
    forge(system, name, task_id=str(task_id), kwargs=kwargs)
    until_read(system, tasks, user_id)
    told = [line for line in system.worker.logs().splitlines() if NO_ROW in line]
    assert [json.loads(line)["level"] for line in told if str(task_id) in line] == ["warning"]
