"""Messages that no client of ours would send: they fail their row once, never loop, and the worker goes on."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from concept_worker.models import TaskRow, TaskStatus, TaskType
from concept_worker.routing import Queue, TaskName
from concept_worker.services.task_service import TaskService
from tests.conftest import System
from tests.waiting import until

GOOD: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm"}


@pytest.fixture
def tasks(system: System) -> TaskService:
    """Rows as a foreign producer would write them, without our client's checks."""
    return system.client._records.task_service


def send(system: System, name: TaskName, *args: Any, task_id: str | None = None, **kwargs: Any) -> None:
    """A raw message."""
    system.app.send_task(name.value, args=args, kwargs=kwargs, task_id=task_id, queue=Queue.CONCEPTS.value)


def ended(system: System, row: TaskRow) -> TaskRow:
    """The row when it is terminal."""
    until(lambda: system.client.get_task(row.id, row.user_id).status.is_terminal, "the row to end")
    return system.client.get_task(row.id, row.user_id)


def original_message(row: TaskRow, **changes: Any) -> dict[str, Any]:
    """A message as the original's producer sends it; a change to None leaves the field out."""
    message = {
        "task_id": str(row.id),
        "user_id": str(row.user_id),
        "task_type": "concept_generation",
        "num_palettes": 1,
        **GOOD,
        **changes,
    }
    return {name: value for name, value in message.items() if value is not None}


def test_a_good_message_of_the_original_runs(system: System, tasks: TaskService, user_id: UUID) -> None:
    """`dispatch` takes it, writes its fields into the row, and the pipeline runs."""
    row = tasks.create_task(user_id, TaskType.GENERATION, {"source": "an older producer"})
    send(system, TaskName.DISPATCH, original_message(row, logo_description="a heron"))
    assert ended(system, row).status is TaskStatus.COMPLETED
    concept = system.client.get_concept(row.id, user_id)
    assert concept is not None
    assert (concept.logo_description, len(concept.variations)) == ("a heron", 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task_type": "concept_animation"}, "Unknown task type: concept_animation"),
        ({"task_type": None}, "Unknown task type: None"),
        ({"logo_description": None}, "Missing logo/theme description for generation task."),
        ({"theme_description": ""}, "Missing logo/theme description for generation task."),
        ({"logo_description": "x" * 501}, "logo_description: "),
        ({"logo_description": " \n "}, "logo_description: "),
        ({"num_palettes": 0}, "num_palettes: "),
        ({"num_palettes": 21}, "num_palettes: "),
        ({"num_palettes": -1}, "num_palettes: "),
        ({"num_palettes": "seven"}, "num_palettes: "),
        ({"colour": "red"}, "colour: unknown field, leave it out"),
        ({"task_type": "concept_refinement"}, "task_type: is not the type of this task"),
    ],
)
def test_a_bad_message_fails_its_row(
    system: System, tasks: TaskService, user_id: UUID, changes: dict[str, Any], sentence: str
) -> None:
    """The row names the field; it was never claimed."""
    row = tasks.create_task(user_id, TaskType.GENERATION)
    send(system, TaskName.DISPATCH, original_message(row, **changes))
    last = ended(system, row)
    assert (last.status, last.run) == (TaskStatus.FAILED, 0)
    assert last.error_message is not None
    assert sentence in last.error_message


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "logo_description: required, but missing"),
        ({**GOOD, "num_palettes": "seven"}, "num_palettes: "),
        ({**GOOD, "size": 3}, "size: unknown field, leave it out"),
    ],
)
def test_a_row_with_bad_inputs_fails_at_its_start(
    system: System, tasks: TaskService, user_id: UUID, inputs: dict[str, Any], sentence: str
) -> None:
    """A producer that writes rows itself hears of its mistake in the row."""
    row = tasks.create_task(user_id, TaskType.GENERATION, inputs)
    send(system, TaskName.START_GENERATION, task_id=str(row.id))
    last = ended(system, row)
    assert last.status is TaskStatus.FAILED
    assert last.error_message is not None
    assert sentence in last.error_message


def test_what_a_start_carries_besides_its_id_is_ignored(system: System, tasks: TaskService, user_id: UUID) -> None:
    """It may be of another version, or a stranger's: the row says what is to be done."""
    rows = [tasks.create_task(user_id, TaskType.GENERATION, {**GOOD, "num_palettes": 1}) for _ in range(3)]
    send(system, TaskName.START_GENERATION, task_id=str(rows[0].id), logo_description="a heron", colour="red")
    send(system, TaskName.START_GENERATION, {"logo_description": "a heron"}, task_id=str(rows[1].id))
    send(system, TaskName.START_REFINEMENT, task_id=str(rows[2].id))
    assert [ended(system, row).status for row in rows] == [TaskStatus.COMPLETED] * 3
    concepts = [system.client.get_concept(row.id, user_id) for row in rows]
    assert [concept and concept.logo_description for concept in concepts] == ["a fox"] * 3


def test_messages_without_a_row_are_dropped_and_the_worker_goes_on(
    system: System, tasks: TaskService, user_id: UUID
) -> None:
    """Nonsense, ids of nothing, rows whose user the message does not know: nothing happens, the next one runs."""
    theirs = tasks.create_task(user_id, TaskType.GENERATION, GOOD)
    intruder = str(uuid4())
    for message in ({}, "nonsense", None, ["a"], {"task_id": "x"}, original_message(theirs, task_id=str(uuid4()))):
        send(system, TaskName.DISPATCH, message)
    nobodies: tuple[Any, ...] = (None, "", "somebody", intruder, ["a"], {})
    for nobody in nobodies:
        send(system, TaskName.DISPATCH, original_message(theirs, user_id=nobody, logo_description=""))
    send(system, TaskName.DISPATCH)
    send(system, TaskName.START_GENERATION, task_id="no-uuid")
    send(system, TaskName.START_GENERATION, task_id=str(uuid4()))
    after = system.client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)
    assert ended(system, after).status is TaskStatus.COMPLETED
    assert system.client.get_task(theirs.id, user_id).status is TaskStatus.PENDING


def test_a_malformed_message_leaves_a_claimed_row_alone(system: System, tasks: TaskService, user_id: UUID) -> None:
    """A late, broken duplicate cannot spoil a completed row, nor a running one."""
    done = ended(system, system.client.generate(user_id=user_id, num_palettes=1, **GOOD))
    running = tasks.claim_task_if_pending(tasks.create_task(user_id, TaskType.GENERATION, GOOD).id)
    assert running is not None
    for row in (done, running):
        send(system, TaskName.DISPATCH, original_message(row, num_palettes=0))
    until(lambda: rejections(system, done) and rejections(system, running), "both to be read")
    marker = system.client.generate(user_id=user_id, num_palettes=1, **GOOD)
    ended(system, marker)
    assert [tasks.get_task(row.id, user_id) for row in (done, running)] == [done, running]


def rejections(system: System, row: TaskRow) -> list[str]:
    """The log lines that say so."""
    lines = system.worker.logs().splitlines()
    return [line for line in lines if "message rejected" in line and str(row.id) in line]
