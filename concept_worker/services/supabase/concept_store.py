"""Concept rows over PostgREST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from supabase import Client

from concept_worker.models import ConceptRow, ExpiredConcepts, RunReference
from concept_worker.services.supabase.client import translated
from concept_worker.validation import reading


class SupabaseConceptStore:
    def __init__(self, client: Client) -> None:
        self._client = client

    def store(
        self, run: RunReference, concept: Mapping[str, Any], variations: Sequence[Mapping[str, Any]]
    ) -> UUID | None:
        arguments = {
            "p_task_id": str(run.task_id),
            "p_run": run.number,
            "p_concept": dict(concept),
            "p_variations": [dict(variation) for variation in variations],
        }
        with translated():
            concept_id: Any = self._client.rpc("store_concept", arguments).execute().data
        return None if concept_id is None else UUID(concept_id)

    def get(self, concept_id: UUID, user_id: UUID) -> ConceptRow | None:
        concepts = self._client.table("concepts").select("*").eq("id", str(concept_id)).eq("user_id", str(user_id))
        variations = self._client.table("color_variations").select("*").eq("concept_id", str(concept_id))
        with translated():
            found: Any = concepts.limit(1).execute().data
            if not found:
                return None
            rows = variations.order("position").execute().data
        with reading("the concept"):
            return ConceptRow.model_validate({**found[0], "variations": rows})

    def has_image(self, path: str) -> bool:
        query = self._client.table("concepts").select("id").eq("image_path", path)
        with translated():
            return bool(query.limit(1).execute().data)

    def expire(self, older_seconds: float, limit: int, *, dry_run: bool) -> ExpiredConcepts:
        arguments = {"p_older_seconds": older_seconds, "p_limit": limit, "p_dry_run": dry_run}
        with translated():
            return ExpiredConcepts.model_validate(self._client.rpc("expire_concepts", arguments).execute().data)
