"""Composition root: the only file that names every adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concept_worker.services.concept_generator import ConceptGenerator
from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.image_persistence_service import ImagePersistenceService
from concept_worker.services.supabase.client import connect, disconnect
from concept_worker.services.supabase.concept_store import SupabaseConceptStore
from concept_worker.services.supabase.object_store import SupabaseObjectStore
from concept_worker.services.supabase.task_store import SupabaseTaskStore
from concept_worker.services.task_service import TaskService
from concept_worker.settings import Provider, Settings

if TYPE_CHECKING:
    from concept_worker.pipelines.services import Services
    from concept_worker.services.staging import RedisStaging


@dataclass(frozen=True)
class Records:
    """The services for stored tasks and concepts: all that a producer needs, without image libraries."""

    task_service: TaskService
    image_persistence_service: ImagePersistenceService
    concept_persistence_service: ConceptPersistenceService
    close: Callable[[], None]


def build_records(settings: Settings) -> Records:
    """Build the services that need Supabase alone; nothing connects before its first use.

    Raises:
        ValueError: a Supabase setting is missing or wrong; names it.
    """
    settings.require_supabase()
    key = settings.supabase_secret_key.get_secret_value()
    client = connect(settings.supabase_url, key, settings.supabase_timeout, settings.ca_file)
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
            patience_seconds=1.5 * settings.supabase_timeout,  # a try that timed out is retried once
            takeover_seconds=settings.takeover_seconds,
        ),
        image_persistence_service=images,
        concept_persistence_service=ConceptPersistenceService(store=SupabaseConceptStore(client), images=images),
        close=lambda: disconnect(client),
    )


def build_services(settings: Settings, *, generator: ConceptGenerator | None = None) -> Services:
    """Build all services of a worker process; nothing connects before its first use. Close with `Services.close`.

    `generator` replaces the generator that the settings choose.

    Raises:
        ValueError: a setting is missing; names it.
    """
    from concept_worker.pipelines.leases import LeaseKeeper
    from concept_worker.pipelines.services import Services
    from concept_worker.services.concept_service import ConceptService
    from concept_worker.services.decoding.decoder import IsolatedDecoder
    from concept_worker.services.housekeeping_service import HousekeepingService
    from concept_worker.services.http.download import guarded_downloader
    from concept_worker.services.http.images import image_limits
    from concept_worker.services.image_service import ImageService
    from concept_worker.services.providers.registry import provider_hosts

    records = build_records(settings)
    tasks, images = records.task_service, records.image_persistence_service
    concepts = records.concept_persistence_service
    staging = _staging(settings)
    draws = generator or build_generator(settings)
    downloader = guarded_downloader(settings, provider_hosts=provider_hosts(settings))
    leases = LeaseKeeper(
        tasks=tasks,
        lease_seconds=settings.lease_seconds,
        longest=settings.step_seconds,
        presence_seconds=settings.presence_seconds,
    )
    limits = image_limits(settings)
    decoder = IsolatedDecoder(limits=limits, memory_mb=settings.child_memory_mb)

    image_service = ImageService(
        decoder=decoder, staging=staging, images=images, limits=limits, upload_threads=settings.upload_threads
    )

    def close() -> None:
        for part in (leases, draws, downloader, decoder, staging, records):
            part.close()

    return Services(
        task_service=tasks,
        concept_service=ConceptService(generator=draws, staging=staging),
        image_service=image_service,
        image_persistence_service=images,
        concept_persistence_service=concepts,
        housekeeping_service=HousekeepingService(
            tasks=tasks, images=images, concepts=concepts, image_service=image_service, staging=staging
        ),
        downloader=downloader,
        leases=leases,
        close=close,
    )


def build_generator(settings: Settings) -> ConceptGenerator:
    """Build the generators that the settings choose, as one generator that tries them in order."""
    pictures, palettes = settings.picture_providers, settings.palette_providers
    generators = {name.value: _generator(name, settings) for name in dict.fromkeys((*pictures, *palettes))}
    from concept_worker.services.providers.chain import ProviderChain

    return ProviderChain(generators, pictures=pictures, palettes=palettes)


def _generator(provider: Provider, settings: Settings) -> ConceptGenerator:
    """Build the generator of one provider, a paid one behind the gate."""
    if provider is Provider.OFFLINE:
        from concept_worker.offline.generator import OfflineGenerator

        return OfflineGenerator()
    from concept_worker.services.providers.registry import vendor_of

    return _gated(vendor_of(provider).build(settings), provider, settings)


def _staging(settings: Settings) -> RedisStaging:
    from concept_worker.imaging.codec import ImageLimits
    from concept_worker.services.seal import Sealer
    from concept_worker.services.staging import RedisStaging, StagingLimits

    return RedisStaging.connect(
        settings.redis_places[2].url,
        settings.staging_seconds,
        prefix=settings.redis_prefix,
        sealer=Sealer.derived_from(settings.supabase_secret_key.get_secret_value()),
        limits=StagingLimits(
            budget=settings.staging_budget_mb * 1_000_000,
            picture=settings.max_image_bytes,
            reserve_seconds=settings.step_seconds + 60,  # a step, and the retries of its last write
            # A clean picture may be larger than the bytes received, even when the setting allows few bytes.
            largest=max(settings.max_image_bytes, ImageLimits().max_clean_bytes),
        ),
    )


def _gated(generator: ConceptGenerator, provider: Provider, settings: Settings) -> ConceptGenerator:
    from concept_worker.services.providers.gate import GatedGenerator, GateLimits, ProviderGate

    gate = ProviderGate.connect(
        settings.redis_places[2].url,
        name=provider.value,
        prefix=settings.redis_prefix,
        limits=GateLimits(
            calls=settings.provider_per_minute,
            failures=settings.circuit_failures,
            seconds=settings.circuit_seconds,
            probe=settings.lease_seconds,  # its worker may have died; beside a slow probe the next one may go out
        ),
    )
    return GatedGenerator(generator=generator, gate=gate)
