"""Two verbs on one task, on two connections: no deadlock, and no answer from before a wait."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import pytest

from tests.prove.database import Database
from tests.prove.interleaving import Crossed, Interleaving, held_open, stopped_midway
from tests.prove.lock_verbs import SKIPS, STATES, VERBS

_TASK_LOCK = "select * into v_task from public.tasks where id = p_task_id for update;"


class Mistake(NamedTuple):
    """A function with a mistake, and where it must show."""

    function: str
    old: str
    new: str
    state: str
    verb: str
    words: str


_DEADLOCK, _NO_ORDER = "a deadlock", "no serial order gives"
MISTAKES = {
    "a checkpoint without the lock": Mistake(
        "finish_step(uuid,integer,text,jsonb,integer,double precision)",
        *(_TASK_LOCK, _TASK_LOCK.replace(" for update", "")),
        *("running", "finish", _NO_ORDER),
    ),
    "a step begun on a row read before the lock": Mistake(
        "begin_step(uuid,integer,text,text,integer,double precision,integer,text,text[],double precision)",
        _TASK_LOCK,
        f"{_TASK_LOCK.replace(' for update', '')} perform from public.tasks where id = p_task_id for update;",
        *("run over", "begin", _NO_ORDER),
    ),
    "a concept stored without the lock": Mistake(
        "store_concept(uuid,integer,jsonb,jsonb)",
        *(_TASK_LOCK, _TASK_LOCK.replace(" for update", "")),
        *("running", "store", _NO_ORDER),
    ),
    "a claim that looked before it waited": Mistake(
        "claim_task(uuid,uuid,double precision,integer)",
        "and (status = 'pending' or (status = 'processing' and lease_expires_at < now()))",
        "and id in (select id from public.tasks where status = 'pending' or lease_expires_at < prove.now())",
        *("pending", "claim", _NO_ORDER),
    ),
    "a sign of life that takes its step first": Mistake(
        "extend_step(uuid,integer,text,text,double precision)",
        "select * into v_task",
        "perform from public.task_steps where task_id = p_task_id for update; select * into v_task",
        *("running", "extend", _DEADLOCK),
    ),
    "a receipt written without its task": Mistake(
        "keep_receipt(uuid,text,text,jsonb)",
        *("perform from public.tasks where id = p_task_id for update;", ""),
        *("running", "finish", _DEADLOCK),
    ),
    "a retry that does not hold the old row": Mistake(
        "retry_task(uuid,uuid,text[],uuid)", "for update", "", *("failed", "delete", _NO_ORDER)
    ),
    "a retention that counts what another round deleted": Mistake(
        "expire_concepts(double precision,integer,boolean)",
        "select id from public.concepts where id = any (v_ids) order by id for update",
        "select unnest(v_ids) as id",
        *("completed", "retain", _NO_ORDER),
    ),
}


@pytest.fixture(scope="module")
def interleaving(database: Database) -> Iterator[Interleaving]:
    """Four connections to the product's functions on a clock that stands still."""
    with Interleaving(database.address) as crossing:
        yield crossing


@pytest.fixture
def mistake(database: Database, interleaving: Interleaving, request: pytest.FixtureRequest) -> Iterator[Mistake]:
    """The function with its mistake, for one test."""
    made = MISTAKES[request.getfixturevalue("name")]
    source = database.functions()[made.function].replace("prove.now()", "now()")
    assert made.old in source, f"{made.function} has changed: the mistake is nowhere"
    database.replace(source.replace(made.old, made.new))
    interleaving.forget()
    yield made
    database.replace(source)
    interleaving.forget()


def _troubles(crossed: Iterator[Crossed]) -> list[str]:
    return [one.trouble for one in crossed if one.trouble]


@pytest.mark.parametrize("state", STATES)
def test_a_verb_beside_an_open_transaction(interleaving: Interleaving, state: str) -> None:
    """It answers as if it came behind, or as if it were alone when the other takes everything back."""
    met = list(held_open(interleaving, state))
    assert not _troubles(iter(met))
    assert any(one.has_waited for one in met)


@pytest.mark.parametrize("state", STATES)
def test_a_verb_beside_one_that_is_stopped_midway(interleaving: Interleaving, state: str) -> None:
    """At each wait for a lock: of the task, of a step, of the concept, of the user, of the one last try."""
    met = list(stopped_midway(interleaving, state))
    assert not _troubles(iter(met))
    assert met


def test_every_verb_has_a_state_in_which_it_writes(interleaving: Interleaving) -> None:
    """A verb that finds nothing to do proves nothing."""
    idle = {verb for verb in VERBS if not any(interleaving.changes(state, verb) for state in STATES)}
    assert idle == set()
    assert set(VERBS) >= SKIPS


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(interleaving: Interleaving, mistake: Mistake, name: str) -> None:
    """Each function that looks before it waits, or takes locks in another order, is caught."""
    met = chain(
        held_open(interleaving, mistake.state, [mistake.verb]),
        stopped_midway(interleaving, mistake.state, [mistake.verb]),
    )
    assert any(mistake.words in trouble for trouble in _troubles(met))
