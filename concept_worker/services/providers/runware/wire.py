"""The shapes of Runware's wire: its documentation and its SDKs (runware-sdk 1.8, runware 0.5) of November 2026.

Every request is a list of tasks sent to one address; every answer has a list `data`, a list `errors`, or both.
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

CONFLICT = "conflictTaskUUID"  # a task of this id is there already
HOSTS = ("*.runware.ai",)  # where pictures lie

_UNKNOWN = ("notfound", "expired", "taskcancelled")

Fields = Mapping[str, object]


class Lenient(BaseModel):
    """Part of an answer: other fields may come along."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Item(Lenient):
    """What an answer says of one task: it is accepted or drawing, its picture, or why there is none."""

    job: str | None = Field(None, alias="taskUUID")
    status: str | None = None  # "processing", "success" or "error"; none in an acknowledgement
    progress: Any = None  # percent
    url: str | None = Field(None, alias="imageURL")
    encoded: str | None = Field(None, alias="imageBase64Data")
    is_unsafe: bool | None = Field(None, alias="NSFWContent")
    cost: Any = None
    error: dict[str, Any] | None = None
    response: Any = None  # of `getTaskDetails`: the whole answer that the task got

    @property
    def link(self) -> str:
        """The address of its picture, or the picture as a `data:` address; empty when there is none."""
        return self.url or (f"data:;base64,{self.encoded}" if self.encoded else "")

    @property
    def is_done(self) -> bool:
        """Whether the job has ended well."""
        return self.status == "success" or bool(self.link)

    @property
    def is_failed(self) -> bool:
        """Whether the job has ended without a picture."""
        return self.status == "error" or self.error is not None

    @property
    def is_unknown(self) -> bool:
        """Whether the provider says that it has no such task."""
        return str((self.error or {}).get("code", "")).lower().endswith(_UNKNOWN)

    @property
    def percent(self) -> int | None:
        """How much of the picture is drawn, where the provider says so."""
        known = isinstance(self.progress, int | float) and 0 < self.progress < 100
        return int(self.progress) if known else None


class Answer(Lenient):
    """An answer to any request."""

    data: tuple[Item, ...] | None = None
    errors: tuple[dict[str, Any], ...] | None = None

    def item_of(self, job: str) -> Item | None:
        """What it says of this task, errors first; None when it says nothing of it."""
        for error in self.errors or ():
            if error.get("taskUUID") == job:
                return Item(taskUUID=job, status="error", error=error)
        return next((item for item in self.data or () if item.job == job), None)

    @property
    def is_conflict(self) -> bool:
        """Whether the id of the task is taken."""
        return any(error.get("code") == CONFLICT for error in self.errors or ())


def parsed(body: object) -> Answer | None:
    """The answer, or None when it is of another shape."""
    try:
        return Answer.model_validate(body)
    except ValidationError:
        return None


def picture_task(model: str, side: int, seed: int, fields: Fields) -> dict[str, object]:
    """A task that draws one square picture; `side` in pixels. It has no id yet."""
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
    """The id of the task's order with this number: the same for the same task, in the form of a UUID of version 4,
    which the vendor asks for.
    """
    digest = hashlib.sha256(encoded({**task, "order": number})).digest()
    return str(UUID(bytes=digest[:16], version=4))


def encoded(value: object) -> bytes:
    """Compact JSON; the same value gives the same bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
