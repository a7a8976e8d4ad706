"""Image objects over Supabase Storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from supabase import Client

from concept_worker.errors import StoreRefused
from concept_worker.services.supabase.client import translated
from concept_worker.services.supabase.troubles import OBJECT_MISSING

_LISTED = 100  # above the pictures of one task
_CACHE_SECONDS = "31536000"  # only a retry of the same step replaces the content of a path


class SupabaseObjectStore:
    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._storage = client.storage
        self._base = f"{url.rstrip('/')}/storage/v1/object/authenticated"

    def store(self, bucket: str, path: str, content: bytes, content_type: str) -> None:
        with translated():
            self._storage.from_(bucket).upload(
                path,
                content,
                # By default the library sends text/plain. It wants "true" as text, not as a boolean.
                {"content-type": content_type, "upsert": "true", "cache-control": _CACHE_SECONDS},
            )

    def load(self, bucket: str, path: str) -> bytes | None:
        with translated():
            try:
                return self._storage.from_(bucket).download(path)
            except StoreRefused as exc:
                if exc.code == OBJECT_MISSING:
                    return None
                raise

    def sign(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        with translated():
            answers = self._storage.from_(bucket).create_signed_urls(list(paths), seconds)
        return {str(answer["path"]): str(answer["signedURL"]) for answer in answers if not answer.get("error")}

    def remove(self, bucket: str, paths: Sequence[str]) -> None:
        if paths:
            with translated():
                self._storage.from_(bucket).remove(list(paths))

    def list(self, bucket: str, folder: str) -> Sequence[str]:
        with translated():
            entries = self._storage.from_(bucket).list(folder, {"limit": _LISTED})
        return [f"{folder}/{entry['name']}" for entry in entries]

    def orphans(self, buckets: Sequence[str], older_seconds: float, limit: int) -> Sequence[tuple[str, str]]:
        arguments = {"p_buckets": [*buckets], "p_older_seconds": older_seconds, "p_limit": limit}
        with translated():
            found: Any = self._client.rpc("orphan_objects", arguments).execute().data
        return [(row["bucket_id"], row["name"]) for row in found]

    def url(self, bucket: str, path: str) -> str:
        return f"{self._base}/{bucket}/{path}"
