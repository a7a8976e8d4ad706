"""Receipts of paid calls in the steps' rows: who writes them, who finds them, when they go."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from concept_worker.bootstrap import build_records
from concept_worker.devstack import Stack
from concept_worker.errors import AbandonedRun
from concept_worker.models import Receipt, RunReference, TaskRow, TaskStatus, TaskType
from concept_worker.services.task_service import TaskService
from concept_worker.settings import Settings
from tests.integration.conftest import value_of
from tests.integration.services.rows import claimed

STEP = "generate_base_image"
LINK = Receipt(provider="openai", url="https://img.example/a.png?signature=secret")
JOB = Receipt(provider="fal", job="42")


@pytest.fixture(scope="module")
def tasks(stack: Stack) -> Iterator[TaskService]:
    """The service over the embedded stack."""
    records = build_records(
        Settings(
            supabase_url=stack.environment["SUPABASE_URL"],
            supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
        )
    )
    yield records.task_service
    records.close()


@pytest.fixture
def row(tasks: TaskService, user_id: UUID) -> TaskRow:
    """A pending row."""
    return tasks.create_task(user_id, TaskType.GENERATION, {"logo_description": "a fox"})


@pytest.fixture
def run(tasks: TaskService, row: TaskRow) -> RunReference:
    """Its first run, at the paid step."""
    reference = claimed(tasks, row)
    assert tasks.begin_step(reference, STEP, "one", 10).receipt is None
    return reference


def waits(tasks: TaskService, run: RunReference, *, unknown: bool = False) -> tuple[int, int]:
    """The step is released by its first execution; attempts and unknown outcomes so far."""
    tries = tasks.wait_step(run, STEP, "one", "busy", is_attempt=True, is_unknown=unknown, delay_seconds=0.0)
    return tries.attempts, tries.unknowns


def test_the_next_execution_finds_the_receipt(tasks: TaskService, run: RunReference) -> None:
    """Whatever became of the one that wrote it."""
    assert tasks.keep_receipt(run, STEP, "one", LINK)
    waits(tasks, run)
    assert tasks.begin_step(run, STEP, "two", 10).receipt == LINK


def test_a_receipt_is_dropped_when_it_leads_to_nothing(tasks: TaskService, run: RunReference) -> None:
    """The next execution buys again."""
    tasks.keep_receipt(run, STEP, "one", LINK)
    assert tasks.keep_receipt(run, STEP, "one", None)
    waits(tasks, run)
    assert tasks.begin_step(run, STEP, "two", 10).receipt is None


def test_another_executions_receipt_is_not_replaced(tasks: TaskService, run: RunReference) -> None:
    """An execution that comes late does not take the place of the receipt that is followed now."""
    tasks.keep_receipt(run, STEP, "one", LINK)
    assert not tasks.keep_receipt(run, STEP, "late", JOB)
    waits(tasks, run)
    assert tasks.begin_step(run, STEP, "two", 10).receipt == LINK


def test_a_late_receipt_helps_whoever_has_none(tasks: TaskService, run: RunReference) -> None:
    """The lease was over and another execution took the step; what was paid for is not lost to it."""
    assert tasks.keep_receipt(run, STEP, "late", JOB)
    waits(tasks, run)
    assert tasks.begin_step(run, STEP, "two", 10).receipt == JOB


def test_a_receipt_goes_with_the_steps_output(tasks: TaskService, run: RunReference, stack: Stack) -> None:
    """A link is a secret, and of no more use."""
    tasks.keep_receipt(run, STEP, "one", LINK)
    tasks.finish_step(run, STEP, {"done": True}, 50)
    assert value_of(stack, f"(select receipt from public.task_steps where task_id = '{run.task_id}')") is None
    assert not tasks.keep_receipt(run, STEP, "one", LINK)


def test_trying_again_collects(tasks: TaskService, run: RunReference, row: TaskRow) -> None:
    """`retry` of the failed task takes the receipt along."""
    tasks.keep_receipt(run, STEP, "one", LINK)
    tasks.update_task_status(row.id, TaskStatus.FAILED, error_message="The link cannot be followed.")
    fresh = tasks.retry_task(row.id, row.user_id, [STEP])
    assert tasks.begin_step(claimed(tasks, fresh), STEP, "two", 10).receipt == LINK


def test_who_finds_the_task_canceled_learns_what_was_ordered(
    tasks: TaskService, run: RunReference, row: TaskRow
) -> None:
    """So that the order can be canceled too; the error does not carry it to other processes."""
    tasks.keep_receipt(run, STEP, "one", JOB)
    waits(tasks, run)
    tasks.cancel_task(row.id, row.user_id)
    with pytest.raises(AbandonedRun) as caught:
        tasks.begin_step(run, STEP, "two", 10)
    assert caught.value.receipt == JOB.model_dump(mode="json")
    assert caught.value.args == ("the task was canceled or deleted", str(row.user_id))


def test_unknown_outcomes_are_counted_apart(tasks: TaskService, run: RunReference) -> None:
    """Each is an attempt too."""
    assert waits(tasks, run, unknown=True) == (1, 1)
    tasks.begin_step(run, STEP, "one", 10)
    assert waits(tasks, run) == (2, 1)


def test_callers_of_the_last_version_go_on(tasks: TaskService, run: RunReference, stack: Stack) -> None:
    """`wait_step` without the new argument is what it was."""
    answer = value_of(
        stack,
        f"""public.wait_step(p_task_id => '{run.task_id}', p_run => {run.number}, p_step => '{STEP}', p_owner => 'one',
        p_reason => 'busy', p_is_attempt => true, p_delay_seconds => 0, p_lease_seconds => 9)""",
    )
    assert '"attempts": 1' in str(answer)


def test_users_do_not_read_receipts(tasks: TaskService, run: RunReference, stack: Stack) -> None:
    """The table is closed to them, and so is the verb."""
    tasks.keep_receipt(run, STEP, "one", LINK)
    for role in ("anon", "authenticated"):
        verb = "public.keep_receipt(uuid, text, text, jsonb)"
        assert value_of(stack, f"has_table_privilege('{role}', 'public.task_steps', 'select')") is False
        assert value_of(stack, f"has_function_privilege('{role}', '{verb}', 'execute')") is False
