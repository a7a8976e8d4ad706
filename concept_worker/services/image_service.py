"""The business of image bytes between provider and bucket: validate, stage, recolor, upload side by side."""

from __future__ import annotations

import contextvars
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar
from uuid import UUID

from concept_worker.errors import InvalidImage, StagedImageLost, StoreRefused, StoreUnavailable
from concept_worker.imaging.codec import CleanImage, ImageLimits
from concept_worker.imaging.vector import is_svg
from concept_worker.logging import get_logger
from concept_worker.models import Palette, StagedImage, StagedName, StoredVariation
from concept_worker.services.image_persistence_service import BASE_NAME, ImagePersistenceService, variation_name
from concept_worker.services.interfaces import Decoder, Staging
from concept_worker.services.seal import SealedAs
from concept_worker.services.staging import staging_key

log = get_logger(__name__)

T = TypeVar("T")


class ImageService:
    """A service for the image bytes of one task.

    Raises `InvalidImage`, `DecoderLost`, `StoreUnavailable` or `StoreRefused`.
    """

    def __init__(
        self,
        *,
        decoder: Decoder,
        staging: Staging,
        images: ImagePersistenceService,
        limits: ImageLimits,
        upload_threads: int,
    ) -> None:
        self._decoder = decoder
        self._staging = staging
        self._images = images
        self._limits = limits
        self._upload_threads = upload_threads

    def stage_image(
        self, content: bytes, *, task_id: UUID, name: StagedName, user_id: UUID | None = None
    ) -> StagedImage:
        """Stage the bytes, then validate them and replace them by a clean PNG.

        Staging comes first: the bytes may be paid for, and a hostile file kills the decoder. Pictures of one user
        (`user_id`) are decoded one after another.
        """
        self._staging.store(staging_key(task_id, name), content, SealedAs.ARRIVED)
        return self._clean_staged(content, task_id, name, user_id)

    def find_staged(self, *, task_id: UUID, name: StagedName, user_id: UUID | None = None) -> StagedImage | None:
        """Return the task's staged image, or None: bytes that were paid for, but whose checkpoint could not be written.

        Bytes without our seal are ignored.
        """
        content = self._staging.find(staging_key(task_id, name))
        return None if content is None else self._clean_staged(content, task_id, name, user_id)

    def base_image(self, staged: StagedImage, *, user_id: UUID) -> bytes:
        """Load the base image from staging, or from the bucket when staging no longer has it.

        Raises:
            StagedImageLost: neither has it.
        """
        try:
            return self.staged_image(staged)
        except StagedImageLost:
            stored = self._images.load_image(user_id=user_id, task_id=staged.task_id, name=BASE_NAME)
            if stored is None or hashlib.sha256(stored).hexdigest() != staged.sha256:
                raise
            return stored

    def staged_image(self, staged: StagedImage) -> bytes:
        """Load the bytes that the reference was made for.

        Raises:
            StagedImageLost: staging no longer has them.
        """
        content = self._staging.load(staging_key(staged.task_id, staged.name))
        if content is None or hashlib.sha256(content).hexdigest() != staged.sha256:
            raise StagedImageLost(f"the {staged.name.value} image is no longer in staging", staged.name.value)
        return content

    @contextmanager
    def room(self, task_id: UUID, name: StagedName) -> Iterator[None]:
        """Reserve room in staging before the body pays for a picture; a body that fails releases it.

        Raises:
            StagingFull: there is no room now.
        """
        key = staging_key(task_id, name)
        self._staging.reserve(key)
        try:
            yield
        except BaseException:
            with suppress(StoreUnavailable, StoreRefused):  # the reservation expires by itself
                self._staging.cancel_reservation(key)
            raise

    def discard_staged(self, task_id: UUID) -> None:
        """Delete everything that is staged for the task."""
        self._staging.remove(*(staging_key(task_id, name) for name in StagedName))

    def discard_unknown(self, task_id: UUID) -> bool:
        """Delete what this deployment staged for a task whose row was deleted; return whether nothing is left.

        Bytes of another deployment on the same Redis stay: their row is in another database.
        """
        keys = [staging_key(task_id, name) for name in StagedName]
        return self._staging.remove_own(*keys) == len(keys)

    def release_failed(self, *, user_id: UUID, task_id: UUID) -> None:
        """Delete what is staged for a failed task; first move a paid, validated base image to its place in the bucket.

        A retry continues from its checkpoint and finds the image there. Without a retry, the sweep deletes the image
        after a day. Bytes that were never validated are not kept.
        """
        content = self._staging.find(staging_key(task_id, StagedName.BASE), SealedAs.CLEAN)
        if content is not None:
            try:
                self._images.store_image(content, user_id=user_id, task_id=task_id, name=BASE_NAME)
            except StoreRefused as exc:
                log.warning("paid picture of failed run not kept", reason=str(exc), task_id=str(task_id))
        self.discard_staged(task_id)

    def discard_task(self, *, user_id: UUID | None, task_id: UUID) -> None:
        """Delete everything that a canceled task left: staged bytes and uploaded images.

        For a deleted task (`user_id` is None) the path of its objects is unknown; the sweep deletes them.
        """
        if user_id is None:
            self.discard_unknown(task_id)
            return
        self.discard_staged(task_id)
        self._images.discard(user_id=user_id, task_id=task_id)

    def create_palette_variations(
        self, content: bytes, palettes: Sequence[Palette], *, user_id: UUID, task_id: UUID
    ) -> tuple[StoredVariation, ...]:
        """Recolor the image once per palette and store the pictures, in the order of the palettes.

        The image is analysed once; the uploads run in parallel.

        Raises:
            InvalidImage: the bytes cannot be recolored.
        """
        from concept_worker.imaging.recolor import plan_recolor  # here: workers that never recolor need no numpy

        plan = plan_recolor(content, self._limits)
        pictures = [plan.paint(palette.colors) for palette in palettes]
        log.info("variations painted", count=len(pictures), bytes=sum(map(len, pictures)))

        def store(position: int, palette: Palette, picture: bytes) -> StoredVariation:
            image = self._images.store_image(picture, user_id=user_id, task_id=task_id, name=variation_name(position))
            return StoredVariation(position=position, palette=palette, image=image)

        return self._run_in_parallel(
            [
                partial(store, position, palette, picture)
                for position, (palette, picture) in enumerate(zip(palettes, pictures, strict=True), start=1)
            ]
        )

    def _clean_staged(self, content: bytes, task_id: UUID, name: StagedName, user_id: UUID | None) -> StagedImage:
        if name is StagedName.ORIGINAL and is_svg(content):  # drawings are taken from providers alone
            raise InvalidImage("The file is not a PNG, JPEG or WebP image, or its beginning is damaged.")
        clean = self._decoder.to_clean_png(content, user_id=user_id)
        key = staging_key(task_id, name)
        if clean.data != content or self._staging.find(key, SealedAs.CLEAN) is None:
            self._staging.store(key, clean.data, SealedAs.CLEAN)
        log.info("image staged", name=name.value, bytes=len(clean.data), width=clean.width, height=clean.height)
        return _reference(task_id, name, clean)

    def _run_in_parallel(self, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        """Run the calls in threads with this log context; return results in order, or finally raise the first error."""
        with ThreadPoolExecutor(self._upload_threads, thread_name_prefix="upload") as pool:
            futures = [pool.submit(contextvars.copy_context().run, call) for call in calls]
        return tuple(future.result() for future in futures)


def _reference(task_id: UUID, name: StagedName, clean: CleanImage) -> StagedImage:
    return StagedImage(
        task_id=task_id,
        name=name,
        sha256=hashlib.sha256(clean.data).hexdigest(),
        size=len(clean.data),
        width=clean.width,
        height=clean.height,
    )
