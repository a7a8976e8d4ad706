"""A verb that comes while another transaction changes its row waits for it, and goes by what the row is then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from concept_worker.devstack import Stack
from tests.chaos.database import fetch
from tests.integration.conftest import run_sql, uncommitted, value_of
from tests.integration.services.moment import insert, ordinary
from tests.waiting import until

VERBS = {
    "begin_step": "public.begin_step('{task}', 1, 'waits', 'two', 10, 60, 4)",
    "extend_step": "public.extend_step('{task}', 1, 'here', 'one', 60)",
    "finish_step": "public.finish_step('{task}', 1, 'here', '7', 20, 60)",
    "wait_step": "public.wait_step('{task}', 1, 'here', 'one', 'why', true, 5, 60)",
    "forget_steps": "public.forget_steps('{task}', 1, array['done'])",
    "store_concept": """public.store_concept('{task}', 1,
        '{{"logo_description": "l", "theme_description": "t", "image_path": "i"}}', '[]')""",
}
CHANGES = {
    "claimed": "update public.tasks set run = run + 1 where id = '{task}'",
    "canceled": "update public.tasks set status = 'canceled', lease_expires_at = null where id = '{task}'",
}


def with_steps(stack: Stack, user: UUID) -> UUID:
    """A committed row with a step in each state."""
    task = uuid4()
    statements = [insert("tasks", **(ordinary("processing") | {"id": f"'{task}'", "user_id": f"'{user}'"}))]
    for name, state, output in (("here", "running", "null"), ("waits", "waiting", "null"), ("done", "done", "'7'")):
        lease = "now() + interval '1 minute'" if state == "running" else "null"
        columns = {"task_id": f"'{task}'", "step": f"'{name}'", "state": f"'{state}'", "run": "1", "owner": "'one'"}
        statements.append(insert("task_steps", **columns, lease_expires_at=lease, output=output))
    run_sql(stack, *statements)
    return task


def left(stack: Stack, task: UUID) -> list[dict[str, Any]]:
    """What is left of a row, its steps and its concept, without ids and times."""
    return fetch(
        stack.environment["DATABASE_URL"],
        f"""select t.status, t.run, t.stage, t.progress, t.metadata ? 'retry' as waits, s.step, s.state, s.owner,
        s.attempts, s.output, exists (select from public.concepts as c where c.task_id = t.id) as has_concept
        from public.tasks as t left join public.task_steps as s on s.task_id = t.id where t.id = '{task}'
        order by s.step""",
    )


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_change_in_between_is_seen(stack: Stack, user_id: UUID, verb: str, change: str) -> None:
    """Answer and rows are those of a verb that comes after it."""
    later, meanwhile = with_steps(stack, user_id), with_steps(stack, user_id)
    run_sql(stack, CHANGES[change].format(task=later))
    expected = value_of(stack, VERBS[verb].format(task=later))
    with ThreadPoolExecutor(1) as pool, uncommitted(stack, CHANGES[change].format(task=meanwhile)) as is_waited_for:
        answer = pool.submit(value_of, stack, VERBS[verb].format(task=meanwhile))
        until(lambda: answer.done() or is_waited_for(), "the verb to wait")
    assert answer.result() == expected
    assert left(stack, meanwhile) == left(stack, later)


@pytest.mark.parametrize("search", ["resume_tasks(array['{task}']::uuid[], 0, 9)", "resume_dead_tasks(0, 9, 9)"])
def test_a_row_in_another_ones_hands_is_passed_over(stack: Stack, user_id: UUID, search: str) -> None:
    """Housekeeping does not wait for it."""
    task = with_steps(stack, user_id)
    over = "lease_expires_at = now() - interval '1 minute'"
    run_sql(
        stack,
        f"update public.task_steps set {over} where task_id = '{task}' and state = 'running'",
        *([f"update public.tasks set {over} where id = '{task}'"] if search.startswith("resume_tasks") else []),
    )
    call = f"exists (select from public.{search.format(task=task)} as found where found.id = '{task}')"
    with (
        ThreadPoolExecutor(1) as pool,
        uncommitted(stack, f"update public.tasks set stage = stage where id = '{task}'") as is_waited_for,
    ):
        found = pool.submit(value_of, stack, call)
        until(lambda: found.done() or is_waited_for(), "the search to end")
        assert not is_waited_for()
        assert found.result() is False
    assert value_of(stack, call) is True


def test_a_step_in_a_verbs_hands_keeps_its_lease(stack: Stack, user_id: UUID) -> None:
    """Whoever misses its process does not wait for the verb: the process lives."""
    task = with_steps(stack, user_id)
    lost = "owner = 'lost:one', started_at = now() - interval '9 seconds'"
    mine = f"update public.task_steps set {lost} where task_id = '{task}'"
    run_sql(stack, mine)
    call = "public.end_lost_leases('lost', 3)"
    change = f"update public.tasks set stage = stage where id = '{task}'"
    with ThreadPoolExecutor(1) as pool, uncommitted(stack, change) as is_waited_for:
        ended = pool.submit(value_of, stack, call)
        until(lambda: ended.done() or is_waited_for(), "the verb to end")
        assert not is_waited_for()
        assert ended.result() == 0
    assert value_of(stack, call) == 1


def waits_for(stack: Stack, change: str, call: str) -> bool:
    """Whether the call waits for the transaction of this change."""
    with ThreadPoolExecutor(1) as pool, uncommitted(stack, change) as is_waited_for:
        answer = pool.submit(value_of, stack, call)
        until(lambda: answer.done() or is_waited_for(), "the verb to wait or to end")
        has_waited = not answer.done()
    answer.result()
    return has_waited


@pytest.mark.parametrize(
    "call",
    [
        "public.keep_receipt('{task}', 'here', 'one', '7')",
        "exists (select from public.retry_task('{task}', '{user}', array['done']) as found)",
    ],
)
def test_a_verb_locks_its_own_task_first(stack: Stack, user_id: UUID, call: str) -> None:
    """It waits for whoever has that row, and for nobody who has another one."""
    mine, other = with_steps(stack, user_id), with_steps(stack, user_id)
    over = (
        "update public.tasks set status = 'failed', error_message = 'no', lease_expires_at = null where id = '{task}'"
    )
    if "retry_task" in call:
        run_sql(stack, over.format(task=mine))
    held = "select from public.tasks where id = '{task}' for update"
    asked = call.format(task=mine, user=user_id)
    assert waits_for(stack, held.format(task=mine), asked)
    assert not waits_for(stack, held.format(task=other), asked)


def test_whoever_misses_a_process_locks_its_tasks_alone(stack: Stack, user_id: UUID) -> None:
    """Not those of others, nor those in which it has nothing in hand."""
    mine, idle, other = (with_steps(stack, user_id) for _ in range(3))
    own = "update public.task_steps set owner = 'lost:one', started_at = now() - interval '9 seconds' where task_id ="
    run_sql(stack, f"{own} '{mine}'", f"{own} '{idle}' and state <> 'running'")
    miss = "select public.end_lost_leases('lost', 3)"
    held = {
        task: waits_for(stack, miss, f"public.extend_step('{task}', 1, 'here', 'one', 60)")
        for task in (mine, idle, other)
    }
    assert held == {mine: True, idle: False, other: False}


def test_two_rounds_of_retention_count_their_own(stack: Stack, user_id: UUID) -> None:
    """What the other one deletes meanwhile is not named again."""
    concept, years = uuid4(), 365 * 86_400
    texts = dict.fromkeys(("logo_description", "theme_description", "image_path"), "'x'")
    ids = {"id": f"'{concept}'", "user_id": f"'{user_id}'", "created_at": "now() - interval '10 years'"}
    run_sql(stack, insert("concepts", **ids, **texts))
    call = f"public.expire_concepts({9 * years}, 100, false) ->> 'concepts'"
    with (
        ThreadPoolExecutor(1) as pool,
        uncommitted(stack, f"delete from public.concepts where id = '{concept}'") as is_waited_for,
    ):
        counted = pool.submit(value_of, stack, call)
        until(lambda: counted.done() or is_waited_for(), "the second round to wait")
    assert counted.result() == "0"
