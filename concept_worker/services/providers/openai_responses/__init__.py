"""OpenAI's Responses in background mode as the provider: any worker can collect an ordered picture."""

from concept_worker.services.providers.openai_responses.generator import (
    OpenAIResponsesGenerator,
    openai_responses_generator,
)
from concept_worker.services.providers.vendor import Vendor

OPENAI_RESPONSES = Vendor(openai_responses_generator)

__all__ = ["OPENAI_RESPONSES", "OpenAIResponsesGenerator", "openai_responses_generator"]
