"""OpenAI, and any server that speaks the same images and chat wire, as the provider."""

from concept_worker.services.providers.openai_images.generator import OpenAIGenerator, openai_generator
from concept_worker.services.providers.openai_images.profile import known_profile
from concept_worker.services.providers.vendor import Vendor

OPENAI = Vendor(openai_generator, lambda settings: known_profile(settings.openai_base_url).link_hosts)

__all__ = ["OPENAI", "OpenAIGenerator", "openai_generator"]
