"""The SQL of a REST request: identifiers are quoted, values are bound, PostgreSQL does the work."""

# ruff: noqa: S608 - building SQL is this module's work: every identifier goes through `quote`, every value is bound

from __future__ import annotations

from collections.abc import Callable, Sequence

from concept_worker.devstack.layer.casts import type_called
from concept_worker.devstack.layer.catalog import Function, Relationship, Table
from concept_worker.devstack.layer.database import TEXT_TYPES
from concept_worker.devstack.layer.errors import RestError
from concept_worker.devstack.layer.parsed import Condition, Embed, Field, Group, Item, Ordering, Query
from concept_worker.devstack.layer.query import IS_VALUES, SINGLE_VALUE

# The number of new rows of an upsert: counted up for every row, and down for every row that existed already.
_NEW = "coalesce(nullif(current_setting('pgrst.inserted', true), ''), '0')::int"
_COUNT_NEW = f"set_config('pgrst.inserted', ({_NEW} + 1)::text, true) <> '0'"
_TAKE_BACK = f"set_config('pgrst.inserted', ({_NEW} - 1)::text, true) <> '-1'"
# The SQL words of a request's grammar: only these words reach the text of a statement.
_IS = {value: value for value in IS_VALUES}
_ARROWS = {"->": "->", "->>": "->>"}
_JOINTS = {"and": " and ", "or": " or "}
_DIRECTIONS = {"asc": " asc", "desc": " desc"}
_NULLS = {"": "", "first": " nulls first", "last": " nulls last"}
_MAX_VALUES = 32_767  # of one statement, in PostgreSQL's protocol
MAX_ROWS = 1000  # of one answer, as in hosted projects


Related = Callable[[str, Embed], tuple[Table, Relationship]]
"""From a table's name and what it embeds: the embedded table, and the way there."""


def quote(identifier: str) -> str:
    """Quote an identifier. Refuse NUL: it would end the statement's text in PostgreSQL's protocol, quotes or not."""
    if "\0" in identifier:
        raise ValueError("an identifier holds a NUL")
    return '"' + identifier.replace('"', '""') + '"'


class Statement:
    """An SQL statement about one relation, and the values bound to it."""

    def __init__(self, name: str, relation: str, types: dict[str, str]) -> None:
        self.name = name
        self.relation = relation  # quoted
        self.types = types  # of the known columns
        self.values: list[str] = []

    def bind(self, value: str, type_name: str | None = None) -> str:
        """Bind a value and return its SQL; PostgreSQL reads the value as it reads a literal of this type.

        As with PostgREST, PostgreSQL reads most types when the value arrives: a bad value is an error even if no row
        is compared. Arrays and other types that need the driver's help are cast where they are used.
        """
        if len(self.values) == _MAX_VALUES:
            raise RestError(413, "54000", f"a request holds more than {_MAX_VALUES} values")
        self.values.append(value)
        if type_name in TEXT_TYPES or type_name in ("json", "jsonb"):
            return f"${len(self.values)}::{type_name}"
        return f"cast(${len(self.values)}::text as {type_name})" if type_name else f"${len(self.values)}::text"

    def where(self, conditions: list[Condition | Group]) -> str:
        """Build a WHERE clause; "" without conditions."""
        return " where " + " and ".join(self._node(c) for c in conditions) if conditions else ""

    def columns(self, items: list[Item], embeds: Sequence[Embed] = ()) -> str:
        """Build a select list; `*` stands for every column."""
        chosen = [self._item(item) for item in items]
        chosen += [f"{self._joined(at)}.rows as {quote(embed.key)}" for at, embed in enumerate(embeds)]
        return ", ".join(chosen) or f"{self.relation}.*"

    def joins(self, embeds: Sequence[Embed], related: Related) -> str:
        """Build a lateral join for each embedded table; its column `rows` is JSON: an array, or an object or null."""
        return "".join(self._join(at, embed, related) for at, embed in enumerate(embeds))

    def _join(self, at: int, embed: Embed, related: Related) -> str:
        table, way = related(self.name, embed)
        inside = Statement(table.name, self._joined(at, "_rows"), {name: c.type for name, c in table.columns.items()})
        inside.values = self.values  # one list of values for the whole statement
        query = embed.query
        columns, joins = inside.columns(query.select, query.embeds), inside.joins(query.embeds, related)
        meets = [f"{inside.relation}.{quote(there)} = {self.relation}.{quote(here)}" for here, there in way.pairs]
        where = inside.where(query.where).removeprefix(" where ")
        source = f'select {columns} from "public".{quote(table.name)} as {inside.relation}{joins}'
        source += f" where {' and '.join([*meets, *([where] if where else [])])}{inside.order(query)}{_page(query)}"
        made = "json_agg(_t)" if embed.is_inner else "coalesce(json_agg(_t), '[]')"
        made = "row_to_json(_t)" if way.is_single else made
        kind, condition = ("", "_t.rows is not null") if embed.is_inner else (" left", "true")
        name = self._joined(at)
        return (
            f"{kind} join lateral (select {made} as rows from ({source}) _t) {name} on {condition.replace('_t', name)}"
        )

    def _joined(self, at: int, what: str = "") -> str:
        """Return the name of an embedded table in this statement."""
        base = self.relation.strip('"') if self.relation.startswith('"pgrst_') else "pgrst"
        return quote(f"{base}_{at}{what}")

    def order(self, query: Query) -> str:
        """Build an ORDER BY clause; "" without orderings."""
        return " order by " + ", ".join(self._ordering(o) for o in query.order) if query.order else ""

    def refuse_names(self, query: Query) -> None:
        """Raise for any column that the query names and the relation lacks."""
        for name in sorted(query.names):
            self.known(name)

    def _item(self, item: Item) -> str:
        if item.field.column == "*":
            return f"{self.relation}.*"
        expression = self._field(item.field)
        if item.cast:
            expression = f"cast({expression} as {type_called(item.cast)})"
        return f"{expression} as {quote(item.alias or item.field.column)}"

    def _ordering(self, ordering: Ordering) -> str:
        return self._field(ordering.field) + _DIRECTIONS[ordering.direction] + _NULLS[ordering.nulls]

    def _field(self, field: Field) -> str:
        expression = f"{self.relation}.{quote(self.known(field.column))}"
        if field.path and self.types.get(field.column) not in ("json", "jsonb"):
            expression = f"to_jsonb({expression})"
        for step in field.path:
            expression += _ARROWS[step.arrow] + self.bind(step.key, "integer" if step.is_position else "text")
        return f"({expression})" if field.path else expression

    def known(self, column: str) -> str:
        """Return an existing column, else raise: PostgreSQL would call a function of this name with the row."""
        if column not in self.types:
            raise RestError(400, "42703", f"column {self.name}.{column} does not exist")
        return column

    def _type(self, field: Field) -> str | None:
        if not field.path:
            return self.types.get(field.column)
        return "text" if field.path[-1].arrow == "->>" else "jsonb"

    def _node(self, node: Condition | Group) -> str:
        text = self._condition(node) if isinstance(node, Condition) else self._group(node)
        return f"not ({text})" if node.negated else text

    def _group(self, group: Group) -> str:
        return "(" + _JOINTS[group.joint].join(self._node(member) for member in group.members) + ")"

    def _condition(self, condition: Condition) -> str:
        left, type_name = self._field(condition.field), self._type(condition.field)
        if isinstance(condition.value, list):
            members = ", ".join(self.bind(value, type_name) for value in condition.value)
            return f"{left} in ({members})" if members else f"{left} = any ('{{}}')"
        if condition.operator == "is":
            return f"{left} is {_IS[condition.value.lower()]}"
        value = condition.value
        if condition.operator in ("like", "ilike"):
            value, type_name = value.replace("*", "%"), "text"
        return f"{left} {SINGLE_VALUE[condition.operator]} {self.bind(value, type_name)}"


def of_table(table: Table) -> Statement:
    """Begin a statement about a table of the exposed schema."""
    return Statement(table.name, f'"public".{quote(table.name)}', {name: c.type for name, c in table.columns.items()})


def read(table: Table, query: Query, related: Related, *, count: bool) -> tuple[str, list[str]]:
    """Select rows; with `count`, also count the rows without limit and offset."""
    statement = of_table(table)
    columns, joins = statement.columns(query.select, query.embeds), statement.joins(query.embeds, related)
    source = f"{statement.relation}{joins}{statement.where(query.where)}"
    total = f"(select count(*) from {source})" if count else "null::bigint"
    return _answer(f"select {columns} from {source}{statement.order(query)}{_page(query)}", total), statement.values


def insert(
    table: Table, query: Query, body: str, columns: list[str], *, many: bool, empty: bool, returning: bool,
    resolution: str, defaults: bool,
) -> tuple[str, list[str]]:  # fmt: skip
    """Insert the rows of the JSON; `resolution` (`merge`, `ignore` or "") says what happens to existing rows.

    When rows are merged, the second number of the answer counts the new rows.
    """
    statement = of_table(table)
    conflict = _conflict(statement, table, query, columns, resolution)
    if columns:
        names = ", ".join(quote(c) for c in columns)
        source = f"({names}) select {names} from {_rows(statement, table, body, columns, many, defaults)}"
        source += f" where {_COUNT_NEW}" if resolution == "merge" else ""
    else:
        source = " select where false" if empty else " default values"
    into = f"insert into {statement.relation}{source}{conflict} {_returning(statement, query, returning)}"
    total = f"({_NEW})::bigint" if resolution == "merge" and conflict else "null::bigint"
    return _answer(into, total), statement.values


def update(
    table: Table, query: Query, body: str, columns: list[str], *, many: bool, returning: bool
) -> tuple[str, list[str]]:
    """Set the columns of every row that meets the conditions."""
    statement = of_table(table)
    if not columns:
        source = f"select {statement.columns(query.select)} from {statement.relation} where false"
        return _answer(source, "null::bigint"), statement.values
    rows = _rows(statement, table, body, columns, many, False)
    changes = ", ".join(f"{quote(c)} = pgrst_body.{quote(c)}" for c in columns)
    source = f"update {statement.relation} set {changes} from (select * from {rows} limit 1) as pgrst_body"
    source += f"{statement.where(query.where)} {_returning(statement, query, returning)}"
    return _answer(source, "null::bigint"), statement.values


def delete(table: Table, query: Query, *, returning: bool) -> tuple[str, list[str]]:
    """Delete every row that meets the conditions."""
    statement = of_table(table)
    source = f"delete from {statement.relation}{statement.where(query.where)}"
    return _answer(f"{source} {_returning(statement, query, returning)}", "null::bigint"), statement.values


def call(function: Function, query: Query, arguments: str, names: list[str], *, count: bool) -> tuple[str, list[str]]:
    """Call a function with the named arguments of a JSON object."""
    statement = Statement(function.name, "pgrst_call", function.columns)
    source = ""
    if names:
        record = ", ".join(f"{quote(n)} {function.parameters[n]}" for n in names)
        source = f"json_to_record({statement.bind(arguments, 'json')}) as pgrst_args({record})"
    passed = ", ".join(f"{quote(n)} := pgrst_args.{quote(n)}" for n in names)
    called = f'"public".{quote(function.name)}({passed})'
    if function.returns_row:
        source = f"{source}, lateral {called} as pgrst_call" if names else f"{called} as pgrst_call"
        source = f"select {statement.columns(query.select)} from {source}{statement.where(query.where)}"
    else:
        statement.refuse_names(query)
        source = f"select {called} as pgrst_scalar" + (f" from {source}" if names else "")
    total = "(select count(*) from pgrst_source)" if count else "null::bigint"
    rows = "_t" if function.returns_row else "_t.pgrst_scalar"
    return _answer(source + statement.order(query), total, rows, _page(query)), statement.values


def _page(query: Query) -> str:
    limit = MAX_ROWS if query.limit is None else min(query.limit, MAX_ROWS)
    return f" limit {limit} offset {max(query.offset, 0)}"


def _answer(source: str, total: str, rows: str = "_t", page: str = "") -> str:
    """Wrap a statement so that one row holds the whole answer: the number of rows, the total, the rows as JSON."""
    return (
        f"with pgrst_source as ({source}) select count(*), {total}, coalesce(json_agg({rows}), '[]')::text "
        f"from (select * from pgrst_source{page}) _t"
    )


def _returning(statement: Statement, query: Query, returning: bool) -> str:
    # Without a representation read no column, so that a role with write access alone can write.
    return f"returning {statement.columns(query.select) if returning else '1'}"


def _rows(statement: Statement, table: Table, body: str, columns: list[str], many: bool, defaults: bool) -> str:
    """Build the table expression `pgrst_body`: the rows of a JSON body with the types of the table."""
    payload = statement.bind(body if many else f"[{body}]", "json")
    if defaults:
        known = ", ".join(f"'{c.replace(chr(39), chr(39) * 2)}', {table.columns[c].default or 'null'}" for c in columns)
        payload = f"(select json_agg(jsonb_build_object({known}) || e) from jsonb_array_elements({payload}::jsonb) e)"
    record = ", ".join(f"{quote(c)} {table.columns[c].full_type}" for c in columns)
    return f"json_to_recordset({payload}) as pgrst_body({record})"


def _conflict(statement: Statement, table: Table, query: Query, columns: list[str], resolution: str) -> str:
    target = query.on_conflict or list(table.key)
    if not resolution or not target:
        return ""
    on = f" on conflict ({', '.join(quote(statement.known(c)) for c in target)}) do "
    if resolution == "ignore" or not columns:
        return on + "nothing"
    changes = ", ".join(f"{quote(c)} = excluded.{quote(c)}" for c in columns)
    return f"{on}update set {changes} where {_TAKE_BACK}"


def known_columns(table: Table, columns: list[str]) -> list[str]:
    """Return the columns if the table has all of them.

    Raises:
        RestError: PGRST204 with the name of a column that the table does not have.
    """
    for column in columns:
        if column not in table.columns:
            message = f"Could not find the '{column}' column of '{table.name}' in the schema cache"
            raise RestError(400, "PGRST204", message)
    return columns
