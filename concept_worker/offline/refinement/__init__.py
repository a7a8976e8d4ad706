"""Refinement: an existing picture is changed as the words of a prompt ask."""

from concept_worker.offline.refinement.refine import refine

__all__ = ["refine"]
