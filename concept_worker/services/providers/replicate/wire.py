"""The shapes of Replicate's wire that we need, from its reference and its SDK (1.0.7)."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from concept_worker.services.http.model_fields import Family

FILES = "/v1/files"
LINK_HOSTS = ("replicate.delivery", "*.replicate.delivery")

_JOB = r"^[A-Za-z0-9_-]{1,100}$"
_PERCENT = re.compile(r"^\s*(\d{1,3})%\s*\|")  # a progress bar of tqdm

# Inputs by model, from their schemas of autumn 2026.
FAMILIES = (
    Family(r"recraft-ai/recraft-v.*", draws={"aspect_ratio": "1:1"}),
    Family(
        r"black-forest-labs/flux-kontext-.*",
        draws={"aspect_ratio": "1:1", "output_format": "png"},
        edits={"aspect_ratio": "match_input_image", "output_format": "png"},
        original="input_image",
        has_seed=True,
    ),
    Family(
        r"black-forest-labs/flux-2-.*",
        draws={"aspect_ratio": "1:1", "output_format": "png"},
        edits={"aspect_ratio": "match_input_image", "output_format": "png"},
        original="input_images",
        is_list=True,
        has_seed=True,
    ),
)


class Prediction(BaseModel):
    """A job; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern=_JOB)
    status: str
    output: object = None
    error: object = None
    logs: object = None
    metrics: object = None  # seconds
    data_removed: bool = False  # true an hour after the job's end; the output is deleted too

    @property
    def link(self) -> str:
        """The address of the first picture; empty when there is none."""
        first = self.output[0] if isinstance(self.output, list) and self.output else self.output
        return first if isinstance(first, str) else ""

    @property
    def percent(self) -> int | None:
        """The progress in percent, where the model's log has a progress bar."""
        lines = self.logs[-10_000:].splitlines() if isinstance(self.logs, str) else []
        return next((int(found[1]) for line in reversed(lines) if (found := _PERCENT.match(line))), None)


class UploadUrls(BaseModel):
    """A set of addresses of an uploaded file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    get: str


class Upload(BaseModel):
    """An uploaded file; models of the same account may read it for a day."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    urls: UploadUrls
