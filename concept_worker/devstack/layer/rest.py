"""PostgREST's requests: tables and functions over HTTP."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from concept_worker.devstack.layer import statements
from concept_worker.devstack.layer.bodies import parse_json, read_text
from concept_worker.devstack.layer.callers import Caller
from concept_worker.devstack.layer.catalog import Function, Relationship, Table
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.errors import RestError, unsupported
from concept_worker.devstack.layer.parsed import Embed, Query
from concept_worker.devstack.layer.preferences import Preferences
from concept_worker.devstack.layer.query import read_query

_OBJECT = "application/vnd.pgrst.object+json"
_SPOKEN = ("", "*/*", "application/json", "application/vnd.pgrst.array+json")


class Rest:
    """The endpoints below `/rest/v1`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def routes(self) -> list[Route]:
        """The answered paths."""
        return [
            Route("/rpc/{name}", self.call, methods=["GET", "HEAD", "POST"]),
            Route("/{name}", self.read, methods=["GET", "HEAD"]),
            Route("/{name}", self.insert, methods=["POST"]),
            Route("/{name}", self.update, methods=["PATCH"]),
            Route("/{name}", self.delete, methods=["DELETE"]),
        ]

    async def read(self, request: Request) -> Response:
        """Read rows of a table."""
        prefer, query, table = await self._prepare(request)
        await self._learn(query)
        sql, values = statements.read(table, query, self._related, count=prefer.count)
        page = await self._run(request, sql, values, readonly=True)
        return _answer_read(request, prefer, query, page)

    async def insert(self, request: Request) -> Response:
        """Insert or upsert rows."""
        prefer, query, table = await self._prepare(request)
        body, parsed = await _json_body(request)
        rows = _objects(parsed)
        columns = statements.known_columns(table, _columns(query, rows))
        sql, values = statements.insert(
            table, query, body, columns, many=isinstance(parsed, list), empty=not rows, returning=prefer.representation,
            resolution=prefer.resolution, defaults=prefer.missing_default,
        )  # fmt: skip
        page = await self._run(request, sql, values)
        status = 200 if page[1] == 0 else 201
        return _answer_change(request, prefer, page, status, f"*/{page[0] if prefer.count else '*'}")

    async def update(self, request: Request) -> Response:
        """Change rows that meet the conditions."""
        prefer, query, table = await self._prepare(request)
        body, parsed = await _json_body(request)
        columns = statements.known_columns(table, _columns(query, _objects(parsed)))
        if columns:
            _refuse_all_rows("UPDATE", query)
        many = isinstance(parsed, list)
        sql, values = statements.update(table, query, body, columns, many=many, returning=prefer.representation)
        page = await self._run(request, sql, values)
        reach = f"0-{page[0] - 1}" if page[0] else "*"
        status = 200 if prefer.representation else 204
        return _answer_change(request, prefer, page, status, f"{reach}/{page[0] if prefer.count else '*'}")

    async def delete(self, request: Request) -> Response:
        """Delete rows that meet the conditions."""
        prefer, query, table = await self._prepare(request)
        _refuse_all_rows("DELETE", query)
        sql, values = statements.delete(table, query, returning=prefer.representation)
        page = await self._run(request, sql, values)
        status = 200 if prefer.representation else 204
        return _answer_change(request, prefer, page, status, f"*/{page[0] if prefer.count else '*'}")

    async def call(self, request: Request) -> Response:
        """Call a function."""
        prefer = Preferences.of(request)
        body, names, pairs = await self._arguments(request)
        query = read_query(pairs)
        if query.embeds:
            raise unsupported("embedding in the answer of a function")
        function = await self._function(request.path_params["name"], frozenset(names))
        sql, values = statements.call(function, query, body, names, count=prefer.count)
        page = await self._run(request, sql, values, readonly=request.method != "POST", single=function)
        if function.returns_void:
            return Response(status_code=204, headers={"Content-Range": "0-0/*"})
        return _answer_read(request, prefer, query, page, single=not function.returns_set)

    async def _prepare(self, request: Request) -> tuple[Preferences, Query, Table]:
        prefer, query = Preferences.of(request), read_query(request.query_params.multi_items())
        if query.embeds and request.method not in ("GET", "HEAD"):
            raise unsupported("embedding in the answer to a change")
        if request.method in ("PATCH", "DELETE") and (query.order or query.limit is not None or query.offset):
            raise unsupported("a limited or ordered change")
        return prefer, query, await self._table(request.path_params["name"], query.names)

    async def _learn(self, query: Query) -> None:
        """Read the catalog again when an embedded table or a column of it is missing there."""
        for embed in query.embeds:
            known = self._database.catalog.tables.get(embed.table)
            if known is None or not embed.query.names <= known.columns.keys():
                await self._database.refresh()
            await self._learn(embed.query)

    def _related(self, name: str, embed: Embed) -> tuple[Table, Relationship]:
        """Return the embedded table and the way there; refuse none, and more than one."""
        catalog = self._database.catalog
        found = [way for way in catalog.relationships.get(name, ()) if way.target == embed.table]
        if not found:
            message = f"Could not find a relationship between '{name}' and '{embed.table}' in the schema cache"
            raise RestError(400, "PGRST200", message)
        if len(found) > 1:
            message = f"Could not embed because more than one relationship was found for '{name}' and '{embed.table}'"
            raise RestError(300, "PGRST201", message)
        return catalog.tables[embed.table], found[0]

    async def _table(self, name: str, columns: set[str]) -> Table:
        known = self._database.catalog.tables.get(name)
        if known is None or not columns <= known.columns.keys():
            await self._database.refresh()
        if name not in self._database.catalog.tables:
            raise RestError(404, "42P01", f'relation "public.{name}" does not exist')
        return self._database.catalog.tables[name]

    def _candidates(self, name: str, arguments: frozenset[str]) -> list[Function]:
        return [f for f in self._database.catalog.functions if f.name == name and f.takes(arguments)]

    async def _function(self, name: str, arguments: frozenset[str]) -> Function:
        if not self._candidates(name, arguments):
            await self._database.refresh()
        found = self._candidates(name, arguments)
        if not found:
            listed = ", ".join(sorted(arguments))
            raise RestError(
                404,
                "PGRST202",
                f"Could not find the function public.{name}({listed}) in the schema cache",
                details=f"Searched for the function public.{name} with parameters {listed}, but found no match.",
            )
        if len(found) > 1:
            raise RestError(300, "PGRST203", f"Could not choose the best candidate function between: public.{name}")
        return found[0]

    async def _arguments(self, request: Request) -> tuple[str, list[str], list[tuple[str, str]]]:
        """Return the arguments of a call as JSON text, their names, and the rest of the query.

        The text of a POST is passed on unchanged, so that no number loses a digit. In a GET, each pair that matches
        a parameter is an argument.
        """
        pairs = request.query_params.multi_items()
        if request.method == "POST":
            body, parsed = await _json_body(request, empty="{}")
            if not isinstance(parsed, dict):
                raise unsupported("calling a function with an unnamed argument")
            return body, list(parsed), pairs
        name, functions = request.path_params["name"], self._database.catalog.functions
        known = {parameter for f in functions if f.name == name for parameter in f.parameters}
        arguments = {key: value for key, value in pairs if key in known}
        return json.dumps(arguments), list(arguments), [pair for pair in pairs if pair[0] not in known]

    async def _run(
        self, request: Request, sql: str, values: list[Any], *, readonly: bool = False, single: Function | None = None
    ) -> asyncpg.Record:
        caller: Caller = request.state.caller
        async with self._database.acting_as(caller, readonly=readonly) as connection:
            page = await connection.fetchrow(sql, *values)
            # Raise inside the transaction: a change of the wrong number of rows is rolled back.
            if _wants_object(request) and page[0] != 1 and (single is None or single.returns_set):
                message = "JSON object requested, multiple (or no) rows returned"
                raise RestError(406, "PGRST116", message, details=f"The result contains {page[0]} rows")
        return page


def _wants_object(request: Request) -> bool:
    accept = request.headers.get("accept", "").split(",")[0].strip()
    if accept not in (*_SPOKEN, _OBJECT):
        raise unsupported(f"the answer format {accept}")
    return accept == _OBJECT


def _refuse_all_rows(verb: str, query: Query) -> None:
    if not query.where:
        raise RestError(400, "21000", f"{verb} requires a WHERE clause")


async def _json_body(request: Request, empty: str = "") -> tuple[str, Any]:
    """Return the body as text, for PostgreSQL, and parsed, for the names of the columns."""
    kind = request.headers.get("content-type", "application/json").split(";")[0]
    if kind != "application/json":
        raise unsupported(f"a body of type {kind}")
    text = await read_text(request) or empty
    return text, parse_json(text, exact=True)


def _objects(parsed: Any) -> list[dict[str, Any]]:
    """Return the rows in a body; a lone number or string holds none."""
    rows = parsed if isinstance(parsed, list) else [parsed] if isinstance(parsed, dict) else []
    if not all(isinstance(row, dict) for row in rows):
        raise RestError(400, "PGRST102", "Empty or invalid json")
    return rows


def _columns(query: Query, rows: list[dict[str, Any]]) -> list[str]:
    """Return the columns of a body: those named in the query, or the keys that all its objects share."""
    if query.columns is not None:
        return list(dict.fromkeys(query.columns))
    if any(row.keys() != rows[0].keys() for row in rows):
        raise RestError(400, "PGRST102", "All object keys must match")
    return list(rows[0]) if rows else []


def _answer_read(
    request: Request, prefer: Preferences, query: Query, page: asyncpg.Record, *, single: bool = False
) -> Response:
    """Build the answer to a reading request, with the range of its rows."""
    returned, total, body = page
    first, last = max(query.offset, 0), max(query.offset, 0) + returned - 1
    if total is not None and first > total:
        raise RestError(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            details=f"An offset of {first} was requested, but there are only {total} rows.",
            headers={"Content-Range": f"*/{total}", **prefer.applied("count")},
        )
    status = 206 if total is not None and returned < total else 200
    reach = f"{first}-{last}" if returned else "*"
    headers = {"Content-Range": f"{reach}/{'*' if total is None else total}", **prefer.applied("count")}
    return _json(request, body, status, headers, single=single)


def _answer_change(request: Request, prefer: Preferences, page: asyncpg.Record, status: int, reach: str) -> Response:
    headers = {"Content-Range": reach, **prefer.applied("resolution", "missing", "return", "count")}
    if not prefer.representation:
        return Response(status_code=status, headers=headers)
    return _json(request, page[2], status, headers)


def _json(request: Request, body: str, status: int, headers: dict[str, str], *, single: bool = False) -> Response:
    one = _wants_object(request)
    if one or single:
        body = body[1:-1]
    kind = _OBJECT if one else "application/json"
    return Response(b"" if request.method == "HEAD" else body, status, headers, media_type=f"{kind}; charset=utf-8")
