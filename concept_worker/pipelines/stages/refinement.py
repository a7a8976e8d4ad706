"""From an existing image and a wish to a refined image in staging."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from concept_worker.errors import InvalidRequest
from concept_worker.models import Receipt
from concept_worker.payloads import RefinementPayload, Wish
from concept_worker.pipelines.stage import stage
from concept_worker.services.image_persistence_service import ImagePersistenceService, own_path

if TYPE_CHECKING:
    from concept_worker.services.concept_generator import Picture
    from concept_worker.services.concept_persistence_service import ConceptPersistenceService
    from concept_worker.services.concept_service import ConceptService
    from concept_worker.services.interfaces import Downloader


@stage(failing="Failed to download original image")
def download_original_image(
    user_id: UUID,
    payload: RefinementPayload,
    concepts: ConceptPersistenceService,
    images: ImagePersistenceService,
    downloader: Downloader,
) -> bytes:
    """Fetch the original's bytes, not yet checked: from the user's own concept or folder, or an allowed address.

    Raises:
        InvalidRequest: the concept or path is not there, or not this user's.
        DownloadRefused: the address is not one we fetch.
        ProviderUnavailable: the address does not answer right now.
    """
    if payload.original_image_url is not None:
        return downloader.download(payload.original_image_url)
    if payload.original_concept_id is not None:
        concept = concepts.get_concept(payload.original_concept_id, user_id)
        if concept is None:
            raise InvalidRequest("original_concept_id: no such concept")
        return _stored(concept.image_path, "original_concept_id", images)
    return _stored(own_path(payload.original_image_path or "", user_id), "original_image_path", images)


@stage(failing="Image refinement failed")
def refine_concept_image(
    task_id: UUID, original: bytes, wish: Wish, concept_service: ConceptService
) -> Picture | Receipt:
    """Change the original as the wish asks: a picture, not yet checked, or a receipt for it.

    Raises as `ConceptService` does.
    """
    return concept_service.refine_concept(original, wish, task_id=task_id)


def _stored(path: str, field: str, images: ImagePersistenceService) -> bytes:
    content = images.load_path(path)
    if content is None:
        raise InvalidRequest(f"{field}: its image is no longer stored")
    return content
