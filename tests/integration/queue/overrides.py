"""Our queue settings with some of them changed, for the workers' app and for the producers of these tests alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.app.defaults import DEFAULTS

from concept_worker.queue_app import configuration

CHANGES = "QUEUE_TEST_CHANGES"  # JSON: setting -> value, null: ours is taken out
REPORTS = "QUEUE_TEST_REPORTS"  # the Redis database that tasks report to

Changes = Mapping[str, Any]


def changed(app: Celery, changes: Changes) -> Celery:
    """The app with `celeryconfig` and these changes to it.

    None takes ours out, so that Celery's own default holds; of a dictionary only the keys named are changed.
    """
    app.config_from_object(configuration())
    for setting, value in changes.items():
        app.conf[setting] = _in_place_of(app.conf[setting], value, DEFAULTS[setting])
    return app


def _in_place_of(ours: Any, value: Any, default: Any) -> Any:
    if value is None:
        return default
    if isinstance(value, dict):
        return {name: kept for name, kept in {**ours, **value}.items() if kept is not None}
    return value
