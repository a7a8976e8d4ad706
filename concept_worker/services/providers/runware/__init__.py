"""Runware as the provider: we choose the ids of its jobs, so even an order whose answer is lost can be found."""

from concept_worker.services.providers.runware.generator import runware_generator

__all__ = ["runware_generator"]
