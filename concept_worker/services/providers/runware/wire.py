"""The shapes of Runware's wire, from its documentation and its SDKs (runware-sdk 1.8, runware 0.5) of November 2026.

Every request is a list of tasks, sent to one address. Every answer has a list `data`, a list `errors`, or both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

GET_RESPONSE = "getResponse"
GET_DETAILS = "getTaskDetails"

CONFLICT = "conflictTaskUUID"  # a task of this id exists already
HOSTS = ("*.runware.ai",)  # hosts of the pictures

_UNKNOWN = ("notfound", "expired", "taskcancelled")

Fields = Mapping[str, object]


class Lenient(BaseModel):
    """A part of an answer; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Item(Lenient):
    """An answer about one task: accepted, drawing, its picture, or the reason for no picture."""

    job: str | None = Field(None, alias="taskUUID")
    status: str | None = None  # "processing", "success" or "error"; none in an acknowledgement
    progress: Any = None  # percent
    url: str | None = Field(None, alias="imageURL")
    encoded: str | None = Field(None, alias="imageBase64Data")
    is_unsafe: bool | None = Field(None, alias="NSFWContent")
    cost: Any = None
    error: dict[str, Any] | None = None
    response: Any = None  # of `getTaskDetails`: the whole answer to the task

    @property
    def link(self) -> str:
        """The address of the picture, or the picture as a `data:` address; empty when there is none."""
        return self.url or (f"data:;base64,{self.encoded}" if self.encoded else "")

    @property
    def is_done(self) -> bool:
        """True when the job ended well."""
        return self.status == "success" or bool(self.link)

    @property
    def is_failed(self) -> bool:
        """True when the job ended without a picture."""
        return self.status == "error" or self.error is not None

    @property
    def is_unknown(self) -> bool:
        """True when the provider says that it has no such task."""
        return str((self.error or {}).get("code", "")).lower().endswith(_UNKNOWN)

    @property
    def percent(self) -> int | None:
        """The percentage that is drawn, where the provider states it."""
        known = isinstance(self.progress, int | float) and 0 < self.progress < 100
        return int(self.progress) if known else None


class Answer(Lenient):
    """An answer to any request."""

    data: tuple[Item, ...] | None = None
    errors: tuple[dict[str, Any], ...] | None = None

    def item_of(self, job: str) -> Item | None:
        """Return the answer about this task, errors first, or None."""
        for error in self.errors or ():
            if error.get("taskUUID") == job:
                return Item(taskUUID=job, status="error", error=error)
        return next((item for item in self.data or () if item.job == job), None)

    @property
    def is_conflict(self) -> bool:
        """True when the id of the task is taken."""
        return any(error.get("code") == CONFLICT for error in self.errors or ())


def parsed(body: object) -> Answer | None:
    """Return the parsed answer, or None when it has another shape."""
    try:
        return Answer.model_validate(body)
    except ValidationError:
        return None


def picture_task(model: str, side: int, seed: int, fields: Fields) -> dict[str, object]:
    """Return a task, without an id yet, that draws one square picture; `side` in pixels."""
    return {
        "taskType": "imageInference",
        "model": model,
        **fields,
        "width": side,
        "height": side,
        "seed": seed,
        "numberResults": 1,
        "outputType": "URL",
        "outputFormat": "PNG",
        "deliveryMethod": "async",
        "includeCost": True,
    }


def job_id(task: Fields, number: int) -> str:
    """Return the id of the task's order with this number, the same for the same task.

    It has the form of a UUID of version 4, which the vendor requires.
    """
    digest = hashlib.sha256(encoded({**task, "order": number})).digest()
    return str(UUID(bytes=digest[:16], version=4))


def encoded(value: object) -> bytes:
    """Encode as compact JSON; the same value gives the same bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
