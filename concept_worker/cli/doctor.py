"""The command `doctor`: check that each neighbour answers and accepts our settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from concept_worker.bootstrap import build_generator, build_records
from concept_worker.cli.findings import Finding
from concept_worker.cli.redis_care import care_of, strangers_of
from concept_worker.errors import ConceptWorkerError
from concept_worker.redaction import kind_of, mask_url
from concept_worker.redis_address import RedisPlace
from concept_worker.services.http.download import allowed_hosts
from concept_worker.services.providers.registry import provider_hosts
from concept_worker.services.redis.check import check_redis, uses_of
from concept_worker.services.supabase.clock import clock_trouble
from concept_worker.settings import Settings, get_settings

_NO_USER = UUID(int=0)


def examine() -> list[Finding]:
    """Check every neighbour that the settings name; one check that fails never stops the others."""
    settings = get_settings()
    redis = [finding for place in settings.redis_places for finding in _redis(settings, place)]
    return [
        *_findings_of("supabase", lambda: _supabase(settings)),
        *_findings_of("clock", lambda: _clock(settings)),
        *redis,
        *_findings_of("Redis", lambda: care_of(settings)),
        *_findings_of("namespace", lambda: strangers_of(settings)),
        *_findings_of("workers", lambda: [_workers(settings, broker_is_well=redis[0].is_well)]),
        *_findings_of("provider", lambda: _provider(settings)),
    ]


def _findings_of(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield a check's findings, and a finding for an error that it raises. Texts of foreign errors may hold secrets,
    so only their kind is named.
    """
    try:
        yield from check()
    except ConceptWorkerError as exc:
        yield Finding(what, False, str(exc))
    except Exception as exc:  # any error of one check; the other checks go on
        yield Finding(what, False, f"could not be examined: {kind_of(exc)}")


def _supabase(settings: Settings) -> Iterator[Finding]:
    try:
        records = build_records(settings)
    except ValueError as exc:
        yield Finding("supabase", False, str(exc))
        return
    where = f"SUPABASE_URL {mask_url(settings.supabase_url)}"
    tasks, images = records.task_service, records.image_persistence_service
    yield _finding("supabase tables", where, lambda: tasks.get_tasks_by_user(_NO_USER, limit=1))
    yield _finding("supabase functions", where, lambda: tasks.claim_task_if_pending(_NO_USER, _NO_USER))
    for bucket, name in (
        (settings.storage_bucket_concept, "base.png"),
        (settings.storage_bucket_palette, "variation-01.png"),
    ):
        path = images.path(_NO_USER, _NO_USER, name)
        yield _finding(f"supabase bucket {bucket}", where, lambda path=path: images.sign([path], 60))  # type: ignore[misc]  # a default binds the loop's value
    records.close()


def _clock(settings: Settings) -> Iterator[Finding]:
    trouble = clock_trouble(settings) if settings.supabase_url else None
    if trouble:
        yield Finding("clock", True, trouble, warns=True)


def _redis(settings: Settings, place: RedisPlace) -> Iterator[Finding]:
    where = f"{place.setting} {mask_url(place.url)}"
    yield _finding(place.role, where, lambda: check_redis(place, uses_of(settings, place)))


def _provider(settings: Settings) -> Iterator[Finding]:
    try:
        build_generator(settings).close()
    except ValueError as exc:
        yield Finding("provider", False, str(exc))
        return
    yield Finding("provider", True, ", ".join(settings.picture_providers))
    yield Finding(
        "links",
        True,
        f"of pictures may lead to {', '.join(allowed_hosts(settings, provider_hosts(settings))) or 'no host'}",
    )


def _workers(settings: Settings, *, broker_is_well: bool) -> Finding:
    from concept_worker.celery import app
    from concept_worker.worker.consumers import consumers

    if not settings.remote_control:
        reason = "not asked: CONCEPT_REMOTE_CONTROL is off; watch the oldest pending row instead"
        return Finding("workers", True, reason, warns=True)
    if not broker_is_well:
        return Finding("workers", False, "cannot be asked without the broker")
    try:
        asked = consumers(app)
    except ConceptWorkerError as exc:
        return Finding("workers", False, str(exc))
    alone = ", ".join(queue.value for queue, names in asked.items() if not names)
    if alone:
        mend = "start workers as the Procfile says, or give a running one its consumer back"
        return Finding("workers", False, f"nobody consumes {alone}; {mend} (celery control add_consumer QUEUE)")
    return Finding("workers", True, "; ".join(f"{queue.value}: {', '.join(names)}" for queue, names in asked.items()))


def _finding(what: str, where: str, ask: Callable[[], object]) -> Finding:
    try:
        ask()
    except ConceptWorkerError as exc:
        return Finding(what, False, f"{where}: {exc}")
    except Exception as exc:  # any error of one check; the other checks go on
        return Finding(what, False, f"{where}: {kind_of(exc)}")
    return Finding(what, True, where)
