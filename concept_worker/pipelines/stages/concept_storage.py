"""The results of a run: the base image's object, and the concept's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from concept_worker.models import Origin, RunReference, StoredImage, StoredVariation
from concept_worker.payloads import Payload, RefinementPayload
from concept_worker.pipelines.stage import stage
from concept_worker.services.image_persistence_service import BASE_NAME, ImagePersistenceService

if TYPE_CHECKING:
    from concept_worker.services.concept_persistence_service import ConceptPersistenceService


@stage(failing="Storing base image failed")
def store_base_image(
    task_id: UUID, user_id: UUID, content: bytes, image_persistence_service: ImagePersistenceService
) -> StoredImage:
    """Store the base image's PNG bytes under the task; storing twice stores once."""
    return image_persistence_service.store_image(content, user_id=user_id, task_id=task_id, name=BASE_NAME)


@stage(failing="Storing refined image failed")
def store_refined_image(
    task_id: UUID, user_id: UUID, content: bytes, image_persistence_service: ImagePersistenceService
) -> StoredImage:
    """Store the refined image's PNG bytes under the task; storing twice stores once."""
    return image_persistence_service.store_image(content, user_id=user_id, task_id=task_id, name=BASE_NAME)


@stage(failing="Storing concept data failed")
def store_concept(
    run: RunReference,
    user_id: UUID,
    payload: Payload,
    base: StoredImage,
    variations: Sequence[StoredVariation],
    origin: Origin | None,
    concept_persistence_service: ConceptPersistenceService,
) -> UUID:
    """Store concept and variations and complete the task, in one transaction; the concept's id."""
    return concept_persistence_service.store_concept(
        run, user_id=user_id, payload=payload, base=base, variations=variations, origin=origin
    )


@stage(failing="Storing refined concept data failed")
def store_refined_concept(
    run: RunReference,
    user_id: UUID,
    payload: RefinementPayload,
    base: StoredImage,
    variations: Sequence[StoredVariation],
    origin: Origin | None,
    concept_persistence_service: ConceptPersistenceService,
) -> UUID:
    """Store as `store_concept`; the rows keep the wish and the link to the original."""
    return concept_persistence_service.store_concept(
        run, user_id=user_id, payload=payload, base=base, variations=variations, origin=origin
    )
