"""fal's queue, and every app behind it, as the provider."""

from concept_worker.services.providers.fal import wire
from concept_worker.services.providers.fal.generator import fal_generator
from concept_worker.services.providers.vendor import Vendor

FAL = Vendor(fal_generator, lambda _: wire.LINK_HOSTS)

__all__ = ["FAL", "fal_generator"]
