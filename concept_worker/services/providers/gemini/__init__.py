"""Google's Gemini image models as the provider."""

from concept_worker.services.providers.gemini.generator import GeminiGenerator, gemini_generator
from concept_worker.services.providers.vendor import Vendor

GEMINI = Vendor(gemini_generator)

__all__ = ["GEMINI", "GeminiGenerator", "gemini_generator"]
