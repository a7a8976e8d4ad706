"""The errors of the embedded stack."""

from __future__ import annotations

from concept_worker.errors import ConceptWorkerError


class StackError(ConceptWorkerError):
    """An error of the embedded stack, which cannot start or run here; the message says why and what helps."""
