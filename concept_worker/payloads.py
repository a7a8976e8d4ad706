"""What people ask for: briefs, wishes, and the payloads of the task types; unknown fields are refused."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from concept_worker.errors import InvalidRequest
from concept_worker.validation import FromPeople

PALETTES_DEFAULT = 7
PALETTES_MAX = 20
TEXT_MAX = 500  # characters of a description, as the original's API allows


def _printable(text: str) -> str:
    """PostgreSQL stores no NUL, and control characters have no place in a prompt; line breaks and tabs have."""
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\r\t" for c in text):
        raise ValueError("must not contain control characters")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_MAX),
    AfterValidator(_printable),
]
Words = Annotated[str, StringConstraints(max_length=TEXT_MAX), AfterValidator(_printable)]


class Aspect(StrEnum):
    """What of an original a refinement has to keep."""

    COLORS = "colors"
    LAYOUT = "layout"
    STYLE = "style"
    SHAPES = "shapes"


class Brief(FromPeople):
    """What to draw: words for the logo, and for the theme that its colours follow."""

    logo_description: Words = ""
    theme_description: Words = ""


class Wish(Brief):
    """What to change of a picture, and what of it to keep; the brief says what the picture shows."""

    refinement_prompt: Text
    preserve_aspects: Annotated[tuple[Aspect, ...], Field(max_length=len(Aspect))] = ()


class GenerationPayload(Brief):
    """What a producer asks for when it wants a new concept."""

    logo_description: Text
    theme_description: Text
    num_palettes: Annotated[int, Field(ge=1, le=PALETTES_MAX)] = PALETTES_DEFAULT
    is_anonymous: bool = True


class RefinementPayload(Wish):
    """What a producer asks for when it wants an existing image changed; the image is named in exactly one way."""

    original_concept_id: UUID | None = None  # a concept of the user, of which the base image is meant
    original_image_path: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    original_image_url: Annotated[str, StringConstraints(min_length=8, max_length=2000)] | None = None
    num_palettes: Annotated[int, Field(ge=0, le=PALETTES_MAX)] = 0
    is_anonymous: bool = True

    @model_validator(mode="after")
    def _one_original(self) -> Self:
        given = [
            name for name in ("original_concept_id", "original_image_path", "original_image_url") if getattr(self, name)
        ]
        if len(given) != 1:
            raise PydanticCustomError(
                "one_original",
                "original_concept_id, original_image_path or original_image_url: give exactly one of them",
            )
        return self


Payload = GenerationPayload | RefinementPayload

Identifier = UUID | str


def to_uuid(field: str, value: Identifier) -> UUID:
    """The identifier as a UUID.

    Raises:
        InvalidRequest: it is none; names the field.
    """
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        raise InvalidRequest(f"Invalid request: {field}: must be a UUID") from None
