"""What can be put under the same faults: concept_worker, and plain Celery with two sets of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Short, so that a fault and its repair fit into a minute.
SETTINGS = {
    "CONCEPT_LEASE_SECONDS": "5",
    "CONCEPT_RECONCILE_SECONDS": "1.5",
    "CONCEPT_PENDING_SECONDS": "3",
    "CONCEPT_VISIBILITY_SECONDS": "12",
    "CONCEPT_RETRY_BASE_SECONDS": "0.2",
    "CONCEPT_RETRY_CAP_SECONDS": "2",
    "CONCEPT_RETRY_ATTEMPTS": "8",
    "CONCEPT_MAX_RUNS": "40",
    "CONCEPT_SOFT_SHUTDOWN_SECONDS": "2",
    "CONCEPT_SWEEP_SECONDS": "20",
    "CONCEPT_SWEEP_AFTER_SECONDS": "30",
    "CONCEPT_IMAGE_SIZE": "256",
    "CONCEPT_IMAGE_TIMEOUT_SECONDS": "3",
    "CONCEPT_PALETTE_TIMEOUT_SECONDS": "3",
    "CONCEPT_SUPABASE_TIMEOUT": "8",
    "CONCEPT_UPLOAD_THREADS": "3",
    "REMAP_SIGTERM": "SIGQUIT",
}
LEASE = float(SETTINGS["CONCEPT_LEASE_SECONDS"])

_POINTS = {
    "answered": 0.05,  # after the provider's answer, before anything is kept
    "staged": 0.04,  # image in staging, checkpoint not written
    "finished": 0.02,  # checkpoint written, result not stored
    "uncounted": 0.03,  # header's result stored, not counted for the chord
    "counted": 0.03,  # counted (and perhaps the body sent), message not acknowledged
    "receipt": 0.08,  # the link of a paid picture kept, and not followed
    "claimed": 0.04,  # row claimed, canvas not published
    "stored": 0.04,  # concept committed, step not finished
    "uploaded": 0.04,  # some objects of a row uploaded, others not
}


@dataclass(frozen=True)
class Flavour:
    """One system under test."""

    name: str
    app: str  # the module that workers are started with
    has_beat: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=lambda: _POINTS)


OURS = Flavour("concept_worker", "tests.chaos.app")
DEFAULTS = Flavour("Celery, defaults", "benchmarks.plain_celery.defaults", has_beat=False)
CAREFUL = Flavour("Celery, careful", "benchmarks.plain_celery.careful", has_beat=False)
FLAVOURS = {"ours": OURS, "defaults": DEFAULTS, "careful": CAREFUL}
