"""A concept and its task's completion on the real database: one transaction, once, for its owner."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import asyncpg
import pytest

from concept_worker.bootstrap import Records, build_records
from concept_worker.devstack import Stack
from concept_worker.errors import StaleRun
from concept_worker.models import RunReference, StoredImage, TaskRow, TaskStatus, TaskType
from concept_worker.payloads import Payload, RefinementPayload
from concept_worker.settings import Settings
from tests.integration.conftest import run_sql, uncommitted
from tests.waiting import until

PAYLOAD = RefinementPayload(refinement_prompt="bolder", original_image_path="a/b/base.png")


@pytest.fixture(scope="module")
def records(stack: Stack) -> Iterator[Records]:
    """The services over the embedded stack."""
    built = build_records(
        Settings(
            supabase_url=stack.environment["SUPABASE_URL"], supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"]
        )
    )
    yield built
    built.close()


@pytest.fixture
def row(records: Records, user_id: UUID) -> TaskRow:
    """A row in its first run."""
    row = records.task_service.create_task(user_id, TaskType.REFINEMENT)
    claimed = records.task_service.claim_task_if_pending(row.id)
    assert claimed is not None
    return claimed


def store(records: Records, row: TaskRow, payload: Payload = PAYLOAD) -> UUID:
    """What the last step of the row's run does."""
    return records.concept_persistence_service.store_concept(
        RunReference.of(row),
        user_id=row.user_id,
        payload=payload,
        base=StoredImage(name="base.png", size=1),
        variations=[],
    )


def status(records: Records, row: TaskRow) -> TaskStatus:
    """The row's, now."""
    return records.task_service.get_task(row.id, row.user_id).status


def test_storing_twice_stores_once(records: Records, row: TaskRow) -> None:
    """The last step, delivered again, gets the concept of its first execution."""
    assert store(records, row) == store(records, row)
    assert status(records, row) is TaskStatus.COMPLETED


def test_a_task_has_one_concept(records: Records, row: TaskRow, stack: Stack) -> None:
    """Whoever inserts another one, and whichever way."""
    concept = store(records, row)
    with pytest.raises(asyncpg.UniqueViolationError):
        run_sql(
            stack,
            f"""insert into public.concepts (task_id, user_id, logo_description, theme_description, image_path)
            select task_id, user_id, 'a', 'b', 'c' from public.concepts where id = '{concept}'""",
        )


def test_a_replaced_run_stores_nothing(records: Records, row: TaskRow, stack: Stack) -> None:
    """The newer run will."""
    run_sql(stack, f"update public.tasks set lease_expires_at = now() where id = '{row.id}'")
    records.task_service.claim_task_if_pending(row.id)
    with pytest.raises(StaleRun):
        store(records, row)
    assert status(records, row) is TaskStatus.PROCESSING


def test_a_canceled_run_stores_nothing(records: Records, row: TaskRow) -> None:
    """And stops quietly: it is no failure."""
    records.task_service.cancel_task(row.id, row.user_id)
    with pytest.raises(StaleRun):
        store(records, row)


def test_a_cancel_in_between_is_seen(records: Records, row: TaskRow, stack: Stack) -> None:
    """Storing waits for it, and is fenced."""
    cancel = f"update public.tasks set status = 'canceled' where id = '{row.id}'"
    with ThreadPoolExecutor(1) as pool, uncommitted(stack, cancel) as is_waited_for:
        stored = pool.submit(store, records, row)
        until(is_waited_for, "storing to wait")
    with pytest.raises(StaleRun):
        stored.result()


def test_an_original_that_was_deleted_meanwhile_costs_nothing(records: Records, row: TaskRow) -> None:
    """The refinement is stored, without the link."""
    payload = RefinementPayload(refinement_prompt="bolder", original_concept_id=uuid4())
    concept = records.concept_persistence_service.get_concept(store(records, row, payload), row.user_id)
    assert concept is not None
    assert (concept.refinement_prompt, concept.original_concept_id) == ("bolder", None)


def test_a_concept_outlives_its_task_and_its_original(records: Records, row: TaskRow, stack: Stack) -> None:
    """Deleting either leaves it to its owner, and to nobody else."""
    concepts, tasks = records.concept_persistence_service, records.task_service
    original = store(records, row)
    task = tasks.create_task(row.user_id, TaskType.REFINEMENT)
    claimed = tasks.claim_task_if_pending(task.id)
    assert claimed is not None
    refined = store(records, claimed, PAYLOAD.model_copy(update={"original_concept_id": original}))
    tasks.delete_task(task.id, task.user_id)
    run_sql(stack, f"delete from public.concepts where id = '{original}'")
    left = concepts.get_concept(refined, row.user_id)
    assert left is not None
    assert (left.task_id, left.original_concept_id) == (None, None)
    assert concepts.get_concept(refined, stack.create_user()) is None
