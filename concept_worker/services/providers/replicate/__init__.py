"""Replicate, and every official model there, as the provider."""

from concept_worker.services.providers.replicate import wire
from concept_worker.services.providers.replicate.generator import replicate_generator
from concept_worker.services.providers.vendor import Vendor

REPLICATE = Vendor(replicate_generator, lambda _: wire.LINK_HOSTS)

__all__ = ["REPLICATE", "replicate_generator"]
