"""The Celery app, in the place where `celery -A concept_worker …` searches. Only workers import the tasks."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import signals

from concept_worker.import_path import leave_working_directory
from concept_worker.queue_app import QueueApp


def _try_settings() -> None:
    """End the command with one sentence when the settings are wrong; Celery would print a traceback later."""
    from concept_worker.errors import ConceptWorkerError
    from concept_worker.settings import Settings

    try:
        Settings()
    except (ConceptWorkerError, ValueError) as exc:
        raise SystemExit(f"concept_worker cannot start: {exc}") from None


if "celery.bin.celery" in sys.modules:  # this process is Celery's command line, not a host that imports us
    leave_working_directory()
    _try_settings()

# Recoloring uses one thread; OpenBLAS would keep a second core busy for nothing. Must be set before numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = QueueApp(
    "concept_worker",
    include=[
        "concept_worker.upstream_fixes.beat_guard",
        "concept_worker.tasks.dispatch",
        "concept_worker.tasks.housekeeping",
        "concept_worker.worker.revocation",
        "concept_worker.tasks.start",
        "concept_worker.tasks.steps",
    ],
)

if "flower.command" in sys.modules:
    from concept_worker import flower_guard

    flower_guard.install()


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    # Imported late: while Celery's command line searches the app, the working directory is on the import path.
    from concept_worker.logging import configure_logging
    from concept_worker.settings import get_settings

    settings = get_settings()
    configure_logging(settings.log_level, settings.log_format)
