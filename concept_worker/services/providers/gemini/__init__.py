"""Google's Gemini image models as the provider."""

from concept_worker.services.providers.gemini.generator import GeminiGenerator, gemini_generator

__all__ = ["GeminiGenerator", "gemini_generator"]
