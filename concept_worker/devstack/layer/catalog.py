"""The catalog of the database: tables with their columns, functions with their parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import asyncpg

_READ = """
select json_build_object(
    'tables', (
        select coalesce(json_object_agg(c.relname, json_build_object(
            'columns', (
                select json_object_agg(a.attname, json_build_array(
                    format_type(a.atttypid, null), format_type(a.atttypid, a.atttypmod),
                    pg_get_expr(d.adbin, d.adrelid)))
                from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
            'key', (
                select coalesce(json_agg(a.attname order by array_position(i.indkey::int2[], a.attnum)), '[]')
                from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                where i.indrelid = c.oid and i.indisprimary))), '{}')
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f')),
    'references', (
        select coalesce(json_agg(json_build_object(
            'name', k.conname, 'table', c.relname, 'target', f.relname,
            'columns', (
                select json_agg(json_build_array(a.attname, b.attname) order by x.n)
                from unnest(k.conkey, k.confkey) with ordinality as x (own, other, n)
                join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.own
                join pg_attribute b on b.attrelid = k.confrelid and b.attnum = x.other),
            'unique', exists (
                select from pg_index i where i.indrelid = k.conrelid and i.indisunique and i.indpred is null
                    and i.indkey::int2[] @> k.conkey and i.indkey::int2[] <@ k.conkey))), '[]')
        from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
        where k.contype = 'f' and c.relnamespace = 'public'::regnamespace
            and f.relnamespace = 'public'::regnamespace),
    'functions', (
        select coalesce(json_agg(json_build_object(
            'name', p.proname, 'set', p.proretset, 'void', t.typname = 'void',
            'row', t.typtype = 'c' or (t.typname = 'record' and p.proargmodes is not null),
            'optional', p.pronargdefaults,
            'columns', coalesce(
                (select json_object_agg(a.attname, format_type(a.atttypid, null)) from pg_attribute a
                    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped),
                (select json_object_agg(x.name, format_type(x.type, null))
                    from unnest(p.proargnames, p.proallargtypes, p.proargmodes) as x (name, type, mode)
                    where x.mode in ('t', 'o', 'b')), '{}'),
            'names', coalesce(p.proargnames, '{}'), 'modes', p.proargmodes::text[],
            'types', (
                select coalesce(json_agg(format_type(x.oid, null) order by x.n), '[]')
                from unnest(p.proargtypes) with ordinality as x (oid, n)))), '[]')
        from pg_proc p join pg_type t on t.oid = p.prorettype
        where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
            and t.typname not in ('trigger', 'event_trigger')))::text
"""


@dataclass(frozen=True)
class Column:
    """A column: its type without and with modifier, and its default expression."""

    type: str
    full_type: str
    default: str | None


@dataclass(frozen=True)
class Table:
    """A table or view of the exposed schema."""

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...]  # of the primary key, in its order


@dataclass(frozen=True)
class Function:
    """A function of the exposed schema; `parameters` maps the names of its arguments to their types."""

    name: str
    parameters: dict[str, str]
    required: frozenset[str]
    columns: dict[str, str]  # of the rows it returns, with their types
    returns_set: bool
    returns_row: bool
    returns_void: bool

    def takes(self, arguments: frozenset[str]) -> bool:
        """Tell whether the function can be called with exactly these named arguments."""
        return self.required <= arguments <= self.parameters.keys()


@dataclass(frozen=True)
class Relationship:
    """A way from the rows of one table to those of another, along a foreign key.

    `pairs` are column here and column there; `is_single` is true where at most one row is found.
    """

    name: str  # of the foreign key
    target: str
    pairs: tuple[tuple[str, str], ...]
    is_single: bool


@dataclass(frozen=True)
class Catalog:
    """A snapshot of tables and functions; a caller that misses a name reads the catalog again."""

    tables: dict[str, Table]
    functions: tuple[Function, ...]
    relationships: dict[str, tuple[Relationship, ...]] = field(default_factory=dict)  # by the table they begin at


async def read_catalog(connection: asyncpg.Connection) -> Catalog:
    """Read tables and functions of the schema `public`."""
    found = json.loads(await connection.fetchval(_READ))
    tables = {
        name: Table(name, {c: Column(*v) for c, v in (t["columns"] or {}).items()}, tuple(t["key"]))
        for name, t in found["tables"].items()
    }
    return Catalog(tables, tuple(_function(f) for f in found["functions"]), _relationships(found["references"]))


def _relationships(references: list[dict[str, Any]]) -> dict[str, tuple[Relationship, ...]]:
    """Read each foreign key in both directions."""
    found: dict[str, tuple[Relationship, ...]] = {}
    for key in references:
        there = tuple((own, other) for own, other in key["columns"])
        back = tuple((other, own) for own, other in there)
        for start, one in (
            (key["table"], Relationship(key["name"], key["target"], there, True)),
            (key["target"], Relationship(key["name"], key["table"], back, key["unique"])),
        ):
            if start != one.target or not one.is_single:  # of a table's key to itself, PostgREST follows it backwards
                found[start] = (*found.get(start, ()), one)
    return found


def _function(found: dict[str, Any]) -> Function:
    modes = found["modes"] or ["i"] * len(found["names"])
    names = [name for name, mode in zip(found["names"], modes, strict=True) if mode in ("i", "b", "v")]
    # A nameless argument cannot be passed by name, so it is left out; the function is then not found.
    parameters = dict(zip(names, found["types"], strict=False))
    required = frozenset(list(parameters)[: len(found["types"]) - found["optional"]])
    return Function(found["name"], parameters, required, found["columns"], found["set"], found["row"], found["void"])
