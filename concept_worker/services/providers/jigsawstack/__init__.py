"""JigsawStack as the provider; everything about its wire is known here and nowhere else."""

from concept_worker.services.providers.jigsawstack.generator import JigsawStackGenerator, jigsawstack_generator

__all__ = ["JigsawStackGenerator", "jigsawstack_generator"]
