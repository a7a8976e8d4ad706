"""Changing a picture that exists, by what a prompt's words ask for."""

from concept_worker.offline.refinement.refine import refine

__all__ = ["refine"]
