"""The inputs of producers: briefs, wishes, and the payloads of the task types; unknown fields are refused."""

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
TEXT_MAX = 500  # characters of a description; the original worker's API allows as many


def _printable(text: str) -> str:
    """Refuse control characters except line breaks and tabs: PostgreSQL stores no NUL, and a prompt needs none."""
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
    """An aspect of the original that a refinement must keep."""

    COLORS = "colors"
    LAYOUT = "layout"
    STYLE = "style"
    SHAPES = "shapes"


class Brief(FromPeople):
    """A description of the picture: words for the logo, and words for the theme of its colours."""

    logo_description: Words = ""
    theme_description: Words = ""


class Wish(Brief):
    """A change of a picture: what to change, and what to keep; the brief describes the picture as it is."""

    refinement_prompt: Text
    preserve_aspects: Annotated[tuple[Aspect, ...], Field(max_length=len(Aspect))] = ()


class GenerationPayload(Brief):
    """The input of a run that makes a new concept."""

    logo_description: Text
    theme_description: Text
    num_palettes: Annotated[int, Field(ge=1, le=PALETTES_MAX)] = PALETTES_DEFAULT
    is_anonymous: bool = True


class RefinementPayload(Wish):
    """The input of a run that changes an existing image, named by exactly one of three fields."""

    original_concept_id: UUID | None = None  # a concept of the user; its base image is changed
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
    """Return the identifier as a UUID.

    Raises:
        InvalidRequest: the value is no UUID; names the field.
    """
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        raise InvalidRequest(f"Invalid request: {field}: must be a UUID") from None
