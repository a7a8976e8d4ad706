"""Is each neighbour there, and does it let us in?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from concept_worker.bootstrap import build_generator, build_records
from concept_worker.cli.findings import Finding
from concept_worker.cli.redis_care import care_of
from concept_worker.errors import ConceptWorkerError
from concept_worker.redaction import mask_url
from concept_worker.settings import Settings, get_settings

_NOBODY = UUID(int=0)
_SECONDS = 3.0  # patience with each neighbour


def examine() -> list[Finding]:
    """Ask every neighbour that the settings name."""
    settings = get_settings()
    redis = list(_redis(settings))
    return [
        *_supabase(settings),
        *redis,
        *care_of(settings),
        _workers(settings, broker_is_well=redis[0].is_well),
        _provider(settings),
    ]


def _provider(settings: Settings) -> Finding:
    """Whether the generators of the settings can be built; nobody is asked, because an answer costs money."""
    try:
        build_generator(settings).close()
    except ValueError as exc:
        return Finding("provider", False, str(exc))
    return Finding("provider", True, ", ".join(settings.picture_providers))


def _supabase(settings: Settings) -> Iterator[Finding]:
    try:
        records = build_records(settings)
    except ValueError as exc:
        yield Finding("supabase", False, str(exc))
        return
    host = mask_url(settings.supabase_url)
    tasks, images = records.task_service, records.image_persistence_service
    yield _finding("supabase tables", host, lambda: tasks.get_tasks_by_user(_NOBODY, limit=1))
    yield _finding("supabase functions", host, lambda: tasks.claim_task_if_pending(_NOBODY, _NOBODY))
    for bucket, name in (
        (settings.storage_bucket_concept, "base.png"),
        (settings.storage_bucket_palette, "variation-01.png"),
    ):
        path = images.path(_NOBODY, _NOBODY, name)
        yield _finding(f"supabase bucket {bucket}", host, lambda path=path: images.sign([path], 60))  # type: ignore[misc]  # a default binds the loop's value
    records.close()


def _redis(settings: Settings) -> Iterator[Finding]:
    for what, url in (
        ("broker", settings.redis_url),
        ("results", settings.result_url or settings.redis_url),
        ("staging", settings.staging_url or settings.redis_url),
    ):
        redis = Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
        yield _finding(what, mask_url(url), redis.ping)
        redis.close()


def _workers(settings: Settings, *, broker_is_well: bool) -> Finding:
    from concept_worker.celery import app
    from concept_worker.tasks.consumers import consumers

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
    except (ConceptWorkerError, RedisError) as exc:
        return Finding(what, False, f"{where}: {exc}")
    return Finding(what, True, where)
