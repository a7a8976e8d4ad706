"""Dead runs are found first, whatever waits, by reading little more than what is returned."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from concept_worker.bootstrap import build_records
from concept_worker.devstack import Stack
from concept_worker.models import TaskRow, TaskStatus, TaskType
from concept_worker.services.task_service import TaskService
from concept_worker.settings import Settings
from tests.integration.conftest import run_sql, uncommitted
from tests.integration.services.rows import STEP, claimed, end_lease, is_among, let_lease_end

pytestmark = pytest.mark.usefixtures("nobody_left_at_a_step")

WAITING = 100_000
LIMIT = 200


@pytest.fixture(scope="module")
def tasks(stack: Stack) -> Iterator[TaskService]:
    """The service over the embedded stack."""
    records = build_records(
        Settings(
            supabase_url=stack.environment["SUPABASE_URL"],
            supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
            max_runs=3,
        )
    )
    yield records.task_service
    records.close()


@pytest.fixture
def row(tasks: TaskService, user_id: UUID) -> TaskRow:
    """A pending row."""
    return tasks.create_task(user_id, TaskType.GENERATION)


class TestResumeDead:
    """`resume_dead`"""

    def test_a_run_that_died_in_a_step_is_handed_to_one(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """At once, and once: its message is late before it is looked at again, as any stalled row."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        assert not is_among(tasks.resume_dead(60.0, 1000), row)
        end_lease(stack, run)
        assert is_among(tasks.resume_dead(60.0, 1000), row)
        assert not is_among(tasks.resume_dead(60.0, 1000), row)
        assert not is_among(tasks.stalled(60.0, 1000), row)
        assert is_among(tasks.stalled(0.0, 1000), row)

    def test_a_run_between_two_steps_is_the_brokers_to_judge(
        self, tasks: TaskService, row: TaskRow, stack: Stack
    ) -> None:
        """Its next message may only wait in a queue."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.finish_step(run, STEP, {}, 20)
        let_lease_end(stack, row)
        assert not is_among(tasks.resume_dead(60.0, 1000), row)
        assert is_among(tasks.stalled(60.0, 1000), row)

    def test_a_death_waits_for_the_living(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """A step beside it that lives goes on in the same run."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        end_lease(stack, run)
        tasks.begin_step(run, "beside", "one", 10)
        assert not is_among(tasks.resume_dead(60.0, 1000), row)

    def test_a_row_in_another_ones_hands_is_passed_over(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """A step that begins has its row."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        end_lease(stack, run)
        with uncommitted(stack, f"update public.tasks set stage = stage where id = '{row.id}'"):
            assert not is_among(tasks.resume_dead(60.0, 1000), row)

    def test_a_run_out_of_claims_fails(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """As any stalled one."""
        for _ in range(3):
            let_lease_end(stack, row)
            run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        end_lease(stack, run)
        tasks.resume_dead(60.0, 1000)
        assert tasks.get_task(row.id, row.user_id).status is TaskStatus.FAILED


def test_a_dead_run_comes_before_what_waits(tasks: TaskService, row: TaskRow, stack: Stack, user_id: UUID) -> None:
    """However much older that is; and what was enqueued again comes in between."""
    waiting, again = (tasks.create_task(user_id, TaskType.GENERATION) for _ in range(2))
    for one in (row, again):
        claimed(tasks, one)
        let_lease_end(stack, one)
    tasks.resume([again], 60.0)
    run_sql(stack, f"update public.tasks set created_at = '2000-01-01' where id = '{waiting.id}'")
    mine = [one.id for one in tasks.stalled(0.0, 1000) if one.user_id == user_id]
    assert mine == [row.id, again.id, waiting.id]


@dataclass(frozen=True)
class Reading:
    """What a search cost: rows of `tasks` read through an index, and by reading on and on."""

    returned: int
    by_index: int
    in_sequence: int
    has_found_the_dead: bool


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_a_search_reads_what_it_returns(stack: Stack, user_id: UUID, status: str) -> None:
    """Behind 100,000 rows that wait, claimed or not, whose turn it is not yet, and as many that are stalled."""
    searches = [
        f"select * from public.stalled_tasks(60, {LIMIT})",
        f"select * from public.resume_dead_tasks(60, 10, {LIMIT})",
        "select public.expire_tasks(1e9)",
    ]
    readings = asyncio.run(_searched(stack, user_id, status, searches))
    for reading in readings:
        assert reading.in_sequence == 0, readings
        assert reading.by_index <= 3 * reading.returned + LIMIT, readings
    assert readings[0].returned >= LIMIT
    assert [reading.has_found_the_dead for reading in readings] == [status == "pending", True, False]


async def _searched(stack: Stack, user_id: UUID, status: str, searches: list[str]) -> list[Reading]:
    """Each search's cost behind the crowd, of which nothing is left."""
    connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
    try:
        transaction = connection.transaction()
        await transaction.start()
        try:
            dead = await _crowd(connection, user_id, status)
            return [await _measured(connection, search, dead) for search in searches]
        finally:
            await transaction.rollback()
            await connection.execute("vacuum analyze public.tasks")
    finally:
        await connection.close()


async def _crowd(connection: asyncpg.Connection, user_id: UUID, status: str) -> UUID:
    """Half of it stalled, half not, and behind it the one dead run that is returned."""
    run, ends = (1, "now() + make_interval(secs => :wait)") if status == "processing" else (0, "null")
    for since, wait in (("1 hour", -60), ("1 second", 60)):
        await connection.execute(
            f"""insert into public.tasks (user_id, type, status, run, created_at, lease_expires_at)
            select $1, 'concept_generation', $2, {run}, now() - interval '{since}', {ends.replace(":wait", str(wait))}
            from generate_series(1, {WAITING // 2})""",
            user_id,
            status,
        )
    dead = uuid4()
    await connection.execute(
        """insert into public.tasks (id, user_id, type, status, run, lease_expires_at)
        values ($1, $2, 'concept_generation', 'processing', 1, now() + interval '1 hour')""",
        dead,
        user_id,
    )
    await connection.execute(
        """insert into public.task_steps (task_id, step, state, run, owner, lease_expires_at)
        values ($1, 'a_step', 'running', 1, 'one', now() - interval '1 second')""",
        dead,
    )
    await connection.execute("analyze public.tasks")
    return dead


async def _measured(connection: asyncpg.Connection, search: str, dead: UUID) -> Reading:
    """What this transaction's own counters say of one search."""
    counters = """select coalesce(idx_tup_fetch, 0) as by_index, coalesce(seq_tup_read, 0) as in_sequence
        from pg_stat_xact_user_tables where relname = 'tasks'"""
    before = await connection.fetchrow(counters)
    returned = await connection.fetch(search)
    after = await connection.fetchrow(counters)
    assert before is not None
    assert after is not None
    return Reading(
        len(returned),
        after["by_index"] - before["by_index"],
        after["in_sequence"] - before["in_sequence"],
        dead in [row[0] for row in returned],
    )
