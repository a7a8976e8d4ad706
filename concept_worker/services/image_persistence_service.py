"""The business of stored images: where they lie, and how they are read back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from concept_worker.errors import InvalidRequest
from concept_worker.logging import get_logger
from concept_worker.models import IMAGE_NAME, StoredImage
from concept_worker.services.interfaces import ObjectStore

log = get_logger(__name__)

BASE_NAME = "base.png"
_PNG = "image/png"
# A task's folder and one of its few names, only in the spelling that we write: no path needs decoding.
_IN_FOLDER = re.compile(rf"[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}/{IMAGE_NAME}")


def variation_name(position: int) -> str:
    """Return the object name of the picture for the palette at `position` (1 is the first)."""
    return f"variation-{position:02d}.png"


def own_path(path: str, user_id: UUID, field: str = "original_image_path") -> str:
    """Return `path` if it is an image in the user's own folder: `{user id}/{task id}/{name}`.

    Raises:
        InvalidRequest: it is another path; the message names the field `field`.
    """
    folder, _, image = path.partition("/")
    if folder != str(user_id) or not _IN_FOLDER.fullmatch(image):
        raise InvalidRequest(f"{field}: must be an image path of one of your own concepts")
    return path


class ImagePersistenceService:
    """A store of task images in two private buckets, at `{user id}/{task id}/{name}`; storing twice is storing once.

    Raises `StoreUnavailable` or `StoreRefused`.
    """

    def __init__(self, *, objects: ObjectStore, concept_bucket: str, palette_bucket: str) -> None:
        self._objects = objects
        self._concept_bucket = concept_bucket
        self._palette_bucket = palette_bucket

    def store_image(self, content: bytes, *, user_id: UUID, task_id: UUID, name: str) -> StoredImage:
        """Store PNG bytes under the task."""
        path = self.path(user_id, task_id, name)
        self._objects.store(self._bucket(name), path, content, _PNG)
        log.info("image stored", name=name, bytes=len(content))
        return StoredImage(name=name, size=len(content))

    def load_image(self, *, user_id: UUID, task_id: UUID, name: str) -> bytes | None:
        """Return the stored bytes, or None."""
        return self.load_path(self.path(user_id, task_id, name))

    def load_path(self, path: str) -> bytes | None:
        """Return the stored bytes at a row's image path, or None."""
        return self._objects.load(self._bucket(path.rpartition("/")[2]), path)

    def sign(self, paths: Sequence[str], seconds: int) -> dict[str, str]:
        """Return a short-lived link for each path that exists; sends one request per bucket."""
        links: dict[str, str] = {}
        for bucket in (self._concept_bucket, self._palette_bucket):
            inside = [path for path in paths if self._bucket(path.rpartition("/")[2]) == bucket]
            if inside:
                links |= self._objects.sign(bucket, inside, seconds)
        return links

    def discard(self, *, user_id: UUID, task_id: UUID) -> None:
        """Delete every image of the task."""
        folder = f"{user_id}/{task_id}"
        for bucket in (self._concept_bucket, self._palette_bucket):
            self._objects.remove(bucket, self._objects.list(bucket, folder))

    def orphans(self, older_seconds: float, limit: int) -> Sequence[tuple[str, str]]:
        """Return bucket and path of images older than `older_seconds` that no row refers to and no open run owns."""
        return self._objects.orphans([self._concept_bucket, self._palette_bucket], older_seconds, limit)

    def remove(self, images: Sequence[tuple[str, str]]) -> None:
        """Delete images by bucket and path."""
        for bucket in (self._concept_bucket, self._palette_bucket):
            self._objects.remove(bucket, [path for inside, path in images if inside == bucket])

    def locate(self, path: str) -> tuple[str, str]:
        """Return bucket and path for a row's image path."""
        return self._bucket(path.rpartition("/")[2]), path

    def path(self, user_id: UUID, task_id: UUID, name: str) -> str:
        """Return the path of a task's image in its bucket; row level security checks its first segment."""
        return f"{user_id}/{task_id}/{name}"

    def url(self, user_id: UUID, task_id: UUID, name: str) -> str:
        """Return the image's permanent address. It is no secret; reading it takes the owner's own token."""
        return self._objects.url(self._bucket(name), self.path(user_id, task_id, name))

    def _bucket(self, name: str) -> str:
        return self._palette_bucket if name.startswith("variation-") else self._concept_bucket
