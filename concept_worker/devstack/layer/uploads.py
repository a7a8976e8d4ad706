"""Uploads: their content, and the limits of their bucket."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import asyncpg
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from concept_worker.devstack.layer.bodies import limited, parse_json
from concept_worker.devstack.layer.errors import StorageError

MAX_OBJECT_BYTES = 50 * 2**20  # for a bucket with no limit or a larger one; the default of hosted projects
_FORM_BYTES = 2**20  # a form holds more than its file
_IN_MEMORY = 2**20  # bytes of an upload in memory; a larger upload is kept in a temporary file
_MAX_FIELDS = 10
_MAX_NAME, _MAX_BUCKET = 1024, 100
_VALID_KEY = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)
_HEADER = re.compile(r"[ -~]{1,255}")  # text that may become a header of an answer


@dataclass(frozen=True)
class Upload:
    """An upload: its bytes, and what the sender says about them."""

    content: IO[bytes]
    content_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None

    @property
    def size(self) -> int:
        """The number of bytes in the upload."""
        size = self.content.seek(0, 2)
        self.content.seek(0)
        return size

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that Storage keeps and shows of an object; reads all of its bytes."""
        digest, size = hashlib.md5(usedforsecurity=False), self.size
        while chunk := self.content.read(_IN_MEMORY):
            digest.update(chunk)
        self.content.seek(0)
        return {
            "eTag": f'"{digest.hexdigest()}"',
            "size": size,
            "mimetype": self.content_type,
            "cacheControl": self.cache_control,
            "lastModified": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "contentLength": size,
            "httpStatusCode": 200,
        }


def limit_of(bucket: asyncpg.Record) -> int:
    """Return how many bytes an object of the bucket may have."""
    own = bucket["file_size_limit"]
    return MAX_OBJECT_BYTES if own is None else min(own, MAX_OBJECT_BYTES)


@asynccontextmanager
async def read_upload(request: Request, limit: int) -> AsyncIterator[Upload]:
    """Read the upload in a request: a form with one file, or a bare body; its bytes are deleted after the block."""
    kind = request.headers.get("content-type", "application/octet-stream")
    if kind.startswith("multipart/form-data"):
        async with _form_upload(request, limit) as upload:
            yield upload
        return
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        async for chunk in limited(request, limit):
            await run_in_threadpool(file.write, chunk)
        yield _upload(file, kind, request.headers.get("cache-control", "no-cache"), None)


@asynccontextmanager
async def _form_upload(request: Request, limit: int) -> AsyncIterator[Upload]:
    stream = limited(request, limit + _FORM_BYTES)
    try:
        parser = MultiPartParser(request.headers, stream, max_files=1, max_fields=_MAX_FIELDS)
        form = await parser.parse()
    except MultiPartException as exc:
        raise StorageError("400", "InvalidRequest", "The form could not be read") from exc
    try:
        file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        if file is None:
            raise StorageError("400", "InvalidRequest", "The form carries no file")
        age, extra = form.get("cacheControl"), form.get("metadata")
        kept = f"max-age={age}" if age else "no-cache"
        yield _upload(file.file, file.content_type or "application/octet-stream", kept, _user_metadata(extra))
    finally:
        await form.close()


def _upload(file: IO[bytes], kind: str, cache_control: str, extra: dict[str, Any] | None) -> Upload:
    for text in (kind, cache_control):
        if not _HEADER.fullmatch(text):
            raise StorageError("400", "InvalidRequest", "A content type or cache control is no text of a header")
    return Upload(file, kind, cache_control, extra)


def _user_metadata(extra: object) -> dict[str, Any] | None:
    if not isinstance(extra, str):
        return None
    parsed = parse_json(extra)
    return parsed if isinstance(parsed, dict) else None


def accept(bucket: asyncpg.Record, upload: Upload) -> None:
    """Check an upload against its bucket's limits.

    Raises:
        StorageError: 415 for a type, 413 for a size that the bucket does not accept.
    """
    kind, allowed = upload.content_type.split(";")[0].strip(), bucket["allowed_mime_types"]
    if allowed and not any(kind == a or (a.endswith("/*") and kind.startswith(a[:-1])) for a in allowed):
        raise StorageError("415", "invalid_mime_type", f"mime type {kind} is not supported")
    if upload.size > limit_of(bucket):
        raise StorageError("413", "Payload too large", "The object exceeded the maximum allowed size")


def valid_key(name: str) -> str:
    """Return the object name if it is valid.

    Raises:
        StorageError: InvalidKey for characters that Storage refuses, for a path that climbs, and for a long one.
    """
    climbs = any(part in ("", ".", "..") for part in name.split("/"))
    if climbs or len(name) > _MAX_NAME or not _VALID_KEY.fullmatch(name):
        raise StorageError("400", "InvalidKey", f"Invalid key: {name[:_MAX_NAME]}")
    return name


def valid_bucket(name: str) -> str:
    """Return the bucket name if it is valid: a key without slashes.

    Raises:
        StorageError: InvalidKey for any other name.
    """
    if "/" in name or len(name) > _MAX_BUCKET:
        raise StorageError("400", "InvalidKey", f"Invalid key: {name[:_MAX_BUCKET]}")
    return valid_key(name)
