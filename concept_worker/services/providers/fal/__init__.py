"""fal's queue, and every app behind it, as the provider."""

from concept_worker.services.providers.fal.generator import fal_generator

__all__ = ["fal_generator"]
