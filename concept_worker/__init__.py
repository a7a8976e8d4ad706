"""A Celery distributed task queue that turns a logo brief into a stored concept.

Public names are the ones listed here; the rest may move. They are loaded at first use, so that
`import concept_worker` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concept_worker.client import ConceptClient
    from concept_worker.errors import (
        ConceptWorkerError,
        EnqueueError,
        InvalidRequest,
        StoreUnavailable,
        TaskError,
        TaskNotFoundError,
        UnknownOutcome,
    )
    from concept_worker.models import ConceptRow, TaskRow, TaskStatus, TaskType, VariationRow
    from concept_worker.payloads import GenerationPayload
    from concept_worker.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "ConceptClient": "client",
    "ConceptWorkerError": "errors",
    "EnqueueError": "errors",
    "InvalidRequest": "errors",
    "StoreUnavailable": "errors",
    "TaskError": "errors",
    "TaskNotFoundError": "errors",
    "UnknownOutcome": "errors",
    "ConceptRow": "models",
    "GenerationPayload": "payloads",
    "TaskRow": "models",
    "TaskStatus": "models",
    "TaskType": "models",
    "VariationRow": "models",
    "Settings": "settings",
}

__all__ = [
    "ConceptClient",
    "ConceptRow",
    "ConceptWorkerError",
    "EnqueueError",
    "GenerationPayload",
    "InvalidRequest",
    "Settings",
    "StoreUnavailable",
    "TaskError",
    "TaskNotFoundError",
    "TaskRow",
    "TaskStatus",
    "TaskType",
    "UnknownOutcome",
    "VariationRow",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
