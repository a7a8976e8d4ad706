"""The product's own services over memory, and its own tasks without Celery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, NoReturn, cast
from unittest.mock import patch

from concept_worker.errors import StepHeld, TransientError
from concept_worker.imaging.codec import ImageLimits
from concept_worker.pipelines import leases
from concept_worker.pipelines.leases import LeaseKeeper
from concept_worker.pipelines.services import Services
from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.concept_service import ConceptService
from concept_worker.services.housekeeping_service import HousekeepingService
from concept_worker.services.image_persistence_service import ImagePersistenceService
from concept_worker.services.image_service import ImageService
from concept_worker.services.supabase.concept_store import SupabaseConceptStore
from concept_worker.services.supabase.task_store import SupabaseTaskStore
from concept_worker.services.task_service import TaskService
from concept_worker.tasks import base, housekeeping
from tests.prove.between.memory import Clock, MemoryDecoder, MemoryObjects, MemoryProvider, MemoryStaging, NoDownloads
from tests.prove.between.sql import SqlClient
from tests.prove.world import DAY, LEASE, MAX_INTERRUPTIONS, MAX_RUNS, RETRY

CONCEPTS, PALETTES = "concept-images", "palette-images"
_HELD = 5.0  # seconds: the cap of a held step's wait


class Again(Exception):
    """The message comes back after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Delivery(base.StepTask):
    """The product's step task, without a worker around it."""

    abstract = True
    request: Any = SimpleNamespace(retries=0)
    backend: Any = SimpleNamespace(store_result=lambda *_: None)

    def try_again(self, error: TransientError, *, delay: float | None = None) -> NoReturn:
        seconds = min(error.seconds, _HELD) if isinstance(error, StepHeld) else RETRY if delay is None else delay
        raise Again(max(seconds, 0.001))


class _NoThread:
    """No step takes any time on the virtual clock, so none needs a sign of life."""

    def __init__(self, **_: Any) -> None:
        """Take what a thread takes."""

    def start(self) -> None:
        """Nothing runs."""


class Parts:
    """The services, and what they stand on."""

    def __init__(self, sql: SqlClient, clock: Clock, *, gives_receipts: bool) -> None:
        self.staging = MemoryStaging(sql, clock)
        self.objects = MemoryObjects(sql, clock)
        client = cast("Any", sql)
        images = ImagePersistenceService(objects=self.objects, concept_bucket=CONCEPTS, palette_bucket=PALETTES)
        concepts = ConceptPersistenceService(store=SupabaseConceptStore(client), images=images)
        tasks = TaskService(
            store=SupabaseTaskStore(client),
            lease_seconds=LEASE,
            max_runs=MAX_RUNS,
            max_interruptions=MAX_INTERRUPTIONS,
        )
        image_service = ImageService(
            decoder=MemoryDecoder(), staging=self.staging, images=images, limits=ImageLimits(), upload_threads=1
        )
        provider = MemoryProvider(sql, gives_receipts=gives_receipts)
        self.services = Services(
            task_service=tasks,
            concept_service=ConceptService(generator=provider, staging=self.staging),
            image_service=image_service,
            image_persistence_service=images,
            concept_persistence_service=concepts,
            housekeeping_service=HousekeepingService(
                tasks=tasks, images=images, concepts=concepts, image_service=image_service, staging=self.staging
            ),
            downloader=NoDownloads(),
            leases=LeaseKeeper(tasks=tasks, lease_seconds=LEASE, longest=DAY),
        )

    def forget_hands(self) -> None:
        """A process is gone: the next one has no step in hand."""
        self.services.leases._held.clear()

    @contextmanager
    def at_work(self, waiting: Any) -> Iterator[None]:
        """The product's tasks find these services, and the queues through `waiting`, as `waiting_among` does."""
        with ExitStack() as patches:
            for room in (base, housekeeping):
                patches.enter_context(patch.object(room, "services", lambda: self.services))
            patches.enter_context(patch.object(housekeeping, "waiting_among", waiting))
            patches.enter_context(patch.object(leases, "Thread", _NoThread))
            for event in ("send_failed", "send_revoked"):
                patches.enter_context(patch.object(base, event, lambda *_: None))
            patches.enter_context(patch.object(base, "backoff", lambda: SimpleNamespace(delay=lambda *_: RETRY)))
            yield
