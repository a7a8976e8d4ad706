"""The shapes of fal's queue that we need, from its reference and its SDK (1.0.3)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from concept_worker.services.http.model_fields import Family

LINK_HOSTS = ("fal.media", "*.fal.media")
ERROR_TYPE = "x-fal-error-type"  # header of the answer to a job that failed
CANCELLED = "client_cancelled"

_NAMESPACES = ("workflows", "comfy")  # first part of a path, before owner and app

# Inputs by app, from their schemas of autumn 2026.
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
    """A part of an answer; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Submitted(Lenient):
    """An answer to an order. The addresses beside the id are not used."""

    request_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")


class Status(Lenient):
    """A job's state. `error` is set when the job failed."""

    status: str
    queue_position: int | None = None  # jobs before this one
    error: object = None


class Image(Lenient):
    """A picture."""

    url: str = ""


class Result(Lenient):
    """A result of an app."""

    images: tuple[Image, ...] = ()
    image: Image | None = None
    has_nsfw_concepts: tuple[bool, ...] = ()

    @property
    def link(self) -> str:
        """The address of the first picture; empty when there is none."""
        first = self.images[0] if self.images else self.image
        return first.url if first else ""


def job_path(app: str, request_id: str) -> str:
    """Return the path of a job: below owner and name of its app, without the rest of the app's path."""
    parts = app.split("/")
    root = parts[: 3 if parts[0] in _NAMESPACES else 2]
    return "/".join((*root, "requests", request_id))
