"""What an earlier version left between two steps is gone on from, and what a later one adds is ignored."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import signature

from concept_worker.bootstrap import build_records
from concept_worker.devstack import Stack
from concept_worker.errors import UnreadableRecord
from concept_worker.models import RunReference, TaskStatus, TaskType
from concept_worker.pipelines.pipeline import AnyStep
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.producer_app import producer_app
from concept_worker.services.image_persistence_service import BASE_NAME
from tests.chaos.database import fetch
from tests.conftest import System
from tests.integration.tasks.runs import ended, look, steps_of
from tests.waiting import until

_HERE = Path(__file__).parent
BRIEF: dict[str, Any] = {"logo_description": "a heron", "theme_description": "a lake"}
VERSIONS = sorted(path.name for path in _HERE.iterdir() if (path / "concept_generation.json").exists())
PIPELINES = [(version, kind) for version in VERSIONS for kind in TaskType]
BOUNDARIES = [
    (version, kind, done) for version, kind in PIPELINES for done in range(1, len(PROCESSORS[kind].pipeline.steps))
]
_ROW = """insert into public.tasks (id, user_id, type, status, run, lease_expires_at, metadata)
    values ($1, $2, $3, 'processing', 1, case when $4 then now() + interval '1 minute' else 'epoch' end,
        $5::text::jsonb)"""
_STEP = """insert into public.task_steps (task_id, step, state, run, owner, output)
    values ($1, $2, 'done', 1, 'an earlier version', $3::text::jsonb)"""


@pytest.fixture
def concept_id(system: System, user_id: UUID, kind: TaskType) -> UUID | None:
    """A concept that a refinement can begin with."""
    if kind is not TaskType.REFINEMENT:
        return None
    row = ended(system, system.client.generate(user_id=user_id, num_palettes=1, **BRIEF))
    assert row.result_id is not None
    return row.result_id


class Leftovers:
    """A run of an earlier version, put into this database under ids of its own."""

    def __init__(self, system: System, stack: Stack, user_id: UUID) -> None:
        self._system, self._database, self._user = system, stack.environment["DATABASE_URL"], user_id

    def put(self, version: str, kind: TaskType, done: int, *, concept: UUID | None = None, lives: bool = False) -> Any:
        """The row with so many checkpoints, and what the version left in all; `lives`: its lease is not over."""
        task = uuid4()
        text = (_HERE / version / f"{kind.value}.json").read_text()
        for name, value in {"task": task, "user": self._user, "concept": concept}.items():
            text = text.replace(f"<{name}>", str(value))
        left = json.loads(text)
        fetch(self._database, _ROW, task, self._user, kind.value, lives, json.dumps(left["inputs"]))
        for step in left["steps"][:done]:
            fetch(self._database, _STEP, task, step["step"], json.dumps(step["output"]))
        records = build_records(self._system.settings)
        picture = (_HERE / version / f"{kind.value}.png").read_bytes()
        records.image_persistence_service.store_image(picture, user_id=self._user, task_id=task, name=BASE_NAME)
        row = records.task_service.get_task(task, self._user)
        records.close()
        return row, left


@pytest.fixture
def leftovers(system: System, stack: Stack, user_id: UUID) -> Leftovers:
    """Runs of earlier versions."""
    return Leftovers(system, stack, user_id)


@pytest.mark.parametrize(("version", "kind", "done"), BOUNDARIES)
def test_a_run_goes_on_from_each_step(
    leftovers: Leftovers, system: System, stack: Stack, concept_id: UUID | None, version: str, kind: TaskType, done: int
) -> None:
    """By a real worker, with every checkpoint that its bytes still allow."""
    row, left = leftovers.put(version, kind, done, concept=concept_id)
    last = ended(system, row)
    assert (last.status, last.error_message) == (TaskStatus.COMPLETED, None)
    concept = system.client.get_concept(row.id, row.user_id)
    assert concept is not None
    assert len(concept.variations) == left["inputs"]["num_palettes"]
    kept = {step["step"]: step["output"] for step in left["steps"][:done]}
    if done == 1:
        kept.pop("download_original", None)  # the original waited in staging only
    now = {name: json.loads(one["output"]) for name, one in steps_of(stack, row).items()}
    assert {name: now[name] for name in kept} == kept


@pytest.mark.parametrize(("version", "kind"), PIPELINES)
def test_its_messages_are_understood(
    leftovers: Leftovers, system: System, concept_id: UUID | None, version: str, kind: TaskType
) -> None:
    """The whole canvas, as that version sent it."""
    row, left = leftovers.put(version, kind, 0, concept=concept_id, lives=True)
    with producer_app(system.settings) as app:
        app.conf.update(result_backend="cache+memory://")  # Celery builds no chord without one; the worker has its own
        signature(left["canvas"], app=app).apply_async()
    until(lambda: look(system, row).status.is_terminal, "the run to end")
    last = look(system, row)
    assert (last.status, last.run) == (TaskStatus.COMPLETED, 1)


def test_a_release_can_write_its_own(tmp_path: Path) -> None:
    """The script writes every step of both pipelines, and messages that name every task of them."""
    command = [sys.executable, "-m", "tests.golden", "next", str(tmp_path)]
    subprocess.run(command, cwd=_HERE.parents[1], check=True, capture_output=True, timeout=150)
    for kind in TaskType:
        left = json.loads((tmp_path / "next" / f"{kind.value}.json").read_text())
        steps = PROCESSORS[kind].pipeline.steps
        assert [one["step"] for one in left["steps"]] == [step.name for step in steps]
        assert {step.task.value for step in steps} <= set(
            re.findall(r"concept_worker[\w.]+", json.dumps(left["canvas"]))
        )
        assert (tmp_path / "next" / f"{kind.value}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("version", "kind"), PIPELINES)
def test_what_a_later_version_adds_is_ignored(version: str, kind: TaskType) -> None:
    """One more field in every object of every checkpoint and of the message."""
    left = json.loads((_HERE / version / f"{kind.value}.json").read_text().replace("<task>", str(uuid4())))
    steps = {step.name: step for step in PROCESSORS[kind].pipeline.steps}
    for one in left["steps"]:
        step: AnyStep = steps[one["step"]]
        output = str(uuid4()) if one["step"] == "store_concept" else one["output"]
        assert step.load(_with_more(output)) == step.load(output)
        assert _has_all(step.dump(step.load(output)), output)
    run = RunReference(task_id=uuid4(), number=1, type=kind).model_dump(mode="json")
    assert RunReference.model_validate(_with_more(run)).model_dump(mode="json") == run


def test_a_checkpoint_that_cannot_be_read_fails_the_row_once(
    leftovers: Leftovers, system: System, stack: Stack
) -> None:
    """With a true sentence, in the first run that meets it; nothing is made anew over it."""
    row, _ = leftovers.put(VERSIONS[-1], TaskType.GENERATION, 0)
    fetch(stack.environment["DATABASE_URL"], _STEP, row.id, "generate_base_image", '{"odd": 1}')
    last = ended(system, row)
    assert last.status is TaskStatus.FAILED
    assert "the result of generate_base_image cannot be read by this version of concept_worker" in str(
        last.error_message
    )
    assert last.run == 2


def test_the_first_wrong_fields_are_named() -> None:
    """Never a value."""
    step = PROCESSORS[TaskType.GENERATION].pipeline.steps[0]
    with pytest.raises(UnreadableRecord, match=r"\(task_id: required, but missing; name: required") as caught:
        step.load({"secret": "words"})
    assert "words" not in str(caught.value)


def _has_all(value: Any, old: Any) -> bool:
    """Whether the value has all that the old one has; optional fields may have come."""
    if isinstance(old, dict):
        return isinstance(value, dict) and all(name in value and _has_all(value[name], old[name]) for name in old)
    if isinstance(old, list):
        return len(value) == len(old) and all(map(_has_all, value, old))
    return bool(value == old)


def _with_more(value: Any) -> Any:
    """The value with one more field in each of its objects."""
    if isinstance(value, list):
        return [_with_more(one) for one in value]
    if isinstance(value, dict):
        return {name: _with_more(one) for name, one in value.items()} | {"a_later_field": {"x": [1]}}
    return value
