"""The embedded stack's own trouble."""

from __future__ import annotations

from concept_worker.errors import ConceptWorkerError


class StackError(ConceptWorkerError):
    """The embedded stack cannot start or run here; the sentence says why and what helps."""
