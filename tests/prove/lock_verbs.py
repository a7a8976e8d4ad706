"""Every verb that writes about one task, as a statement with one answer, and the states in which they meet."""

from __future__ import annotations

from typing import Any

from tests.prove.database import canonical
from tests.prove.world import GENERATION, LEASE, MAX_INTERRUPTIONS, MAX_RUNS, PENDING

TASK = "00000000-0000-0000-0000-00000000000a"
RETRIED = "00000000-0000-0000-0000-00000000000b"
USER = "(select id from auth.users limit 1)"  # as in machine.sql

_BASE, _PALETTES = "generate_base_image", "generate_palettes"
_CONCEPT = '{"logo_description": "l", "theme_description": "t", "image_path": "i"}'
_PICTURES = '[{"position": 1, "palette_name": "p", "palette_source": "local", "colors": [], "image_path": "v"}]'

# The verbs of supabase/schemas and of `services/supabase/task_store.py`. {me} is the connection that asks.
_FUNCTIONS = {
    "claim": f"claim_task('{TASK}', null, {LEASE}, {MAX_RUNS})",
    "begin": f"""begin_step('{TASK}', 1, '{_PALETTES}', '{{me}}', 60, {LEASE}, {MAX_INTERRUPTIONS}, '{GENERATION}',
        array['{_BASE}'], 0)""",
    "begin beside": f"""begin_step('{TASK}', 1, 'store_base_image', '{{me}}', 58, {LEASE}, {MAX_INTERRUPTIONS},
        '{GENERATION}', array['{_BASE}'], 0)""",
    "extend": f"extend_step('{TASK}', 1, '{_PALETTES}', 'process:owner', {LEASE} + 1)",
    "finish": f"finish_step('{TASK}', 1, '{_PALETTES}', '\"{{me}}\"', 75, {LEASE} + 2)",
    "wait": f"wait_step('{TASK}', 1, '{_PALETTES}', 'process:owner', 'why', true, 2, {LEASE}, true)",
    "keep receipt": f"keep_receipt('{TASK}', '{_PALETTES}', 'process:owner', '\"{{me}}\"')",
    "forget": f"forget_steps('{TASK}', 1, array['{_BASE}'])",
    "fail": f"transition_task('{TASK}', 1, 'failed', null, 'given up', {LEASE})",
    "refuse": f"transition_task('{TASK}', 0, 'failed', null, 'refused', {LEASE})",
    "cancel": f"transition_task('{TASK}', null, 'canceled', null, null, {LEASE})",
    "store": f"store_concept('{TASK}', 1, '{_CONCEPT}', '{_PICTURES}')",
    "retry": f"retry_task('{TASK}', {USER}, array['{_BASE}', '{_PALETTES}'], '{RETRIED}')",
    "expire": "expire_tasks(100)",
    "resume dead": f"resume_dead_tasks({PENDING}, {MAX_RUNS}, 200)",
    "stalled": f"stalled_tasks({PENDING}, 200)",
    "resume": f"resume_tasks(array['{TASK}']::uuid[], {PENDING}, {MAX_RUNS})",
    "hold": f"hold_tasks(array['{TASK}']::uuid[], {LEASE})",
    "end lost": "end_lost_leases('process', -1)",
    "retain": "expire_concepts(-1, 100, false)",
}
_WRITES = {
    "create": f"insert into public.tasks (id, user_id, type) values ('{TASK}', {USER}, '{GENERATION}') returning *",
    "accept inputs": f"""update public.tasks set metadata = '{{"by": "{{me}}"}}'
        where id = '{TASK}' and user_id = {USER} and status = 'pending' returning *""",
    "delete": f"delete from public.tasks where id = '{TASK}' and user_id = {USER} returning *",
}
VERBS = (*_FUNCTIONS, *_WRITES)
# Verbs that pass over a row that another transaction has (`skip locked`): the next round of housekeeping takes it.
SKIPS = frozenset({"resume dead", "stalled", "resume", "end lost"})


def statement(verb: str, me: str) -> str:
    """The verb as the connection `me` sends it: one statement, whose answer is one JSON document."""
    if verb in _WRITES:
        written = _WRITES[verb].replace("{me}", me)
        return f"with a as ({written}) select coalesce(jsonb_agg(to_jsonb(a)), '[]') from a"
    call = _FUNCTIONS[verb].replace("{me}", me)
    return f"select coalesce(jsonb_agg(to_jsonb(a)), '[]') from public.{call} as a"


def _task(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "a", "type": GENERATION, "status": status, "stage": None, "progress": 0, "run": 0, "lease": None,
        "enqueued": None, "created": -120, "result": False, "error": None, "waits": False, **more,
    }  # fmt: skip


def _step(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "task": "a", "step": name, "state": state, "run": 1, "owner": "process:owner", "lease": None, "attempts": 0,
        "interruptions": 0, "unknowns": 0, "output": None, "receipt": None, **more,
    }  # fmt: skip


def _state(*tasks: dict[str, Any], steps: tuple[dict[str, Any], ...] = (), concepts: int = 0) -> str:
    stored = [{"task": "a", "is_result": True, "variations": 2}] * concepts
    return canonical({"tasks": tasks, "steps": steps, "concepts": stored})


_DONE = _step(_BASE, "done", output="first")
_RUN = {"run": 1, "stage": _PALETTES, "progress": 60}
STATES = {
    "none": _state(),
    "pending": _state(_task("pending")),
    "running": _state(
        _task("processing", lease=30, **_RUN), steps=(_DONE, _step(_PALETTES, "running", lease=30, receipt="earlier"))
    ),
    "step dead": _state(
        _task("processing", lease=30, **_RUN), steps=(_DONE, _step(_PALETTES, "running", lease=-10, interruptions=2))
    ),
    "run over": _state(_task("processing", lease=-10, **_RUN), steps=(_DONE, _step(_PALETTES, "waiting"))),
    "forgot": _state(_task("processing", lease="epoch", **_RUN), steps=(_step(_PALETTES, "waiting"),)),
    "failed": _state(
        _task("failed", error="why", **_RUN), steps=(_DONE, _step(_PALETTES, "waiting", receipt="a link"))
    ),
    "completed": _state(
        _task("completed", run=1, progress=100, result=True),
        steps=(_DONE, _step(_PALETTES, "done", output="first")),
        concepts=1,
    ),
}

_OF_TASK = f"task_id = '{TASK}'"
# What a third connection has, so that a verb is stopped in its midst, with all that it has by then.
OBSTACLES = {
    "the task": f"select from public.tasks where id = '{TASK}' for update",
    "the done step": f"select from public.task_steps where {_OF_TASK} and step = '{_BASE}' for update",
    "the other step": f"select from public.task_steps where {_OF_TASK} and step = '{_PALETTES}' for update",
    "the concept": f"select from public.concepts where {_OF_TASK} for update",
    "the user": f"select from auth.users where id = {USER} for update",
    "the last try": "select pg_advisory_xact_lock(hashtextextended('concept_worker.last_try', 0))",
}
