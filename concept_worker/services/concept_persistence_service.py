"""The business of stored concepts: what a row says, and who may read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from concept_worker.errors import StaleRun
from concept_worker.logging import get_logger
from concept_worker.models import ConceptRow, ExpiredConcepts, Origin, RunReference, StoredImage, StoredVariation
from concept_worker.payloads import Payload, RefinementPayload
from concept_worker.services.image_persistence_service import BASE_NAME, ImagePersistenceService
from concept_worker.services.interfaces import ConceptStore

log = get_logger(__name__)


class ConceptPersistenceService:
    """A service for concept rows. Raises `StoreUnavailable` or `StoreRefused`."""

    def __init__(self, *, store: ConceptStore, images: ImagePersistenceService) -> None:
        self._store = store
        self._images = images

    def store_concept(
        self,
        run: RunReference,
        *,
        user_id: UUID,
        payload: Payload,
        base: StoredImage,
        variations: Sequence[StoredVariation],
        origin: Origin | None = None,
    ) -> UUID:
        """Store the concept with its variations and complete the task row, in one transaction; return the concept's id.

        The row gets provider and model from `origin`. Prices stay in the step's row, which only the operator reads.

        Raises:
            StaleRun: the run was canceled or replaced meanwhile; nothing was stored.
        """
        concept = {
            "logo_description": payload.logo_description,
            "theme_description": payload.theme_description,
            "is_anonymous": payload.is_anonymous,
            "provider": origin.provider if origin else None,
            "model": (origin.model or None) if origin else None,
            **_original_columns(payload),
            **self._image_columns(user_id, run.task_id, base),
        }
        rows = [
            {
                "position": variation.position,
                "palette_name": variation.palette.name,
                "palette_source": variation.palette.source.value,
                "colors": list(variation.palette.colors),
                "description": variation.palette.description,
                **self._image_columns(user_id, run.task_id, variation.image),
            }
            for variation in variations
        ]
        concept_id = self._store.store(run, concept, rows)
        if concept_id is None:
            raise StaleRun("the run is over or was replaced")
        log.info("concept stored", concept_id=str(concept_id), variations=len(rows))
        return concept_id

    def get_concept(self, concept_id: UUID, user_id: UUID) -> ConceptRow | None:
        """Return the user's concept with its variations in order, or None."""
        return self._store.get(concept_id, user_id)

    def is_stored(self, *, user_id: UUID, task_id: UUID) -> bool:
        """Return whether the task's concept is stored; a concept outlives its task."""
        return self._store.has_image(self._images.path(user_id, task_id, BASE_NAME))

    def expire_concepts(self, older_seconds: float, limit: int, *, dry_run: bool) -> ExpiredConcepts:
        """Delete concepts older than `older_seconds`, with their tasks and variations; a dry run only counts them."""
        return self._store.expire(older_seconds, limit, dry_run=dry_run)

    def _image_columns(self, user_id: UUID, task_id: UUID, image: StoredImage) -> dict[str, str]:
        return {
            "image_path": self._images.path(user_id, task_id, image.name),
            "image_url": self._images.url(user_id, task_id, image.name),
        }


def _original_columns(payload: Payload) -> dict[str, Any]:
    """Return the columns that describe a refinement's original. The URL loses its query, which may hold a secret."""
    if not isinstance(payload, RefinementPayload):
        return {}
    concept_id, url = payload.original_concept_id, payload.original_image_url
    return {
        "refinement_prompt": payload.refinement_prompt,
        "original_concept_id": None if concept_id is None else str(concept_id),
        "original_image_path": payload.original_image_path,
        "original_image_url": None if url is None else url.partition("?")[0],
        "preserve_aspects": [aspect.value for aspect in payload.preserve_aspects],
    }
