"""The shapes of the OpenAI-compatible wire."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

from concept_worker.models import PALETTE_ROLES
from concept_worker.services.http.forms import multipart
from concept_worker.services.providers.openai_images.wire import palette_format

IMAGE = b"\x89PNG\r\n\x1a\n--not-a-boundary\r\n\x00\xff"


def parts_of(content_type: str, body: bytes) -> dict[str, Any]:
    """The parts of a form, read by the standard library."""
    parsed: Any = message_from_bytes(f"content-type: {content_type}\r\n\r\n".encode() + body)
    return {part.get_param("name", header="content-disposition"): part for part in parsed.get_payload()}


def test_a_form_is_what_it_was_made_of() -> None:
    """Fields and image come out again, the image byte by byte."""
    parts = parts_of(*multipart({"prompt": "größer\nund blau", "n": "1"}, IMAGE))
    assert parts["prompt"].get_payload(decode=True).decode() == "größer\nund blau"
    assert parts["image"].get_payload(decode=True) == IMAGE
    assert parts["image"].get_content_type() == "image/png"
    assert parts["image"].get_filename() == "image.png"


def test_a_form_is_the_same_for_the_same_content() -> None:
    """The boundary is no accident, and differs with the content."""
    assert multipart({"a": "1"}, IMAGE) == multipart({"a": "1"}, IMAGE)
    assert multipart({"a": "1"}, IMAGE)[0] != multipart({"a": "2"}, IMAGE)[0]


def test_the_palette_schema_is_closed_for_strict_mode() -> None:
    """Every object names all its fields as required and allows no other."""
    schema = palette_format()["json_schema"]["schema"]
    palette = schema["properties"]["palettes"]["items"]

    def closed(part: dict[str, Any]) -> bool:
        return part["additionalProperties"] is False and part["required"] == list(part["properties"])

    assert all(map(closed, (schema, palette, palette["properties"]["colors"])))
    assert tuple(palette["properties"]["colors"]["properties"]) == PALETTE_ROLES
