"""From a provider's answer to checked bytes in staging."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from concept_worker.models import Receipt, StagedImage, StagedName
from concept_worker.payloads import Brief
from concept_worker.pipelines.patience import never_losing
from concept_worker.pipelines.stage import stage

if TYPE_CHECKING:
    from concept_worker.services.concept_generator import Picture
    from concept_worker.services.concept_service import ConceptService
    from concept_worker.services.image_service import ImageService


@stage(failing="Base concept generation failed")
def generate_base_concept(task_id: UUID, brief: Brief, concept_service: ConceptService) -> Picture | Receipt:
    """Ask for the base image: a picture, not yet checked, or a receipt for it. Raises as `ConceptService` does."""
    return concept_service.generate_concept(brief, task_id=task_id)


@stage(failing="Collecting the image failed")
def collect_image_data(receipt: Receipt, concept_service: ConceptService) -> Picture:
    """Fetch a picture that is paid for already, not yet checked.

    Raises:
        StillDrawing: the provider is at it.
        PictureGone: the provider does not have it any more; and what `ConceptService` raises.
    """
    return concept_service.collect(receipt)


@stage(failing="Error getting image data")
def find_image_data(task_id: UUID, image_service: ImageService, *, user_id: UUID | None = None) -> StagedImage | None:
    """Find the base image that an earlier execution paid for and put into staging, or None.

    Raises:
        InvalidImage: what waits there is not an image we accept.
    """
    return image_service.find_staged(task_id=task_id, name=StagedName.BASE, user_id=user_id)


@stage(failing="Error getting image data")
def prepare_image_data(
    task_id: UUID,
    content: bytes,
    image_service: ImageService,
    name: StagedName = StagedName.BASE,
    *,
    user_id: UUID | None = None,
) -> StagedImage:
    """Let the bytes wait in staging under that name, checked and as a clean PNG.

    Raises:
        InvalidImage: what the provider or the user sent is not an image we accept.
    """
    return never_losing(lambda: image_service.stage_image(content, task_id=task_id, name=name, user_id=user_id))
