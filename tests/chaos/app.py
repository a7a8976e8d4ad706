"""concept_worker's Celery app, as the chaos suite runs it: the product, watched, and killed at exact points."""

from __future__ import annotations

from typing import Any

from celery import signals

from concept_worker.celery import app
from tests.chaos import points

__all__ = ["app"]

points.watch_calls()
points.watch_steps()
points.watch_chords()


@signals.worker_process_init.connect
def _child(**_: Any) -> None:
    points.end_with_driver()


@signals.worker_ready.connect
def _ready(sender: Any = None, **_: Any) -> None:
    points.journal().note("ready", name=str(sender.hostname).partition("@")[0])
