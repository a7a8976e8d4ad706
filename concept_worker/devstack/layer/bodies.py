"""The reading of bodies: up to a limit, and only JSON that PostgreSQL can take."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request

from concept_worker.devstack.layer.errors import RestError, StorageError

JSON_BYTES = 4 * 2**20  # far more than any row of the project


async def limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body as they arrive.

    Raises:
        RestError: 413 as soon as the sender announces or sends more than `limit` bytes.
    """
    # The server has checked that the header is a number; without the header the body is chunked or absent.
    seen = int(request.headers.get("content-length", 0))
    if seen <= limit:
        seen = 0
        async for chunk in request.stream():
            seen += len(chunk)
            if seen > limit:
                break
            yield chunk
    if seen > limit:
        raise RestError(413, "EMB413", f"The body is larger than {limit} bytes")


async def read_text(request: Request) -> str:
    """Read a JSON body as text."""
    content = b"".join([chunk async for chunk in limited(request, JSON_BYTES)])
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise _invalid() from exc


def parse_json(text: str, *, exact: bool = False) -> Any:
    """Parse a JSON text; with `exact`, numbers stay text, so that they keep all digits.

    Raises:
        RestError: PGRST102 for text that is not JSON, is nested too deeply, or holds half a character.
    """
    numbers: dict[str, Any] = {"parse_int": str, "parse_float": str} if exact else {}
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant, **numbers)
        if "\\ud" in text or "\\uD" in text:  # may be half of a surrogate pair, which is no character
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise _invalid() from exc
    return parsed


async def read_object(request: Request) -> dict[str, Any]:
    """Read a body that must be a JSON object."""
    parsed = parse_json(await read_text(request))
    if not isinstance(parsed, dict):
        raise _invalid()
    return parsed


def text_in(body: dict[str, Any], key: str, default: str = "") -> str:
    """Return a text of a body, or the default when it is missing or null."""
    found = body.get(key)
    if not isinstance(found, str | None):
        raise StorageError("400", "InvalidRequest", f"{key} must be text")
    return default if found is None else found


def texts_in(body: dict[str, Any], key: str) -> list[str]:
    """Return a list of texts of a body; an empty list when it is missing or null."""
    found = body.get(key) or []
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise StorageError("400", "InvalidRequest", f"{key} must be a list of texts")
    return found


def number_in(body: dict[str, Any], key: str, default: int | None = None) -> int:
    """Return a whole number of a body, not negative; clients send it as a number or as text."""
    found = body.get(key)
    if found is None and default is not None:
        return default
    digits = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10 and int(digits) < 2**31):
        raise StorageError("400", "InvalidRequest", f"{key} must be a number")
    return int(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _invalid() -> RestError:
    return RestError(400, "PGRST102", "Empty or invalid json")
