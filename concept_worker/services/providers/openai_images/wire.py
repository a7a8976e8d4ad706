"""The shapes of the OpenAI-compatible wire: what its reference and its SDK (3.52) describe, and no more than is needed.

No field is sent that a GPT image model or a self-hosted server of the same wire might refuse: `response_format` and
`seed` are such. Fields go out in the order written here, so that the same arguments always make the same bytes.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from concept_worker.models import PALETTE_ROLES

IMAGES = "/images/generations"
EDITS = "/images/edits"
CHAT = "/chat/completions"

IDEMPOTENCY_KEY = "idempotency-key"


class Lenient(BaseModel):
    """Part of an answer: other fields may come along."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ImageItem(Lenient):
    """One picture, as base64 or behind a link; or none, where moderation kept it back (xAI, Ideogram)."""

    b64_json: str | None = None
    url: str | None = None
    respect_moderation: bool | None = None
    is_image_safe: bool | None = None

    @property
    def is_declined(self) -> bool:
        """Whether the server says that it will not hand this picture out."""
        return self.respect_moderation is False or self.is_image_safe is False


class ImagesAnswer(Lenient):
    """`POST /images/generations` and `/images/edits`."""

    data: tuple[ImageItem, ...] = ()
    usage: Any = None
    cost_usd: Any = None  # xAI


class Message(Lenient):
    """What the model said: the text asked for, or why it will not say it."""

    content: Any = None  # text, or a list of parts
    refusal: str | None = None

    @property
    def text(self) -> str:
        """All text of the message: servers of thinking models send it in parts."""
        if isinstance(self.content, list):
            parts = [part.get("text") for part in self.content if isinstance(part, dict)]
            return "".join(part for part in parts if isinstance(part, str))
        return self.content if isinstance(self.content, str) else ""


class Choice(Lenient):
    """One answer of the model; `finish_reason` is `stop` when it came to its own end."""

    message: Message
    finish_reason: str | None = None


class ChatAnswer(Lenient):
    """`POST /chat/completions`."""

    choices: tuple[Choice, ...] = ()
    usage: Any = None


def palette_format() -> dict[str, Any]:
    """`response_format` that asks for a list of named palettes with one colour for each role."""
    colors = _closed({role: {"type": "string", "description": "#RRGGBB"} for role in PALETTE_ROLES})
    palette = _closed({"name": {"type": "string"}, "description": {"type": "string"}, "colors": colors})
    schema = _closed({"palettes": {"type": "array", "items": palette}})
    return {"type": "json_schema", "json_schema": {"name": "palettes", "strict": True, "schema": schema}}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """An object of exactly these fields: strict mode wants every one required and no other allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
