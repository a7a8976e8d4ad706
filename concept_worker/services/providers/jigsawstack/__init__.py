"""JigsawStack as the provider; only this room knows its wire."""

from concept_worker.services.providers.jigsawstack.generator import JigsawStackGenerator, jigsawstack_generator

__all__ = ["JigsawStackGenerator", "jigsawstack_generator"]
