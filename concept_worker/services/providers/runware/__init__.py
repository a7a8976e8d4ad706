"""Runware as the provider: we choose the ids of its jobs, so even an order whose answer is lost can be found."""

from concept_worker.services.providers.runware import wire
from concept_worker.services.providers.runware.generator import runware_generator
from concept_worker.services.providers.vendor import Vendor

RUNWARE = Vendor(runware_generator, lambda _: wire.HOSTS)

__all__ = ["RUNWARE", "runware_generator"]
