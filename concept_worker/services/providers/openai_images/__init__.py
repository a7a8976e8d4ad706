"""OpenAI, and any server that speaks the same images and chat wire, as the provider."""

from concept_worker.services.providers.openai_images.generator import OpenAIGenerator, openai_generator

__all__ = ["OpenAIGenerator", "openai_generator"]
