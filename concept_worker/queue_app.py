"""The Celery app of workers and producers: our celeryconfig, and nothing of the folder or the host around it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from celery import Celery
from celery.app.utils import Settings as CelerySettings
from celery.loaders.app import AppLoader

_PACKAGE = Path(__file__).resolve().parent


def configuration_file() -> Path:
    """Our `celeryconfig.py`: inside the package in an installed wheel, beside it in the repository."""
    inside = _PACKAGE / "celeryconfig.py"
    return inside if inside.exists() else _PACKAGE.parent / "celeryconfig.py"


@lru_cache(maxsize=1)
def configuration() -> ModuleType:
    """Load our celeryconfig from its place; a module of that name elsewhere, which is everybody's name, is not ours."""
    spec = spec_from_file_location("concept_worker.celeryconfig", configuration_file())
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Settings that no row's end and no paid answer is safe without; docs/reliability.md says what each is worth.
_PROMISED = (
    *("task_acks_late", "task_reject_on_worker_lost", "task_retry_on_worker_lost"),
    *("worker_deduplicate_successful_tasks", "worker_cancel_long_running_tasks_on_connection_loss"),
    *("task_serializer", "accept_content", "task_create_missing_queues", "result_backend_always_retry"),
    *("worker_consumer", "task_routes", "broker_transport_options"),
)


def require_promise(conf: Mapping[str, Any]) -> None:
    """Make sure that an app which runs our tasks has the settings that they need.

    Raises:
        ValueError: names the settings that are others than those of our celeryconfig.
    """
    ours = configuration()
    others = [name for name in _PROMISED if conf.get(name) != getattr(ours, name)]
    if others:
        raise ValueError(
            f"the Celery app is not configured by {configuration_file()}: {', '.join(others)}; "
            "start the worker with `celery -A concept_worker worker`, without these settings"
        )


class OwnLoader(AppLoader):
    """Celery's loader, without its look into the working directory before each import."""

    def import_from_cwd(self, module: str, imp: Any = None, package: str | None = None) -> ModuleType:
        """Import from the ordinary path."""
        return import_module(module, package)


class OwnSettings(CelerySettings):
    """Celery's settings, without the CELERY_* variables: those are of a host application, REDIS_URL is ours."""

    @property
    def broker_url(self) -> Any:
        """The broker of our configuration."""
        return self.first("broker_url")

    @property
    def broker_read_url(self) -> Any:
        """The same broker."""
        return self.broker_url

    @property
    def broker_write_url(self) -> Any:
        """The same broker."""
        return self.broker_url

    @property
    def result_backend(self) -> Any:
        """The result backend of our configuration."""
        return self.first("result_backend")


class QueueApp(Celery):
    """A Celery app that is configured by our celeryconfig alone."""

    def __init__(self, name: str, **options: Any) -> None:
        # Named, because CELERY_LOADER would name another; as text, because Celery reads it. Celery's fix-up for Django
        # would put the working directory on the import path.
        super().__init__(name, loader="concept_worker.queue_app:OwnLoader", fixups=[], **options)

    def _load_config(self) -> Any:
        """Celery calls this at the first look at a setting, so that importing the app reads none."""
        self._config_source = configuration()
        conf = super()._load_config()  # type: ignore[misc]  # not in the stubs
        object.__setattr__(conf, "__class__", OwnSettings)  # an ordinary assignment makes a setting of that name
        return conf
