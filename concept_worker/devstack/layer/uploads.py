"""What an upload carries, and whether its bucket takes it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from starlette.datastructures import UploadFile
from starlette.requests import Request

from concept_worker.devstack.layer.errors import StorageError

_VALID_KEY = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)


@dataclass(frozen=True)
class Upload:
    """Bytes, and what the sender says of them."""

    content: bytes
    content_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None

    @property
    def metadata(self) -> dict[str, Any]:
        """What Storage keeps and shows of an object."""
        return {
            "eTag": f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"',
            "size": len(self.content),
            "mimetype": self.content_type,
            "cacheControl": self.cache_control,
            "lastModified": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "contentLength": len(self.content),
            "httpStatusCode": 200,
        }


async def read_upload(request: Request) -> Upload:
    """The upload in a request: a form with one file, or a bare body."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        kind = request.headers.get("content-type", "application/octet-stream")
        return Upload(await request.body(), kind, request.headers.get("cache-control", "no-cache"), None)
    async with request.form() as form:
        file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        if file is None:
            raise StorageError("400", "InvalidRequest", "The form carries no file")
        age, extra = form.get("cacheControl"), form.get("metadata")
        return Upload(
            await file.read(),
            file.content_type or "application/octet-stream",
            f"max-age={age}" if age else "no-cache",
            json.loads(extra) if isinstance(extra, str) else None,
        )


def accept(bucket: asyncpg.Record, upload: Upload) -> None:
    """Hold an upload to its bucket's limits.

    Raises:
        StorageError: 415 for a type, 413 for a size that the bucket does not take.
    """
    kind, allowed = upload.content_type.split(";")[0].strip(), bucket["allowed_mime_types"]
    if allowed and not any(kind == a or (a.endswith("/*") and kind.startswith(a[:-1])) for a in allowed):
        raise StorageError("415", "invalid_mime_type", f"mime type {kind} is not supported")
    if bucket["file_size_limit"] is not None and len(upload.content) > bucket["file_size_limit"]:
        raise StorageError("413", "Payload too large", "The object exceeded the maximum allowed size")


def valid_key(name: str) -> str:
    """The same object name.

    Raises:
        StorageError: InvalidKey for characters that Storage refuses, and for a path that climbs.
    """
    if not _VALID_KEY.fullmatch(name) or any(part in ("", ".", "..") for part in name.split("/")):
        raise StorageError("400", "InvalidKey", f"Invalid key: {name}")
    return name
