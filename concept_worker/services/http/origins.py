"""The origin of a picture, read from a provider's answer: only sane numbers and short ids are accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from concept_worker.models import Origin
from concept_worker.redaction import counts_of
from concept_worker.services.http.channel import Reply

COUNTS = (
    *("input_tokens", "output_tokens", "total_tokens", "inference_time_tokens"),  # OpenAI, JigsawStack
    *("promptTokenCount", "candidatesTokenCount", "totalTokenCount"),  # Gemini
    *("predict_time", "total_time", "image_count"),  # Replicate
)


def origin_of(
    provider: str, model: str, *, reply: Reply | None = None, usage: object = None, cost: object = None
) -> Origin:
    """Return the origin of a picture. `usage` and `cost` are the provider's, of any shape.

    The cost may also be inside the usage, as for OpenRouter (`cost`), or beside the usage, as for xAI (`cost_usd`).
    """
    request_id = reply.short_id(reply.headers.get("x-request-id")) if reply else None
    return Origin(
        provider=provider,
        model=model,
        request_id=request_id or "",
        usage=counts_of(usage, COUNTS),
        cost=next(iter(_costs(cost, usage)), None),
    )


def _costs(cost: object, usage: object) -> Iterable[float]:
    within = usage if isinstance(usage, Mapping) else {}
    found = {"cost": cost, "of_usage": within.get("cost"), "of_usage_usd": within.get("cost_usd")}
    return counts_of(found, found).values()
