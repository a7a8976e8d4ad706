"""The services that a pipeline works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the order of the steps is known to producers, too; they need no service
    from concept_worker.pipelines.leases import LeaseKeeper
    from concept_worker.services.concept_persistence_service import ConceptPersistenceService
    from concept_worker.services.concept_service import ConceptService
    from concept_worker.services.housekeeping_service import HousekeepingService
    from concept_worker.services.image_persistence_service import ImagePersistenceService
    from concept_worker.services.image_service import ImageService
    from concept_worker.services.interfaces import Downloader
    from concept_worker.services.task_service import TaskService


@dataclass(frozen=True)
class Services:
    """All that a processor may ask for, built once a process by the composition root."""

    task_service: TaskService
    concept_service: ConceptService
    image_service: ImageService
    image_persistence_service: ImagePersistenceService
    concept_persistence_service: ConceptPersistenceService
    housekeeping_service: HousekeepingService
    downloader: Downloader
    leases: LeaseKeeper
    close: Callable[[], None] = lambda: None
