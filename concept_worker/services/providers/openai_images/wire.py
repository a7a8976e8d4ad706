"""The shapes of the OpenAI-compatible wire that we need, from its reference and its SDK (3.52).

Fields that a GPT image model or a self-hosted server might refuse are not sent, such as `response_format` and `seed`.
Fields are sent in the order written here, so the same arguments always give the same bytes.
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
    """A part of an answer; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ImageItem(Lenient):
    """A picture, as base64 or behind a link, or none where moderation withheld it (xAI, Ideogram)."""

    b64_json: str | None = None
    url: str | None = None
    respect_moderation: bool | None = None
    is_image_safe: bool | None = None

    @property
    def is_declined(self) -> bool:
        """True when the server refuses to deliver this picture."""
        return self.respect_moderation is False or self.is_image_safe is False


class ImagesAnswer(Lenient):
    """An answer to `POST /images/generations` or `/images/edits`."""

    data: tuple[ImageItem, ...] = ()
    usage: Any = None
    cost_usd: Any = None  # xAI


class Message(Lenient):
    """A model's message: the text we asked for, or a refusal."""

    content: Any = None  # text, or a list of parts
    refusal: str | None = None

    @property
    def text(self) -> str:
        """All text of the message; servers of thinking models send it in parts."""
        if isinstance(self.content, list):
            parts = [part.get("text") for part in self.content if isinstance(part, dict)]
            return "".join(part for part in parts if isinstance(part, str))
        return self.content if isinstance(self.content, str) else ""


class Choice(Lenient):
    """An answer of the model; `finish_reason` is `stop` when the model finished by itself."""

    message: Message
    finish_reason: str | None = None


class ChatAnswer(Lenient):
    """An answer to `POST /chat/completions`."""

    choices: tuple[Choice, ...] = ()
    usage: Any = None


def palette_format() -> dict[str, Any]:
    """Return the `response_format` for a list of named palettes with one colour per role."""
    colors = _closed({role: {"type": "string", "description": "#RRGGBB"} for role in PALETTE_ROLES})
    palette = _closed({"name": {"type": "string"}, "description": {"type": "string"}, "colors": colors})
    schema = _closed({"palettes": {"type": "array", "items": palette}})
    return {"type": "json_schema", "json_schema": {"name": "palettes", "strict": True, "schema": schema}}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these fields: strict mode requires all and allows no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
