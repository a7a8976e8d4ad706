"""Composition root: the only file that names every adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.image_persistence_service import ImagePersistenceService
from concept_worker.services.interfaces import ConceptGenerator
from concept_worker.services.supabase.client import connect, disconnect
from concept_worker.services.supabase.concept_store import SupabaseConceptStore
from concept_worker.services.supabase.object_store import SupabaseObjectStore
from concept_worker.services.supabase.task_store import SupabaseTaskStore
from concept_worker.services.task_service import TaskService
from concept_worker.settings import Provider, Settings

if TYPE_CHECKING:
    from concept_worker.pipelines.base import Services
    from concept_worker.services.provider_gate import ProviderGate


@dataclass(frozen=True)
class Records:
    """What is stored of tasks and concepts: all that a producer needs, and no pixel in it."""

    task_service: TaskService
    image_persistence_service: ImagePersistenceService
    concept_persistence_service: ConceptPersistenceService
    close: Callable[[], None]


def build_records(settings: Settings) -> Records:
    """Services over Supabase alone; nothing connects before its first use.

    Raises:
        ValueError: a setting is missing; names it.
    """
    settings.require_supabase()
    client = connect(settings.supabase_url, settings.supabase_secret_key.get_secret_value(), settings.supabase_timeout)
    images = ImagePersistenceService(
        objects=SupabaseObjectStore(client, settings.supabase_url),
        concept_bucket=settings.storage_bucket_concept,
        palette_bucket=settings.storage_bucket_palette,
    )
    return Records(
        task_service=TaskService(
            store=SupabaseTaskStore(client),
            lease_seconds=settings.lease_seconds,
            max_runs=settings.max_runs,
            max_interruptions=settings.max_interruptions,
        ),
        image_persistence_service=images,
        concept_persistence_service=ConceptPersistenceService(store=SupabaseConceptStore(client), images=images),
        close=lambda: disconnect(client),
    )


def build_services(settings: Settings, *, generator: ConceptGenerator | None = None) -> Services:
    """Everything a worker process needs; nothing connects before its first use, close with `Services.close`.

    Raises:
        ValueError: a setting is missing; names it.
    """
    from concept_worker.imaging.codec import ImageLimits
    from concept_worker.pipelines.base import Services
    from concept_worker.pipelines.leases import LeaseKeeper
    from concept_worker.services.concept_service import ConceptService
    from concept_worker.services.download import guarded_downloader
    from concept_worker.services.housekeeping_service import HousekeepingService
    from concept_worker.services.image_service import ImageService
    from concept_worker.services.provider_gate import GatedGenerator
    from concept_worker.services.staging import RedisStaging

    records = build_records(settings)
    staging = RedisStaging.connect(settings.staging_url or settings.redis_url, settings.staging_seconds)
    draws = generator or build_generator(settings)
    if settings.chosen_provider is not Provider.OFFLINE and generator is None:
        draws = GatedGenerator(generator=draws, gate=_gate(settings))
    downloader = guarded_downloader(settings)
    leases = LeaseKeeper(
        tasks=records.task_service, lease_seconds=settings.lease_seconds, longest=settings.step_seconds
    )

    def close() -> None:
        leases.close()
        draws.close()
        downloader.close()
        staging.close()
        records.close()

    return Services(
        task_service=records.task_service,
        concept_service=ConceptService(generator=draws),
        image_service=ImageService(
            staging=staging,
            images=records.image_persistence_service,
            limits=ImageLimits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels),
            upload_threads=settings.upload_threads,
        ),
        image_persistence_service=records.image_persistence_service,
        concept_persistence_service=records.concept_persistence_service,
        housekeeping_service=HousekeepingService(
            tasks=records.task_service,
            images=records.image_persistence_service,
            concepts=records.concept_persistence_service,
            staging=staging,
        ),
        downloader=downloader,
        leases=leases,
        close=close,
    )


def _gate(settings: Settings) -> ProviderGate:
    from concept_worker.services.provider_gate import GateLimits, ProviderGate

    return ProviderGate.connect(
        settings.staging_url or settings.redis_url,
        name=settings.chosen_provider.value,
        limits=GateLimits(
            calls=settings.provider_per_minute,
            failures=settings.circuit_failures,
            seconds=settings.circuit_seconds,
            longest_call=settings.step_seconds,
        ),
    )


def build_generator(settings: Settings) -> ConceptGenerator:
    """The generator that the settings choose; its room is imported only then."""
    match settings.chosen_provider:
        case Provider.OFFLINE:
            from concept_worker.services.offline.generator import OfflineGenerator

            return OfflineGenerator()
        case Provider.JIGSAWSTACK:
            from concept_worker.services.jigsawstack import jigsawstack_generator

            return jigsawstack_generator(settings)
        case Provider.OPENAI:
            from concept_worker.services.openai_images import openai_generator

            return openai_generator(settings)
