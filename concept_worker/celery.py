"""The Celery app, where `celery -A concept_worker …` looks for it. Tasks are imported by workers only."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

from concept_worker.logging import configure_logging
from concept_worker.settings import get_settings

# Recoloring is one thread's work; a second core that spins for OpenBLAS does nothing. Must be set before numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = Celery(
    "concept_worker",
    include=[
        "concept_worker.tasks.dispatch",
        "concept_worker.tasks.generation",
        "concept_worker.tasks.housekeeping",
        "concept_worker.tasks.refinement",
        "concept_worker.tasks.revocation",
        "concept_worker.tasks.steps",
    ],
)
app.config_from_object("celeryconfig")


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    settings = get_settings()
    configure_logging(settings.log_level, settings.log_format)
