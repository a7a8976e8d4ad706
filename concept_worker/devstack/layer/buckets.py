"""Supabase Storage's requests about buckets."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.layer.bodies import read_object, text_in, texts_in
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.errors import StorageError
from concept_worker.devstack.layer.files import Files
from concept_worker.devstack.layer.uploads import valid_bucket

_COLUMNS = """json_build_object('id', id, 'name', name, 'owner', coalesce(owner_id, ''), 'public', public,
    'file_size_limit', file_size_limit, 'allowed_mime_types', allowed_mime_types,
    'created_at', created_at, 'updated_at', updated_at)"""
_ALL = f"select coalesce(json_agg({_COLUMNS} order by id), '[]')::text from storage.buckets"  # noqa: S608 - constants
_ONE = f"select {_COLUMNS}::text from storage.buckets where id = $1"  # noqa: S608 - constants
_NO_BUCKET = StorageError("404", "Bucket not found", "Bucket not found")
_SIZE = re.compile(r" *([0-9]{1,15}(?:\.[0-9]{1,9})?) *([KMG]?B|) *")
_UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


class Buckets:
    """The endpoints for buckets below `/storage/v1`."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database, self._files = database, files

    @property
    def routes(self) -> list[Route]:
        """The answered paths."""
        return [
            Route("/bucket", self.list, methods=["GET"]),
            Route("/bucket", self.create, methods=["POST"]),
            Route("/bucket/{bucket}", self.show, methods=["GET"]),
            Route("/bucket/{bucket}", self.change, methods=["PUT"]),
            Route("/bucket/{bucket}", self.delete, methods=["DELETE"]),
            Route("/bucket/{bucket}/empty", self.empty, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """List every bucket."""
        return Response(await self._value(request, _ALL), media_type="application/json")

    async def show(self, request: Request) -> Response:
        """Show one bucket."""
        found = await self._value(request, _ONE, request.path_params["bucket"])
        if found is None:
            raise _NO_BUCKET
        return Response(found, media_type="application/json")

    async def create(self, request: Request) -> Response:
        """Create a bucket."""
        body = await read_object(request)
        name = text_in(body, "name") or text_in(body, "id")
        bucket = valid_bucket(text_in(body, "id") or name)
        sql = """insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types, owner, owner_id)
            values ($1, $2, $3, $4, $5, auth.uid(), auth.uid()::text) returning name"""
        limit, kinds = _size(body.get("file_size_limit")), texts_in(body, "allowed_mime_types") or None
        await self._value(request, sql, bucket, valid_bucket(name), bool(body.get("public")), limit, kinds)
        return JSONResponse({"name": name})

    async def change(self, request: Request) -> Response:
        """Change the named limits of a bucket; the other limits stay."""
        body = await read_object(request)
        given = {key: body[key] for key in ("public", "file_size_limit", "allowed_mime_types") if key in body}
        if "file_size_limit" in given:
            given["file_size_limit"] = _size(given["file_size_limit"])
        sql = """update storage.buckets b
            set public = n.public, file_size_limit = n.file_size_limit, allowed_mime_types = n.allowed_mime_types,
                updated_at = now()
            from storage.buckets o, jsonb_populate_record(o, $2::text::jsonb) n where b.id = $1 and o.id = $1
            returning b.id"""
        if await self._value(request, sql, request.path_params["bucket"], json.dumps(given)) is None:
            raise _NO_BUCKET
        return JSONResponse({"message": "Successfully updated"})

    async def delete(self, request: Request) -> Response:
        """Delete an empty bucket; refuse one with objects."""
        bucket = request.path_params["bucket"]
        if await self._value(request, "select 1 from storage.objects where bucket_id = $1 limit 1", bucket):
            raise StorageError("409", "InvalidRequest", "The bucket you tried to delete is not empty", status=409)
        if await self._value(request, "delete from storage.buckets where id = $1 returning id", bucket) is None:
            raise _NO_BUCKET
        return JSONResponse({"message": "Successfully deleted"})

    async def empty(self, request: Request) -> Response:
        """Delete every object of a bucket."""
        sql = "delete from storage.objects where bucket_id = $1 returning version"
        async with self._database.acting_as(request.state.caller) as connection:
            rows = await connection.fetch(sql, request.path_params["bucket"])
        await asyncio.to_thread(self._files.remove, [row["version"] for row in rows])
        return JSONResponse({"message": "Successfully emptied"})

    async def _value(self, request: Request, sql: str, *values: Any) -> Any:
        async with self._database.acting_as(request.state.caller) as connection:
            return await connection.fetchval(sql, *values)


def _size(given: Any) -> int | None:
    """Read a limit in bytes, given as a number or as text with a unit (`20MB`)."""
    if given is None:
        return None
    found = _SIZE.fullmatch(str(given).upper())
    if not found:
        raise StorageError("422", "InvalidRequest", "file_size_limit is no size", status=422)
    return int(float(found[1]) * _UNITS.get(found[2], 1))
