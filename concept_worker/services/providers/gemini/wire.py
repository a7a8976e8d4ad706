"""The shapes of `generateContent` with pictures that we need, from Google's reference."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel, ConfigDict

# Reasons for a candidate without a picture: the description or the drawn picture is declined.
DECLINED = frozenset(
    {
        *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "NO_IMAGE"),
    }
)


class Lenient(BaseModel):
    """A part of an answer; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Blob(Lenient):
    """A block of bytes in base64."""

    data: str | None = None


class Part(Lenient):
    """A piece of an answer: text or a picture. Thinking models also send sketches, marked as `thought`."""

    inlineData: Blob | None = None  # noqa: N815 - the wire's own name
    thought: bool | None = None

    @property
    def picture(self) -> str:
        """The picture in base64, unless it is a sketch; empty when there is none."""
        return (self.inlineData.data or "") if self.inlineData and not self.thought else ""


class Content(Lenient):
    """A candidate's content."""

    parts: tuple[Part, ...] | None = None


class Candidate(Lenient):
    """An answer of the model."""

    content: Content | None = None
    finishReason: str | None = None  # noqa: N815 - the wire's own name


class PromptFeedback(Lenient):
    """A filter's verdict on the prompt."""

    blockReason: str | None = None  # noqa: N815 - the wire's own name


class ContentAnswer(Lenient):
    """An answer to `POST /models/{model}:generateContent`."""

    candidates: tuple[Candidate, ...] | None = None
    promptFeedback: PromptFeedback | None = None  # noqa: N815 - the wire's own name
    usageMetadata: Any = None  # noqa: N815 - the wire's own name

    @property
    def picture(self) -> str:
        """The first picture in base64; empty when there is none."""
        contents = [candidate.content for candidate in self.candidates or () if candidate.content]
        pictures = (part.picture for content in contents for part in content.parts or ())
        return next(filter(None, pictures), "")

    @property
    def is_declined(self) -> bool:
        """True when the prompt was blocked or the picture withheld."""
        blocked = self.promptFeedback is not None and bool(self.promptFeedback.blockReason)
        return blocked or any(candidate.finishReason in DECLINED for candidate in self.candidates or ())


def request_fields(prompt: str, original: bytes | None) -> dict[str, Any]:
    """Return the request for one square picture, or for a change of `original` (PNG bytes), without text beside it."""
    parts: list[dict[str, Any]] = [{"text": prompt}]
    if original is not None:
        parts.append({"inlineData": {"mimeType": "image/png", "data": base64.b64encode(original).decode()}})
    return {
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "1:1"}},
    }
