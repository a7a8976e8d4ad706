"""The mutants of a database: every function, trigger, key, check and index of the product, changed in one place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.chaos.database import fetch
from tests.prove.mutants.clauses import clauses
from tests.prove.mutants.conditions import conditions
from tests.prove.mutants.edits import Edit
from tests.prove.mutants.tokens import tokens_of

_FUNCTIONS = """select p.proname as name, pg_get_functiondef(p.oid) as source from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' and p.proname <> 'delete_row' order by 1"""
CONSTRAINTS = """select k.conname as name, k.conrelid::regclass::text as of, k.contype::text as kind,
        pg_get_constraintdef(k.oid) as source
    from pg_catalog.pg_constraint as k
    where k.connamespace = 'public'::regnamespace and k.contype in ('p', 'u', 'c', 'f')
    order by k.contype = 'f', 2, 1"""
_TRIGGERS = """select t.tgname as name, t.tgrelid::regclass::text as of, pg_get_triggerdef(t.oid) as source
    from pg_catalog.pg_trigger as t join pg_catalog.pg_class as c on c.oid = t.tgrelid
    where c.relnamespace = 'public'::regnamespace and not t.tgisinternal order by 1"""
_INDEXES = """select i.indexname as name, i.indexdef as source from pg_catalog.pg_indexes as i
    where i.schemaname = 'public' and not exists (
        select from pg_catalog.pg_constraint as k where k.conname = i.indexname) order by 1"""
_KEYS = {"p": "key", "u": "key", "c": "check", "f": "reference"}
_COUNTED = ("", " (2nd)", " (3rd)", " (4th)", " (5th)", " (6th)")


@dataclass(frozen=True)
class Mutant:
    """One change of the schema, by statements that make it."""

    name: str
    kind: str
    subject: str  # the function, or the table, that it is in
    statements: tuple[str, ...]


def function_mutants(name: str, source: str) -> list[Mutant]:
    """Every change of one function."""
    tokens = tokens_of(source)
    edits = sorted({*conditions(tokens), *clauses(tokens)}, key=lambda one: (one.shown, one.kind, one.places))
    return [Mutant(f"{name}: {one.name_in(source)}", _kind(one), name, (one.made_in(source),)) for one in edits]


def mutants_of(url: str) -> list[Mutant]:
    """Every mutant of the database at this address, each with a name of its own."""
    made = [
        *(one for row in fetch(url, _FUNCTIONS) for one in function_mutants(row["name"], row["source"])),
        *_triggers(url),
        *_constraints(url),
        *(
            Mutant(f"index {row['name']} removed", "index", row["name"], (f"drop index public.{row['name']}",))
            for row in fetch(url, _INDEXES)
        ),
    ]
    return list(_named_apart(made))


def _kind(edit: Edit) -> str:
    if edit.kind in ("dropped", "never", "always"):
        return "condition dropped"
    if edit.kind in ("negated", "turned", "moved"):
        return f"condition {edit.kind}" if edit.kind != "moved" else "bound moved"
    return "one of two values" if edit.kind.startswith("only") else "lock or conflict removed"


def _triggers(url: str) -> Iterator[Mutant]:
    for row in fetch(url, _TRIGGERS):
        drop, source = f"drop trigger {row['name']} on {row['of']}", row["source"]
        yield Mutant(f"trigger {row['name']} removed", "trigger", row["name"], (drop,))
        tokens = tokens_of(source)
        words = [one.word for one in tokens]
        for edit in conditions(tokens[words.index("when") :] if "when" in words else []):
            name = f"trigger {row['name']}: {edit.name_in(source)}"
            yield Mutant(name, "trigger", row["name"], (drop, edit.made_in(source)))
        if "INSERT OR UPDATE" in source:
            for event in ("INSERT", "UPDATE"):
                changed = source.replace("INSERT OR UPDATE", event)
                name = f"trigger {row['name']}: only before {event.lower()}"
                yield Mutant(name, "trigger", row["name"], (drop, changed))


def _constraints(url: str) -> Iterator[Mutant]:
    for row in fetch(url, CONSTRAINTS):
        kind, table = _KEYS[row["kind"]], row["of"]
        drop = f"alter table {table} drop constraint {row['name']}"
        yield Mutant(f"{kind} {row['name']} removed", kind, table, (f"{drop} cascade",))
        if kind == "check":
            for edit in conditions(tokens_of(row["source"])):
                name = f"check {row['name']}: {edit.name_in(row['source'])}"
                add = f"alter table {table} add constraint {row['name']} {edit.made_in(row['source'])}"
                yield Mutant(name, kind, table, (drop, add))
        action = re.search(r" ON DELETE (CASCADE|SET NULL)", row["source"])
        if action:
            add = f"alter table {table} add constraint {row['name']} {row['source'].replace(action[0], '')}"
            yield Mutant(f'reference {row["name"]}: "{action[0].strip().lower()}" removed', kind, table, (drop, add))


def _named_apart(made: list[Mutant]) -> Iterator[Mutant]:
    """Two changes that read alike are counted; one change that was found twice is one."""
    seen, names = set[tuple[str, ...]](), Counter[str]()
    for one in made:
        if one.statements not in seen:
            seen.add(one.statements)
            yield replace(one, name=one.name + _COUNTED[names[one.name]])
            names[one.name] += 1
