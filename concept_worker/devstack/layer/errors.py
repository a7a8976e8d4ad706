"""The layer's error answers, each in the words of the service that it stands in for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class RestError(Exception):
    """An error in PostgREST's words: HTTP status, error code, message, details, hint."""

    status: int
    code: str
    message: str
    details: str | None = None
    hint: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that PostgREST sends."""
        return {"code": self.code, "details": self.details, "hint": self.hint, "message": self.message}


@dataclass
class StorageError(Exception):
    """An error in Storage's words; the HTTP status is nearly always 400, the code in the body says more."""

    code: str
    error: str
    message: str
    status: int = 400

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that Storage sends."""
        return {"statusCode": self.code, "error": self.error, "message": self.message}


@dataclass
class AuthError(Exception):
    """An error in Auth's words."""

    status: int
    error_code: str
    message: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that Auth sends to clients that name no version of its interface."""
        return {"code": self.status, "error_code": self.error_code, "msg": self.message, **self.more}

    @property
    def dated_body(self) -> dict[str, Any]:
        """The JSON that Auth sends to clients of its interface of 2024-01-01."""
        return {"code": self.error_code, "message": self.message, **self.more}


def unsupported(what: str) -> RestError:
    """Return the refusal of a request that the layer does not support."""
    return RestError(
        501,
        "EMB501",
        f"{what} is not supported by the embedded layer",
        hint="Use `supabase start` or a hosted project for this request.",
    )


# PostgREST's own table: SQLSTATE, or its first two characters, to HTTP status; the full match wins.
_STATUS = {
    "08": 503, "09": 500, "0L": 403, "0P": 403, "23503": 409, "23505": 409, "25006": 405, "25": 500,
    "28": 403, "2D": 500, "38": 500, "39": 500, "3B": 500, "40": 500, "42883": 404, "42P01": 404, "42P17": 500,
    "53": 503, "53400": 500, "54": 413, "55": 500, "57": 500, "57P01": 503, "57P02": 503, "57P03": 503, "58": 500,
    "F0": 500, "HV": 500, "P0": 500, "P0001": 400, "XX": 500,
}  # fmt: skip


def status_of(sqlstate: str, *, anonymous: bool) -> int:
    """Return the HTTP status that PostgREST gives an error of PostgreSQL."""
    if sqlstate == "42501":
        return 401 if anonymous else 403
    if sqlstate.startswith("PT") and sqlstate[2:].isdigit():
        return int(sqlstate[2:])
    return next((_STATUS[key] for key in (sqlstate, sqlstate[:2]) if key in _STATUS), 400)
