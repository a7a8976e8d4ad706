"""What tests of the verbs of a run do with its row."""

from __future__ import annotations

from collections.abc import Sequence

from concept_worker.devstack import Stack
from concept_worker.models import RunReference, TaskRow
from concept_worker.services.task_service import TaskService
from tests.integration.conftest import run_sql

STEP = "a_step"


def claimed(tasks: TaskService, row: TaskRow) -> RunReference:
    """A run of the row."""
    task = tasks.claim_task_if_pending(row.id, row.user_id)
    assert task is not None
    return RunReference.of(task)


def end_lease(stack: Stack, run: RunReference) -> None:
    """As if whoever is at the run's steps had died a lease ago."""
    run_sql(stack, f"update public.task_steps set lease_expires_at = now() where task_id = '{run.task_id}'")


def let_lease_end(stack: Stack, row: TaskRow) -> None:
    """As if the row's run had given no sign of life for a minute."""
    run_sql(stack, f"update public.tasks set lease_expires_at = now() - interval '1 minute' where id = '{row.id}'")


def is_among(rows: Sequence[TaskRow], row: TaskRow) -> bool:
    """Whether the row is one of them; other tests' rows may be too."""
    return row.id in [one.id for one in rows]
