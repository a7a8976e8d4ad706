"""The shapes of fal's queue: what its reference and its SDK (1.0.3) describe, and no more than is needed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from concept_worker.services.http.model_fields import Family

LINK_HOSTS = ("fal.media", "*.fal.media")
ERROR_TYPE = "x-fal-error-type"  # header of a job's own failure
CANCELLED = "client_cancelled"

_NAMESPACES = ("workflows", "comfy")  # before owner and app

# Inputs by app, as their schemas of autumn 2026 name them.
FAMILIES = (
    Family(r"fal-ai/recraft/.*", draws={"image_size": "square_hd"}, original="image_url"),
    Family(
        r"fal-ai/flux-pro/kontext.*",
        draws={"aspect_ratio": "1:1", "output_format": "png"},
        edits={"output_format": "png"},
        original="image_url",
        has_seed=True,
    ),
    Family(
        r"fal-ai/flux-2.*",
        draws={"image_size": "square_hd", "output_format": "png"},
        edits={"output_format": "png"},
        original="image_urls",
        is_list=True,
        has_seed=True,
    ),
    Family(r".*", original="image_url"),
)


class Lenient(BaseModel):
    """Part of an answer: other fields may come along."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Submitted(Lenient):
    """The answer to an order; the addresses beside the id are not used."""

    request_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")


class Status(Lenient):
    """How far a job is. `error` is set when it ended badly."""

    status: str
    queue_position: int | None = None  # jobs before this one
    error: object = None


class Image(Lenient):
    """One picture."""

    url: str = ""


class Result(Lenient):
    """What an app made."""

    images: tuple[Image, ...] = ()
    image: Image | None = None
    has_nsfw_concepts: tuple[bool, ...] = ()

    @property
    def link(self) -> str:
        """The address of its first picture; empty when there is none."""
        first = self.images[0] if self.images else self.image
        return first.url if first else ""


def job_path(app: str, request_id: str) -> str:
    """Where a job lies: below owner and name of its app, without the rest of the app's path."""
    parts = app.split("/")
    root = parts[: 3 if parts[0] in _NAMESPACES else 2]
    return "/".join((*root, "requests", request_id))
