"""The Celery app of workers and producers: our celeryconfig alone, nothing from the working directory or the host."""

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
    """Return the path of our `celeryconfig.py`: inside the package in a wheel, beside the package in the repository."""
    inside = _PACKAGE / "celeryconfig.py"
    return inside if inside.exists() else _PACKAGE.parent / "celeryconfig.py"


@lru_cache(maxsize=1)
def configuration() -> ModuleType:
    """Load our celeryconfig by its path: other applications have modules of that name, too."""
    spec = spec_from_file_location("concept_worker.celeryconfig", configuration_file())
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Without these settings, rows may never end and paid answers may be lost; docs/reliability.md explains each.
_PROMISED = (
    *("task_acks_late", "task_reject_on_worker_lost", "task_retry_on_worker_lost"),
    *("worker_deduplicate_successful_tasks", "worker_cancel_long_running_tasks_on_connection_loss"),
    *("task_serializer", "accept_content", "task_create_missing_queues", "result_backend_always_retry"),
    *("worker_consumer", "task_routes", "broker_transport_options"),
)


def require_promise(conf: Mapping[str, Any]) -> None:
    """Refuse an app that runs our tasks without the settings that the tasks need.

    Raises:
        ValueError: names the settings that differ from our celeryconfig.
    """
    ours = configuration()
    different = [name for name in _PROMISED if conf.get(name) != getattr(ours, name)]
    if different:
        raise ValueError(
            f"the Celery app is not configured by {configuration_file()}: {', '.join(different)}; "
            "start the worker with `celery -A concept_worker worker`, without these settings"
        )


class OwnLoader(AppLoader):
    """Celery's loader that never imports from the working directory."""

    def import_from_cwd(self, module: str, imp: Any = None, package: str | None = None) -> ModuleType:
        """Import from the ordinary import path."""
        return import_module(module, package)


class OwnSettings(CelerySettings):
    """Celery's settings that ignore CELERY_* variables: those belong to a host application, ours is REDIS_URL."""

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
    """A Celery app with our celeryconfig as its only configuration."""

    def __init__(self, name: str, **options: Any) -> None:
        # The loader is given because CELERY_LOADER could name another, and as text because Celery expects text.
        # Celery's fix-up for Django is off because it would add the working directory to the import path.
        super().__init__(name, loader="concept_worker.queue_app:OwnLoader", fixups=[], **options)

    def _load_config(self) -> Any:
        """Load our configuration. Celery calls this at the first access to a setting, so an import reads none."""
        self._config_source = configuration()
        conf = super()._load_config()  # type: ignore[misc]  # not in the stubs
        object.__setattr__(conf, "__class__", OwnSettings)  # an ordinary assignment would make a setting of that name
        return conf
