"""The command line: `concept-worker demo | dev | generate | status | tasks | doctor`."""

from __future__ import annotations

from concept_worker.cli.program import main

__all__ = ["main"]
