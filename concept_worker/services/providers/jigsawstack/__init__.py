"""JigsawStack as the provider; only this room knows its wire."""

from concept_worker.services.providers.jigsawstack import wire
from concept_worker.services.providers.jigsawstack.generator import JigsawStackGenerator, jigsawstack_generator
from concept_worker.services.providers.vendor import Vendor

JIGSAWSTACK = Vendor(jigsawstack_generator, lambda _: wire.LINK_HOSTS)

__all__ = ["JIGSAWSTACK", "JigsawStackGenerator", "jigsawstack_generator"]
