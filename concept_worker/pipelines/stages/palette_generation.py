"""Palettes for a concept, and the pictures they make."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from concept_worker.errors import BadProviderAnswer, ProviderRefused, StoreUnavailable
from concept_worker.logging import get_logger
from concept_worker.models import Palette, StoredVariation
from concept_worker.payloads import Brief
from concept_worker.pipelines.stage import stage

if TYPE_CHECKING:
    from concept_worker.services.concept_service import ConceptService
    from concept_worker.services.image_service import ImageService

log = get_logger(__name__)


@stage(failing="Failed to generate color palettes")
def generate_palettes_for_concept(
    task_id: UUID, brief: Brief, num_palettes: int, concept_service: ConceptService
) -> tuple[Palette, ...]:
    """Ask for `num_palettes` palettes for the brief, paid once: they wait in staging until their checkpoint is written.

    A provider that will not give any does not cost the user the image that is already paid: the palettes are then made
    by colour harmony, and say so.

    Raises:
        ProviderUnavailable: the provider may give them later.
    """
    waiting = concept_service.find_palettes(task_id)
    if waiting is not None:
        return waiting
    try:
        palettes = concept_service.generate_color_palettes(brief, num_palettes)
    except (ProviderRefused, BadProviderAnswer) as exc:
        log.warning("palettes made locally", reason=str(exc))
        return concept_service.local_palettes(brief, num_palettes)
    with suppress(StoreUnavailable):  # the checkpoint comes next, and has more patience
        concept_service.keep_palettes(task_id, palettes)
    return palettes


@stage(failing="Failed to generate color palettes")
def compose_palettes_locally(brief: Brief, num_palettes: int, concept_service: ConceptService) -> tuple[Palette, ...]:
    """Make the palettes of a run whose provider stayed away through every retry."""
    log.warning("palettes made locally", reason="the provider stayed unavailable")
    return concept_service.local_palettes(brief, num_palettes)


@stage(failing="Failed to create palette variations")
def create_palette_variations(
    task_id: UUID, user_id: UUID, content: bytes, palettes: Sequence[Palette], image_service: ImageService
) -> tuple[StoredVariation, ...]:
    """Recolor the image with each palette and store the pictures, in the palettes' order; all of them or none."""
    return image_service.create_palette_variations(content, palettes, user_id=user_id, task_id=task_id)
