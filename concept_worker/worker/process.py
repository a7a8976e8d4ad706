"""The services of one worker process, built once; a process that cannot build them exits with an error."""

from __future__ import annotations

from functools import lru_cache
from tempfile import gettempdir
from threading import RLock
from typing import Any
from uuid import UUID

from celery import Celery, current_app, signals

from concept_worker.bootstrap import build_services
from concept_worker.errors import ConceptWorkerError, SchemaMissing, StoreRefused, StoreUnavailable, TransientError
from concept_worker.logging import get_logger
from concept_worker.pipelines.backoff import Backoff
from concept_worker.pipelines.patience import patiently
from concept_worker.pipelines.services import Services
from concept_worker.queue_app import configuration_file, require_promise
from concept_worker.services.decoding.memory import limit_memory
from concept_worker.services.redis.check import check_redis, uses_of
from concept_worker.services.supabase.clock import clock_trouble
from concept_worker.settings import Settings, get_settings
from concept_worker.worker.handover import is_announced, leaving
from concept_worker.worker.presence import Presence

log = get_logger(__name__)

_NO_USER = UUID(int=0)


class _Process:
    """The services of this process, built by the first thread that needs them."""

    def __init__(self) -> None:
        self._lock = RLock()  # a signal may call `release_steps` while this thread holds the lock
        self._services: Services | None = None
        self._presence: Presence | None = None

    def services(self) -> Services:
        with self._lock:
            if self._services is None:
                self._services = build_services(get_settings())
            return self._services

    def show_presence(self, app: Celery) -> None:
        settings = get_settings()
        if settings.presence_seconds:
            built = self.services()
            self._presence = Presence(
                app,
                settings.redis_places[0],
                built.task_service,
                process=built.leases.process,
                seconds=settings.presence_seconds,
            )
            self._presence.start()

    def release_steps(self) -> None:
        with self._lock:
            if self._services is not None:
                self._services.leases.hand_back()

    def close(self) -> None:
        with self._lock:
            if self._presence is not None:
                self._presence.stop()
            self._presence = None
            if self._services is not None:
                self._services.close()
            self._services = None


_process = _Process()


def services() -> Services:
    """Return this process's services."""
    return _process.services()


@lru_cache(maxsize=1)
def backoff() -> Backoff:
    """Return this process's backoff between retries."""
    settings = get_settings()
    return Backoff(base=settings.retry_base_seconds, cap=settings.retry_cap_seconds)


@signals.celeryd_after_setup.connect
def check_before_start(instance: Any = None, conf: Any = None, **_: Any) -> None:
    """Check the settings before the worker takes a message: a wrong key must not make rows fail.

    The check waits for a database that starts at the same time, up to `Settings.start_wait_seconds`. Then the worker
    starts all the same: only a started worker answers to shutdown and inspection, and its steps wait for the database
    without using up attempts. The check closes its connections: a prefork child must not inherit an open socket.
    """
    try:
        settings = get_settings()
        _check_temporary_folder(getattr(instance, "pool_cls", None))
        if conf is not None:
            require_promise(conf)
            log.info("configuration", file=str(configuration_file()), prefix=settings.redis_prefix)
        _check_redis(settings)
        trial = build_services(settings)
    except (StoreRefused, ValueError) as exc:
        raise SystemExit(f"concept_worker cannot start: {exc}") from exc
    try:
        patiently(
            lambda: trial.task_service.get_tasks_by_user(_NO_USER, limit=1),
            seconds=settings.start_wait_seconds,
            event="waiting for supabase",
        )
    except SchemaMissing as exc:
        raise SystemExit(f"concept_worker cannot start: {exc}") from exc
    except TransientError as exc:
        log.warning("supabase is not available yet; steps will be retried", reason=str(exc))
    except ConceptWorkerError as exc:
        raise SystemExit(f"concept_worker cannot start: Supabase refused the first request: {exc}") from exc
    finally:
        trial.close()
    trouble = clock_trouble(settings)
    if trouble:
        log.warning("the clock is off", reason=trouble)


def _check_temporary_folder(pool: Any) -> None:
    """Refuse a prefork pool without a writable folder for temporary files: its shared memory needs one.

    Raises:
        ValueError: there is no such folder.
    """
    if not _is_prefork(pool):
        return
    try:
        gettempdir()
    except FileNotFoundError:
        raise ValueError(
            "a prefork worker needs a writable folder for temporary files: mount one at /tmp (a tmpfs will do), "
            "or name one in TMPDIR"
        ) from None


def _is_prefork(pool: Any) -> bool:
    return getattr(pool, "__module__", "").endswith("prefork")


def _check_redis(settings: Settings) -> None:
    """Refuse a Redis that can never work; only log one that does not answer, because Celery and the steps wait for it.

    Raises:
        StoreRefused: the Redis refuses us or lacks something; says what.
    """
    for place in settings.redis_places:
        try:
            check_redis(place, uses_of(settings, place))
        except StoreUnavailable as exc:
            log.warning("redis is not available yet", reason=str(exc), use=place.role)


@signals.beat_init.connect
def check_beat(**_: Any) -> None:
    """Check beat's broker before its first round, as a worker does."""
    settings = get_settings()
    broker = settings.redis_places[0]
    try:
        settings.require_namespace()
        check_redis(broker, ["beat"])
    except (StoreRefused, ValueError) as exc:
        raise SystemExit(f"beat cannot start: {exc}") from exc
    except StoreUnavailable as exc:
        log.warning("redis is not available yet", reason=str(exc), use=broker.role)


@signals.worker_process_init.connect
def build_in_child(**_: Any) -> None:
    """Build the services of a prefork child after the fork."""
    limit_memory(get_settings().child_memory_mb)
    _process.show_presence(current_app)
    services()


@signals.worker_ready.connect
def build_in_worker(sender: Any = None, **_: Any) -> None:
    """Build the services of a worker whose steps run in the main process; the parent of a prefork pool has none."""
    if not _is_prefork(getattr(sender.controller, "pool_cls", None)):
        _process.show_presence(current_app)


@leaving.connect
def release_steps(**_: Any) -> None:
    """Release the steps of this process, which ends now."""
    _process.release_steps()


@signals.worker_process_shutdown.connect
def close_child(**_: Any) -> None:
    """Release a child's step when the worker stops; the step of a child that hung waits until its lease expires."""
    if is_announced():
        release_steps()
    close()


@signals.worker_shutdown.connect
def close(**_: Any) -> None:
    """Close the connections of this process, if there are any."""
    _process.close()
