"""The SQL about `storage.objects`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import asyncpg

from concept_worker.devstack.layer.errors import StorageError
from concept_worker.devstack.layer.uploads import valid_key

_WRITE = """
with before as (select version from storage.objects where bucket_id = $1 and name = $2)
insert into storage.objects (bucket_id, name, owner, owner_id, metadata, user_metadata, version)
values ($1, $2, $6::text::uuid, $6, $3::text::jsonb, $4::text::jsonb, $5)
{conflict} returning id::text, (select version from before)
"""
_OVERWRITE = """on conflict (bucket_id, name) do update
set metadata = excluded.metadata, user_metadata = excluded.user_metadata, version = excluded.version,
    updated_at = now(), last_accessed_at = now()"""
_LIST = """
select coalesce(json_agg(entry), '[]')::text from (
    select rest as name, id, updated_at, created_at, last_accessed_at, metadata from (
        select substr(name, length($2) + 1) as rest, id, updated_at, created_at, last_accessed_at, metadata
        from storage.objects where bucket_id = $1 and starts_with(name, $2)) as direct
    where strpos(rest, '/') = 0 and rest ilike $3 || '%%'
    union all
    select distinct split_part(substr(name, length($2) + 1), '/', 1), null::uuid, null::timestamptz,
        null::timestamptz, null::timestamptz, null::jsonb
    from storage.objects
    where bucket_id = $1 and starts_with(name, $2) and strpos(substr(name, length($2) + 1), '/') > 0
        and split_part(substr(name, length($2) + 1), '/', 1) ilike $3 || '%%'
    order by %s %s, name limit $4 offset $5) as entry
"""
_SORTABLE = {name: name for name in ("name", "updated_at", "created_at", "last_accessed_at")}
_DIRECTIONS = {"asc": "asc", "desc": "desc"}


@dataclass(frozen=True)
class Description:
    """The contents of an object's row: the file that holds the bytes, their metadata, the owner."""

    version: str
    metadata: dict[str, Any]
    owner: str | None
    user_metadata: dict[str, Any] | None = None


async def write_row(
    connection: asyncpg.Connection, bucket: str, name: str, object_: Description, *, upsert: bool
) -> tuple[str, str | None]:
    """Write the row of an object; return the row's id and the replaced version."""
    sql = _WRITE.format(conflict=_OVERWRITE if upsert else "")
    extra = None if object_.user_metadata is None else json.dumps(object_.user_metadata)
    row = await connection.fetchrow(
        sql, bucket, valid_key(name), json.dumps(object_.metadata), extra, object_.version, object_.owner
    )
    return row["id"], row["version"]


async def try_row(connection: asyncpg.Connection, bucket: str, name: str, owner: str | None, *, upsert: bool) -> None:
    """Write a row and roll it back, to raise the error that would keep the caller from writing it."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await write_row(connection, bucket, name, Description("", {}, owner), upsert=upsert)
    finally:
        await savepoint.rollback()


def list_sql(column: object, order: object) -> str:
    """Build the statement that lists one level below a prefix, sorted by one of a few columns."""
    if not isinstance(column, str) or column not in _SORTABLE or order not in ("asc", "desc"):
        raise StorageError("400", "InvalidRequest", "sortBy must name a column and asc or desc")
    return _LIST % (_SORTABLE[column], _DIRECTIONS[str(order)])
