"""The mutants of the SQL: what they are, that some of them are seen, and that the list of equivalent ones is true."""

from __future__ import annotations

import subprocess
import sys

import pytest

from concept_worker.devstack import Stack
from tests.prove.mutants.catalogue import Mutant, function_mutants, mutants_of
from tests.prove.mutants.report import NOBODY, STORE, Judgment, reasons, table, troubles
from tests.prove.mutants.searching import make_template, searched

FUNCTION = """create function public.verb(p_id uuid) returns boolean language plpgsql as $function$
begin
    update public.tasks as t set progress = greatest(progress, 1)
    where t.id = p_id and (t.run < 2 or t.stage is distinct from 'x');  -- and nothing else
    if not found then
        return (select true from public.tasks where id = p_id for update skip locked);
    end if;
    insert into public.tasks (id) values (p_id)
    on conflict (id) do update set run = 1 where tasks.run > 1 returning true;
end
$function$
"""
# What each is, and what stands in the mutant.
CHANGES = {
    '"greatest(progress, 1)" only value 1': "set progress = progress\n",
    '"greatest(progress, 1)" only value 2': "set progress = 1\n",
    '"t.id = p_id" dropped': "where true and (t.run",
    '"t.id = p_id" turned': "where t.id <> p_id",
    """"and (t.run < 2 or t.stage is distinct from 'x')" dropped""": "where t.id = p_id and true;",
    '"t.run < 2" dropped': "(false or",
    '"t.run < 2" turned': "t.run >= 2",
    '"t.run < 2" moved': "t.run <= 2",
    """"or t.stage is distinct from 'x'" dropped""": "or false)",
    """"t.stage is distinct from 'x'" negated""": "or not (t.stage is distinct from 'x'))",
    '"if not found" never': "if false then",
    '"if not found" always': "if true then",
    '"not found" negated': "if  found then",
    '"where id = p_id" dropped': "where true for update",
    '"id = p_id" turned': "where id <> p_id for update",
    '"for update skip locked" removed': "where id = p_id );",
    '"skip locked" removed': "for update );",
    '"on conflict (id) do update set run = 1 where tasks.run > 1" removed': "(p_id)\n     returning",
    '"on conflict (id) do update" replaced by do nothing': "on conflict (id) do nothing returning",
    '"where tasks.run > 1" dropped': "where true returning",
    '"tasks.run > 1" turned': "tasks.run <= 1",
    '"tasks.run > 1" moved': "tasks.run >= 1",
}
SEEN = {
    'begin_step: "and s.lease_expires_at + v_takeover < now()" dropped',
    'begin_step: "greatest(progress, p_progress)" only value 2',
    """begin_step: "when v_step.state = 'done'" never""",
    'finish_step: "coalesce(output, p_output)" only value 2',
    """stalled_tasks: "status = 'pending'" turned""",
}
KILLED = 'hold_tasks: "id = any (p_task_ids)" dropped'


@pytest.fixture(scope="module")
def mutants(stack: Stack) -> dict[str, Mutant]:
    """All of the product's, by their names."""
    return {one.name: one for one in mutants_of(stack.environment["DATABASE_URL"])}


@pytest.fixture(scope="module")
def template(stack: Stack) -> str:
    """A database to copy; it ends with the stack."""
    return make_template(stack.environment["DATABASE_URL"])


def test_every_part_of_a_function_is_changed() -> None:
    """Each once, and nothing else of it; assignments and comments stay."""
    made = {one.name.removeprefix("verb: "): one.statements[0] for one in function_mutants("verb", FUNCTION)}
    assert made.keys() == CHANGES.keys()
    for name, text in CHANGES.items():
        assert text in made[name], name
        assert "-- and nothing else" in made[name] or name.startswith('"and (t.run')


def test_names_are_apart(mutants: dict[str, Mutant]) -> None:
    """Every name is one mutant, of every part of the schema."""
    assert len(mutants) >= 600
    assert {one.kind for one in mutants.values()} == {
        "bound moved", "check", "condition dropped", "condition negated", "condition turned", "index", "key",
        "lock or conflict removed", "one of two values", "reference", "trigger",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_mutant_is_seen(stack: Stack, template: str, mutants: dict[str, Mutant], name: str) -> None:
    """By the search, with few faults."""
    assert searched(stack.environment["DATABASE_URL"], template, mutants[name], faults=1)


def test_the_command_judges_a_mutant() -> None:
    """By the tests of the store, in a process of its own, and says how it ended."""
    command = [sys.executable, "-m", "tests.prove.mutants", "--only", KILLED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"store tests  {KILLED}" in ended.stdout
    assert "killed 1 of 1 that are not equivalent: 100.0 %" in ended.stdout


def test_what_is_listed_as_equivalent_is_made(mutants: dict[str, Mutant]) -> None:
    """A change of the SQL takes its line along; `make mutants` judges the rest."""
    assert sorted(reasons().keys() - mutants.keys()) == []


def test_a_survivor_without_a_reason_is_trouble(mutants: dict[str, Mutant]) -> None:
    """So is a reason for a mutant that is killed, or not there."""
    listed, fresh = mutants[next(iter(reasons()))], mutants[min(SEEN)]
    wrong = list(troubles([Judgment(listed, STORE, "a test"), Judgment(fresh, NOBODY)], [fresh]))
    assert wrong[:2] == [
        f"listed as equivalent, and killed by the store tests: {listed.name}: a test",
        f"survived: {fresh.name}",
    ]
    assert f"listed, and not made: {listed.name}" in wrong
    assert list(table([Judgment(fresh, NOBODY)]))[-1] == "killed 0 of 1 that are not equivalent: 0.0 %"
