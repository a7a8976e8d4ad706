"""The shapes of OpenAI's Responses wire that we need, from its reference and its SDK (3.52)."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import Field

from concept_worker.services.providers.openai_images.wire import Lenient

RESPONSES = "/responses"

# Fields of a picture that tool and images wire share; the tool does not know others, such as `response_format`.
TOOL_FIELDS = ("quality", "background", "output_format")


class OutputItem(Lenient):
    """A call of the tool, with its picture as base64 in `result`; or a message, or a model's reasoning."""

    type: str = ""
    result: str | None = None
    error: Any = None
    content: Any = None  # of a message: its parts

    @property
    def is_refusal(self) -> bool:
        """True when the model declined in words."""
        parts = self.content if isinstance(self.content, list) else []
        return any(isinstance(part, dict) and part.get("refusal") for part in parts)


class IncompleteDetails(Lenient):
    """A reason why a response ended early."""

    reason: str | None = None


class BackgroundResponse(Lenient):
    """An answer to `POST /responses` or `GET /responses/{id}`."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,512}$")
    status: str
    output: tuple[OutputItem, ...] | None = ()
    error: Any = None
    incomplete_details: IncompleteDetails | None = None
    usage: Any = None  # of the text model and its tool together

    @property
    def picture(self) -> str:
        """The first picture, as a `data:` address; empty when there is none."""
        found = next(
            (item.result for item in self.output or () if item.type == "image_generation_call" and item.result), ""
        )
        return found if not found or found.startswith("data:") else f"data:;base64,{found}"

    @property
    def trouble(self) -> Any:
        """The response's own error, else that of its call of the tool; None without an error."""
        return self.error or next((item.error for item in self.output or () if item.error), None)

    @property
    def is_declined(self) -> bool:
        """True when a filter or the model declined without an error."""
        filtered = self.incomplete_details is not None and self.incomplete_details.reason == "content_filter"
        return filtered or any(item.is_refusal for item in self.output or ())


def message_with_image(text: str, image: bytes) -> list[dict[str, Any]]:
    """Return the `input` for a text and a PNG."""
    address = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    parts = [
        {"type": "input_text", "text": text},
        {"type": "input_image", "image_url": address, "detail": "auto"},
    ]
    return [{"role": "user", "content": parts}]
