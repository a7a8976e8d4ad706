"""Supabase Storage's requests about objects."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from concept_worker.devstack.layer.bodies import number_in, read_object, text_in, texts_in
from concept_worker.devstack.layer.callers import Caller
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.errors import StorageError
from concept_worker.devstack.layer.files import Files, chunks
from concept_worker.devstack.layer.links import DOWNLOAD, UPLOAD, Links
from concept_worker.devstack.layer.objects import Description, list_sql, try_row, write_row
from concept_worker.devstack.layer.uploads import Upload, accept, limit_of, read_upload, valid_key

STORAGE_ITSELF = Caller("supabase_storage_admin", "{}")  # sees every row; use it only after the right was checked
_UPLOAD_LINK_SECONDS = 7200
_NOT_FOUND = StorageError("404", "not_found", "Object not found")


class Storage:
    """The endpoints for objects below `/storage/v1`. Bytes lie in files, rows in `storage.objects`."""

    def __init__(self, database: Database, files: Files, links: Links) -> None:
        self._database, self._files, self._links = database, files, links

    @property
    def routes(self) -> list[Route]:
        """The answered paths; literal paths come before those with a bucket."""
        path = "{bucket}/{name:path}"
        return [
            Route("/object/move", self.move, methods=["POST"]),
            Route("/object/copy", self.copy, methods=["POST"]),
            Route("/object/list/{bucket}", self.list, methods=["POST"]),
            Route("/object/sign/{bucket}", self.sign_many, methods=["POST"]),
            Route(f"/object/upload/sign/{path}", self.sign_upload, methods=["POST"]),
            Route(f"/object/upload/sign/{path}", self.upload_signed, methods=["PUT"]),
            Route(f"/object/sign/{path}", self.sign, methods=["POST"]),
            Route(f"/object/sign/{path}", self.download_signed, methods=["GET", "HEAD"]),
            Route(f"/object/public/{path}", self.download_public, methods=["GET", "HEAD"]),
            Route(f"/object/info/authenticated/{path}", self.info, methods=["GET"]),
            Route(f"/object/info/{path}", self.info, methods=["GET"]),
            Route(f"/object/authenticated/{path}", self.download, methods=["GET", "HEAD"]),
            Route(f"/object/{path}", self.download, methods=["GET", "HEAD"]),
            Route(f"/object/{path}", self.upload, methods=["POST"]),
            Route(f"/object/{path}", self.replace, methods=["PUT"]),
            Route("/object/{bucket}", self.remove, methods=["DELETE"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Store a new object; with `x-upsert: true` also over an existing one."""
        upsert = request.headers.get("x-upsert", "") == "true"
        return await self._stored(request, request.state.caller, upsert=upsert)

    async def replace(self, request: Request) -> Response:
        """Store over an existing object."""
        await self._row(request.state.caller, *_target(request))
        return await self._stored(request, request.state.caller, upsert=True)

    async def upload_signed(self, request: Request) -> Response:
        """Store an object with a signed link instead of a key."""
        bucket, name = _target(request)
        claims = self._links.check(request.query_params.get("token", ""), f"{bucket}/{name}", purpose=UPLOAD)
        maker = STORAGE_ITSELF.named(claims.get("owner"))  # the right to store was checked at signing
        return await self._stored(request, maker, upsert=claims.get("upsert") is True)

    async def download(self, request: Request) -> Response:
        """Serve the bytes of an object that the caller may read."""
        return await self._served(request, request.state.caller)

    async def download_public(self, request: Request) -> Response:
        """Serve the bytes of an object in a public bucket."""
        if not (await self._bucket(request.path_params["bucket"]))["public"]:
            raise StorageError("404", "Bucket not found", "Bucket not found")
        return await self._served(request, STORAGE_ITSELF)

    async def download_signed(self, request: Request) -> Response:
        """Serve the bytes of a signed link's object."""
        bucket, name = _target(request)
        self._links.check(request.query_params.get("token", ""), f"{bucket}/{name}", purpose=DOWNLOAD)
        return await self._served(request, STORAGE_ITSELF)

    async def info(self, request: Request) -> Response:
        """Return the facts about an object."""
        row = await self._row(request.state.caller, *_target(request))
        known = json.loads(row["metadata"])
        return JSONResponse(
            {
                "id": row["id"],
                "name": row["name"],
                "version": row["version"],
                "bucket_id": row["bucket_id"],
                "size": known["size"],
                "content_type": known["mimetype"],
                "cache_control": known["cacheControl"],
                "etag": known["eTag"],
                "metadata": json.loads(row["user_metadata"] or "{}"),
                "last_modified": _iso(row["updated_at"]),
                "created_at": _iso(row["created_at"]),
            }
        )

    async def list(self, request: Request) -> Response:
        """List one level of objects and folders below a prefix."""
        body, bucket = await read_object(request), request.path_params["bucket"]
        await self._bucket(bucket)
        prefix = text_in(body, "prefix").strip("/")
        sort = body.get("sortBy") or {}
        if not isinstance(sort, dict):
            raise StorageError("400", "InvalidRequest", "sortBy must be an object")
        sql = list_sql(sort.get("column", "name"), sort.get("order", "asc"))
        search = text_in(body, "search").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        window = number_in(body, "limit", 100) or 100, number_in(body, "offset", 0)
        async with self._database.acting_as(request.state.caller, readonly=True) as connection:
            found = await connection.fetchval(sql, bucket, prefix and f"{prefix}/", search, *window)
        return Response(found, media_type="application/json")

    async def remove(self, request: Request) -> Response:
        """Delete the named objects; answer with those that existed."""
        names = texts_in(await read_object(request), "prefixes")
        sql = "delete from storage.objects o where bucket_id = $1 and name = any ($2::text[]) returning version, "
        sql += "(to_jsonb(o) - 'path_tokens')::text as shown"
        async with self._database.acting_as(request.state.caller) as connection:
            rows = await connection.fetch(sql, request.path_params["bucket"], names)
        await asyncio.to_thread(self._files.remove, [row["version"] for row in rows])
        return JSONResponse([json.loads(row["shown"]) for row in rows])

    async def move(self, request: Request) -> Response:
        """Rename an object; its bytes stay where they are."""
        bucket, source, target_bucket, target = await _two_names(request)
        sql = "update storage.objects set bucket_id = $3, name = $4, updated_at = now() "
        sql += "where bucket_id = $1 and name = $2 returning id"
        async with self._database.acting_as(request.state.caller) as connection:
            if await connection.fetchval(sql, bucket, source, target_bucket, target) is None:
                raise _NOT_FOUND
        return JSONResponse({"message": "Successfully moved"})

    async def copy(self, request: Request) -> Response:
        """Store the same bytes under a second name."""
        bucket, source, target_bucket, target = await _two_names(request)
        row = await self._row(request.state.caller, bucket, source)
        known = json.loads(row["metadata"])
        extra = json.loads(row["user_metadata"]) if row["user_metadata"] else None
        upsert = request.headers.get("x-upsert", "") == "true"
        with await asyncio.to_thread(self._files.open, row["version"]) as content:
            upload = Upload(content, known["mimetype"], known["cacheControl"], extra)
            object_id = await self._store(request.state.caller, target_bucket, target, upload, upsert=upsert)
        return JSONResponse({"Id": object_id, "Key": f"{target_bucket}/{target}"})

    async def sign(self, request: Request) -> Response:
        """Sign a link to one object that the caller may read."""
        bucket, name = _target(request)
        seconds = _seconds(await read_object(request))
        await self._row(request.state.caller, bucket, name)
        return JSONResponse({"signedURL": self._link(bucket, name, seconds)})

    async def sign_many(self, request: Request) -> Response:
        """Links to many objects; one that is missing is an entry with an error."""
        body, bucket = await read_object(request), request.path_params["bucket"]
        names, seconds = texts_in(body, "paths"), _seconds(body)
        sql = "select name from storage.objects where bucket_id = $1 and name = any ($2::text[])"
        async with self._database.acting_as(request.state.caller, readonly=True) as connection:
            found = {row["name"] for row in await connection.fetch(sql, bucket, names)}
        missing = "Either the object does not exist or you do not have access to it"
        return JSONResponse(
            [
                {"error": None, "path": name, "signedURL": self._link(bucket, name, seconds)}
                if name in found
                else {"error": missing, "path": name, "signedURL": None}
                for name in names
            ]
        )

    async def sign_upload(self, request: Request) -> Response:
        """Sign a link whose holder may store one object with this caller's rights."""
        bucket, name = _target(request)
        caller: Caller = request.state.caller
        upsert = request.headers.get("x-upsert", "") == "true"
        async with self._database.acting_as(caller) as connection:
            await try_row(connection, bucket, name, caller.subject, upsert=upsert)
        path, owner = f"{bucket}/{name}", caller.subject
        token = self._links.sign(path, _UPLOAD_LINK_SECONDS, purpose=UPLOAD, upsert=upsert, owner=owner)
        return JSONResponse({"url": f"/object/upload/sign/{bucket}/{quote(name)}?token={token}", "token": token})

    def _link(self, bucket: str, name: str, seconds: int) -> str:
        token = self._links.sign(f"{bucket}/{name}", seconds, purpose=DOWNLOAD)
        return f"/object/sign/{bucket}/{quote(name)}?token={token}"

    async def _bucket(self, bucket: str) -> asyncpg.Record:
        async with self._database.acting_as(STORAGE_ITSELF, readonly=True) as connection:
            row = await connection.fetchrow("select * from storage.buckets where id = $1", bucket)
        if row is None:
            raise StorageError("404", "Bucket not found", "Bucket not found")
        return row

    async def _row(self, caller: Caller, bucket: str, name: str) -> asyncpg.Record:
        sql = "select * from storage.objects where bucket_id = $1 and name = $2"
        async with self._database.acting_as(caller, readonly=True) as connection:
            row = await connection.fetchrow(sql, bucket, name)
        if row is None:
            await self._bucket(bucket)
            raise _NOT_FOUND
        return row

    async def _served(self, request: Request, caller: Caller) -> Response:
        row = await self._row(caller, *_target(request))
        try:
            content = await asyncio.to_thread(self._files.open, row["version"])
        except FileNotFoundError:  # replaced between the two reads
            row = await self._row(caller, *_target(request))
            content = await asyncio.to_thread(self._files.open, row["version"])
        known = json.loads(row["metadata"])
        headers = {
            "ETag": known["eTag"],
            "Content-Length": str(known["size"]),
            "Cache-Control": known["cacheControl"],
            "Last-Modified": known["lastModified"],
        }
        if "download" in request.query_params:
            filename = request.query_params["download"] or row["name"].rsplit("/", 1)[-1]
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
        return StreamingResponse(chunks(content), headers=headers, media_type=known["mimetype"])

    async def _stored(self, request: Request, caller: Caller, *, upsert: bool) -> Response:
        """Check the caller's right before the body is read, and read no more of the body than the bucket takes."""
        bucket, name = _target(request)
        limit = limit_of(await self._bucket(bucket))
        async with self._database.acting_as(caller) as connection:
            await try_row(connection, bucket, name, caller.subject, upsert=upsert)
        async with read_upload(request, limit) as upload:
            object_id = await self._store(caller, bucket, name, upload, upsert=upsert)
        return JSONResponse({"Key": f"{bucket}/{name}", "Id": object_id})

    async def _store(self, caller: Caller, bucket: str, name: str, upload: Upload, *, upsert: bool) -> str:
        """Write the row that names the file with the bytes; it commits after the file is durable.

        So a reader sees the old object or the new one, and an acknowledged upload survives a crash. The next start
        deletes files without a row.
        """
        accept(await self._bucket(bucket), upload)
        version = self._files.fresh_version()
        metadata = await asyncio.to_thread(upload.metadata)
        stored = Description(version, metadata, caller.subject, upload.user_metadata)
        async with self._database.acting_as(caller) as connection:
            object_id, replaced = await write_row(connection, bucket, name, stored, upsert=upsert)
            await asyncio.to_thread(self._files.store, version, upload.content)
        await asyncio.to_thread(self._files.remove, [replaced] if replaced else [])
        return object_id


def _iso(timestamp: str) -> str:
    """Rewrite PostgreSQL's text of a time in UTC as clients expect it."""
    return timestamp.replace(" ", "T").replace("+00", "Z")


def _target(request: Request) -> tuple[str, str]:
    return request.path_params["bucket"], request.path_params["name"]


async def _two_names(request: Request) -> tuple[str, str, str, str]:
    body = await read_object(request)
    bucket, source = text_in(body, "bucketId"), text_in(body, "sourceKey")
    return bucket, source, text_in(body, "destinationBucket") or bucket, valid_key(text_in(body, "destinationKey"))


def _seconds(body: dict[str, Any]) -> int:
    """Return the lifetime of a link in seconds."""
    seconds = number_in(body, "expiresIn")
    if seconds < 1:
        raise StorageError("400", "InvalidRequest", "expiresIn must be at least 1")
    return seconds
