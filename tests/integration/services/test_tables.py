"""Each key, check, reference, trigger and index of the tables does what it is there for."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from tests.integration.services.moment import Moment, insert, ordinary

LONG = "repeat('x', 1001)"
# Rows that a check refuses: its name, the status of an otherwise ordinary task, and what is wrong with it.
BAD_TASKS = [
    ("tasks_type_known", "pending", {"type": "'concept_dance'"}),
    ("tasks_status_known", "sleeping", {}),
    ("tasks_progress_percent", "pending", {"progress": "-1"}),
    ("tasks_progress_percent", "pending", {"progress": "101"}),
    ("tasks_run_counts", "pending", {"run": "-1"}),
    ("tasks_error_short", "failed", {"error_message": LONG}),
    ("tasks_completed_has_result", "completed", {"result_id": "null"}),
    ("tasks_completed_has_result", "completed", {"completed_at": "null"}),
    ("tasks_failed_has_reason", "failed", {"error_message": "null"}),
    ("tasks_processing_has_lease", "processing", {"lease_expires_at": "null"}),
    ("tasks_processing_has_lease", "processing", {"run": "0"}),
]
GOOD_TASKS = [
    *((status, {}) for status in ("pending", "processing", "completed", "failed", "canceled")),
    ("pending", {"type": "'concept_refinement'"}),
    ("canceled", {"run": "0"}),
    ("processing", {"progress": "100"}),
    ("failed", {"error_message": "repeat('x', 1000)"}),
]
BAD_STEPS = [
    ("task_steps_state_known", "asleep", {}),
    ("task_steps_done_has_output", "done", {"output": "null"}),
]
BAD_VARIATIONS = [
    ("color_variations_position_counts", {"position": "0"}),
    ("color_variations_source_known", {"palette_source": "'elsewhere'"}),
]
KEYS = """select conname as name from pg_catalog.pg_constraint
    where conrelid = 'public.{table}'::regclass and contype in ('p', 'u')"""
# What each index is there for.
SEARCHES = {
    "tasks_user_id_created_at_idx": "select from public.tasks where user_id = '{id}' order by created_at desc limit 9",
    "tasks_result_id_idx": "select from public.tasks where result_id = '{id}'",
    "tasks_lease_idx": """select from public.tasks where status = 'processing' and lease_expires_at < now()
        and (enqueued_at is null or enqueued_at < lease_expires_at) order by lease_expires_at limit 9""",
    "tasks_enqueued_idx": """select from public.tasks where status = 'processing' and enqueued_at >= lease_expires_at
        and enqueued_at < now() order by enqueued_at limit 9""",
    "tasks_pending_idx": """select from public.tasks where status = 'pending'
        and coalesce(enqueued_at, created_at) < now() order by coalesce(enqueued_at, created_at) limit 9""",
    "tasks_open_created_at_idx": """select from public.tasks where status in ('pending', 'processing')
        and created_at < now()""",
    "task_steps_suspects_idx": """select max(lease_expires_at) from public.task_steps where state = 'running'
        and interruptions > 0 and interruptions = 3""",
    "task_steps_running_idx": "select from public.task_steps where task_id = '{id}' and run = 1 and state = 'running'",
    "task_steps_lease_idx": "select from public.task_steps where state = 'running' and lease_expires_at < now()",
    "concepts_original_concept_id_idx": "select from public.concepts where original_concept_id = '{id}'",
    "concepts_user_id_created_at_idx": """select from public.concepts where user_id = '{id}'
        order by created_at desc limit 9""",
    "concepts_image_path_idx": "select from public.concepts where image_path = 'a'",
    "concepts_created_at_idx": "select from public.concepts where created_at < now() order by created_at limit 9",
    "color_variations_image_path_idx": "select from public.color_variations where image_path = 'a'",
}


@pytest.mark.parametrize(("check", "status", "columns"), BAD_TASKS)
def test_a_task_that_cannot_be_is_refused(moment: Moment, check: str, status: str, columns: dict[str, str]) -> None:
    """Whoever writes it."""
    row = ordinary(status) | {"user_id": f"'{moment.user}'"} | columns
    assert moment.refusal(insert("tasks", **row)) == check


@pytest.mark.parametrize(("status", "columns"), GOOD_TASKS)
def test_a_task_that_can_be_is_taken(moment: Moment, status: str, columns: dict[str, str]) -> None:
    """To the bounds."""
    moment.task(status, **columns)


def test_steps_that_cannot_be_are_refused(moment: Moment) -> None:
    """And those that can be are taken."""
    task = moment.task()
    for state in ("running", "waiting", "done"):
        moment.step(task, state, state)
    for check, state, columns in BAD_STEPS:
        row = {"task_id": f"'{task}'", "step": "'bad'", "state": f"'{state}'", "run": "1", "owner": "'one'"} | columns
        assert moment.refusal(insert("task_steps", **row)) == check


def test_variations_that_cannot_be_are_refused(moment: Moment) -> None:
    """And those that can be are taken."""
    row = {"concept_id": f"'{moment.concept()}'", "position": "1", "colors": "'[]'"}
    row |= {name: "'x'" for name in ("palette_name", "image_path")}
    for source in ("provider", "local"):
        assert not moment.refusal(insert("color_variations", **(row | {"palette_source": f"'{source}'"})))
    for check, columns in BAD_VARIATIONS:
        assert moment.refusal(insert("color_variations", **(row | columns))) == check
    twice = insert("color_variations", **row)
    assert moment.refusal(twice, twice) == "color_variations_concept_id_position_key"


def test_nothing_is_there_twice(moment: Moment) -> None:
    """A task, a step of it, a concept, a task's concept, a variation."""
    task, concept = moment.task(), moment.concept()
    moment.step(task, "a_step")
    moment.run(f"update public.concepts set task_id = '{task}' where id = '{concept}'")
    moment.run(
        f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
        values ('{concept}', 1, 'x', '[]', 'x')"""
    )
    again = {
        "tasks_pkey": "insert into public.tasks select * from public.tasks where id = '{task}'",
        "task_steps_pkey": "insert into public.task_steps select * from public.task_steps where task_id = '{task}'",
        "concepts_pkey": """insert into public.concepts
            (id, user_id, logo_description, theme_description, image_path)
            select id, user_id, 'x', 'x', 'x' from public.concepts where id = '{concept}'""",
        "concepts_task_id_key": """insert into public.concepts
            (task_id, user_id, logo_description, theme_description, image_path)
            select task_id, user_id, 'x', 'x', 'x' from public.concepts where id = '{concept}'""",
        "color_variations_pkey": """insert into public.color_variations
            (id, concept_id, position, palette_name, colors, image_path)
            select id, concept_id, 2, 'x', '[]', 'x' from public.color_variations where concept_id = '{concept}'""",
    }
    for key, statement in again.items():
        assert moment.refusal(statement.format(task=task, concept=concept)) == key


def test_nothing_belongs_to_what_is_not_there(moment: Moment) -> None:
    """Neither to a user nor to a task or concept."""
    nobody, task, concept = f"'{uuid4()}'", moment.task(), moment.concept()
    moment.step(task, "a_step")
    moment.run(
        f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
        values ('{concept}', 1, 'x', '[]', 'x')"""
    )
    for table, column in (
        ("tasks", "user_id"),
        ("task_steps", "task_id"),
        ("concepts", "user_id"),
        ("concepts", "task_id"),
        ("concepts", "original_concept_id"),
        ("color_variations", "concept_id"),
    ):
        assert moment.refusal(f"update public.{table} set {column} = {nobody}") == f"{table}_{column}_fkey"


def test_what_is_deleted_takes_along_what_is_its_own(moment: Moment) -> None:
    """A user everything, a task its steps, a concept its variations; what stands alone stays, without the link."""
    task, original = moment.task(), moment.concept()
    concept = moment.concept(task_id=f"'{task}'", original_concept_id=f"'{original}'")
    moment.step(task, "a_step")
    moment.run(
        f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
        values ('{concept}', 1, 'x', '[]', 'x')"""
    )
    moment.run(f"delete from public.concepts where id = '{original}'")
    moment.run(f"delete from public.tasks where id = '{task}'")
    left = moment.rows(f"select task_id, original_concept_id from public.concepts where id = '{concept}'")
    assert left == [{"task_id": None, "original_concept_id": None}]
    assert not moment.value(f"(select count(*) from public.task_steps where task_id = '{task}')")
    moment.task()
    moment.run(f"delete from auth.users where id = '{moment.user}'")
    for table in ("tasks", "concepts"):
        assert not moment.value(f"(select count(*) from public.{table} where user_id = '{moment.user}')")
    assert not moment.value(f"(select count(*) from public.color_variations where concept_id = '{concept}')")


@pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
def test_a_row_that_is_over_stays(moment: Moment, status: str) -> None:
    """Nobody changes it, by whatever statement."""
    task = moment.task(status)
    with pytest.raises(asyncpg.RaiseError, match=f"already {status}"):
        moment.run(f"update public.tasks set stage = 'late' where id = '{task}'")


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_a_row_that_goes_on_says_when_it_changed(moment: Moment, status: str) -> None:
    """By the database's clock."""
    task = moment.task(status, updated_at="'2000-01-01'")
    moment.run(f"update public.tasks set stage = 'late' where id = '{task}'")
    assert moment.value(f"(select updated_at = now() from public.tasks where id = '{task}')")


def test_a_done_step_has_no_receipt(moment: Moment) -> None:
    """However it came to be done; another state keeps it."""
    task, receipt = moment.task(), "'{\"job\": 1}'"
    moment.step(task, "inserted", "done", receipt=receipt)
    moment.step(task, "updated", receipt=receipt)
    moment.step(task, "waits", "waiting", receipt=receipt)
    moment.run("update public.task_steps set state = 'done', output = '{}' where step = 'updated'")
    kept = moment.rows(f"select step from public.task_steps where task_id = '{task}' and receipt is not null")
    assert kept == [{"step": "waits"}]


@pytest.mark.parametrize("index", SEARCHES)
def test_a_search_can_use_its_index(moment: Moment, index: str) -> None:
    """Where there is no other one, and reading the whole table is out of the question."""
    (table,) = moment.rows(f"select tablename as name from pg_catalog.pg_indexes where indexname = '{index}'")
    for row in moment.rows(KEYS.format(table=table["name"])):
        moment.run(f"alter table public.{table['name']} drop constraint {row['name']} cascade")
    for row in moment.rows(f"select indexname as name from pg_catalog.pg_indexes where tablename = '{table['name']}'"):
        if row["name"] != index:
            moment.run(f"drop index public.{row['name']}")
    moment.run("set local enable_seqscan = off")
    plan = moment.rows(f"explain {SEARCHES[index].format(id=moment.user)}")
    assert index in "\n".join(row["QUERY PLAN"] for row in plan)


def test_each_index_has_its_search(moment: Moment) -> None:
    """One that nothing needs is only written."""
    found = moment.rows(
        """select i.indexname as name from pg_catalog.pg_indexes as i where i.schemaname = 'public'
        and not exists (select from pg_catalog.pg_constraint as k where k.conname = i.indexname)"""
    )
    assert {row["name"] for row in found} == SEARCHES.keys()
