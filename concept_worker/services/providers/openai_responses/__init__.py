"""OpenAI's Responses in background mode as the provider: what is ordered there can be collected by any worker."""

from concept_worker.services.providers.openai_responses.generator import (
    OpenAIResponsesGenerator,
    openai_responses_generator,
)

__all__ = ["OpenAIResponsesGenerator", "openai_responses_generator"]
