"""Runware as the provider: pictures as jobs whose ids are ours, so that even a lost order is found again."""

from concept_worker.services.providers.runware.generator import runware_generator

__all__ = ["runware_generator"]
