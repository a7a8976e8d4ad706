"""Replicate, and every official model there, as the provider."""

from concept_worker.services.providers.replicate.generator import replicate_generator

__all__ = ["replicate_generator"]
