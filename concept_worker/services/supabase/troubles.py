"""Translation of an answer of Supabase, or of a gateway in front of it, into this package's errors.

Only this module decides what may pass: the HTTP status decides, and a code of the store's own refines the decision. It
judges every answer before a library parses it, because the libraries lose the status of an answer whose body is JSON.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from concept_worker.errors import ConceptWorkerError, SchemaMissing, StoreRefused, StoreUnavailable, StoreUnreachable
from concept_worker.services.http.waits import retry_after_seconds

OBJECT_MISSING = "not_found"  # `StoreRefused.code` of a picture that Storage says is not there

PAUSED = "the Supabase project is paused; its owner must restore it"
_AWAY = "{store} is not available right now ({why})"
_READ_ONLY = "{store} takes no writes right now ({why})"
_SCHEMA = (
    "{store} does not know this part of the schema yet ({why}); if this lasts, the operator must apply the migrations"
)
_ELSEWHERE = (
    "something else answered in place of {store}, or its answer was cut short ({why}); "
    "if this lasts, the operator must check SUPABASE_URL"
)
_REFUSED = "{store} refused the request ({why})"
_KEY = "{store} refused our access ({why}); the operator must check SUPABASE_SECRET_KEY"
_CLOCK = "{store} refused our access ({why}); the operator must check SUPABASE_SECRET_KEY and the clocks"
_ADDRESS = "{store} is not at this address ({why}); the operator must check SUPABASE_URL"
_ACCOUNT = "{store} is restricted ({why}); the project's owner must check its plan and quotas"
_LARGE = "the request is larger than {store}, or a gateway before it, takes ({why}); the operator must raise that limit"
_BUCKET = "{store} has no such bucket ({why}); the operator must apply the migrations or check CONCEPT_STORAGE_BUCKET_*"
_NO_PICTURE = "{store} does not have this picture ({why})"

# Codes that pass by themselves at any status. SQLSTATE classes: connection, transaction rollback, resources, object not
# in the right state (locks), operator intervention, system. Single ones: read-only and idle transactions after a
# failover, prepared statements that a pooler lost. Then PostgREST's own trouble with its pool.
_PASSING = (
    *("08", "40", "53", "55", "57", "58", "25006", "25P02", "25P03", "26000", "42P05"),
    *("PGRST000", "PGRST001", "PGRST002", "PGRST003"),
)
_PASSING_IMAGES = ("DatabaseTimeout", "LockTimeout", "ResourceLocked", "SlowDown")
# Tables, columns and functions that are not there, or not in a cache yet; plans made before a migration.
_SCHEMA_CODES = (
    *("PGRST200", "PGRST202", "PGRST203", "PGRST204", "PGRST205"),
    *("0A000", "3F000", "42703", "42883", "42P01"),
)
# Codes that last although their status is 5xx: mistakes in functions, policies and settings, corrupted data.
_LASTING = (
    *("0", "2", "38", "39", "3B", "42", "44", "54", "F0", "HV", "P0", "XX001", "XX002"),
    *("PGRST1", "PGRST3", "PGRSTX", "EMB"),
)

_PASSING_STATUS = frozenset({408, 423, 425, 429})
_LASTING_STATUS = frozenset({501, 505})
_ELSEWHERE_STATUS = frozenset({302, 303, 307, 511})
_REFUSALS = {
    **dict.fromkeys((301, 308, 404, 405, 410, 421, 426), _ADDRESS),
    **dict.fromkeys((401, 403, 407), _KEY),
    **dict.fromkeys((413, 414, 431), _LARGE),
    402: _ACCOUNT,
}
_REFUSAL_CODES = {
    **dict.fromkeys(("PGRST301", "PGRST302", "42501", "InvalidJWT"), _KEY),
    "PGRST303": _CLOCK,
    "NoSuchBucket": _BUCKET,
    OBJECT_MISSING: _NO_PICTURE,
}

_DATABASE, _IMAGES = "the database", "the image store"
_STORAGE = "/storage/v1/"
_OBJECTS = "/storage/v1/object/"
_REST_CODE = re.compile(r"PGRST\w{1,4}|EMB\d{3}|[0-9A-Z]{5}")
_STORAGE_KEYS = frozenset({"statusCode", "error", "message"})
_ERROR_KEYS = frozenset({"code", "details", "error", "hint", "message", "msg", "request_id", "status", "statusCode"})
_ERROR_TEXTS = frozenset({"error", "message", "msg"})
_NO_BUCKET = frozenset({"NoSuchBucket", "Bucket not found"})
_NO_OBJECT = frozenset({"not_found", "Not found", "NoSuchKey"})
_NO_JSON = object()
_SCHEMA_SECONDS = 15.0  # between tries: a step's five tries then last longer than a deployment, about a minute
_SEARCHED = 4096  # bytes of a page that are searched for its reason


@dataclass(frozen=True)
class _Answer:
    """An answer, reduced to what decides whether its trouble may pass."""

    store: str  # its name in our messages
    status: int  # HTTP's, or the one that Storage names in its body
    code: str  # the store's own; empty: a gateway answered
    retry_after: float  # seconds; 0: not said

    @property
    def passes(self) -> bool:
        """True when the trouble may pass by itself: by a known code, else by status unless the code lasts."""
        passing = _PASSING if self.store is _DATABASE else _PASSING_IMAGES
        if self.code.startswith(passing) or self.status in _PASSING_STATUS:
            return True
        if self.status < 500 or self.status in _LASTING_STATUS:
            return False
        return not self.code.startswith(_LASTING)

    def say(self, sentence: str) -> str:
        """Return the sentence about this store, with its code, or else the status, as the reason."""
        why = f"code {self.code}" if self.code and self.store is _DATABASE else f"status {self.status}"
        return sentence.format(store=self.store, why=why)

    @property
    def absence(self) -> StoreUnavailable:
        """The error for trouble that may pass."""
        if self.status == 429 or self.code == "25006":  # refused before anything was changed
            return StoreUnreachable(self.say(_READ_ONLY if self.code == "25006" else _AWAY), self.retry_after)
        return StoreUnavailable(self.say(_AWAY), self.retry_after)

    @property
    def refusal(self) -> StoreRefused:
        """The error for trouble that will not pass."""
        by_status = _REFUSED if self.code and self.store is _DATABASE else _REFUSALS.get(self.status, _REFUSED)
        is_named = self.code and (self.store is _DATABASE or self.code == OBJECT_MISSING)
        return StoreRefused(
            self.say(_REFUSAL_CODES.get(self.code, by_status)), self.code if is_named else str(self.status)
        )


def raise_for_trouble(response: httpx.Response) -> None:
    """Judge one answer. The HTTP client calls this hook before any library sees the answer.

    Raises:
        StoreUnavailable: the trouble may pass by itself; `StoreUnreachable` when certainly nothing was changed.
        StoreRefused: the trouble will not pass. `code` is the database's own, `OBJECT_MISSING`, or the status.
    """
    response.read()
    trouble = _hidden_trouble(response) if response.is_success else _trouble(response)
    if trouble is not None:
        raise trouble


def _hidden_trouble(response: httpx.Response) -> ConceptWorkerError | None:
    """Find trouble that is sent as success: another server's page, an answer cut short, an error with status 200."""
    if response.status_code == 204 or response.request.method == "HEAD" or _is_readable(response):
        return None
    if _is_pause(response):
        return StoreUnreachable(PAUSED)
    return StoreUnavailable(_answer(response).say(_ELSEWHERE))


def _is_readable(response: httpx.Response) -> bool:
    if response.request.method == "GET" and _OBJECTS in response.request.url.path:
        kind = response.headers.get("content-type", "").lower()
        return bool(response.content) and not kind.startswith(("text/", "application/json"))
    body = _json(response)
    return body is not _NO_JSON and not _is_error(body)


def _is_error(body: Any) -> bool:
    """Return whether a JSON answer has the keys of an error and no others."""
    return isinstance(body, dict) and body.keys() <= _ERROR_KEYS and not body.keys().isdisjoint(_ERROR_TEXTS)


def _trouble(response: httpx.Response) -> ConceptWorkerError:
    answer = _answer(response)
    if response.status_code == 540 or (not answer.code and _is_pause(response)):
        return StoreUnreachable(PAUSED, answer.retry_after)
    if answer.code in _SCHEMA_CODES:
        return SchemaMissing(answer.say(_SCHEMA), max(answer.retry_after, _SCHEMA_SECONDS))
    if not answer.code and answer.status in _ELSEWHERE_STATUS:
        return StoreUnavailable(answer.say(_ELSEWHERE), answer.retry_after)
    if answer.passes:
        return answer.absence
    return answer.refusal


def _answer(response: httpx.Response) -> _Answer:
    read = _json(response)
    body = read if isinstance(read, dict) else {}
    wait = retry_after_seconds(response.headers, time.time())
    if _STORAGE not in response.request.url.path:
        return _Answer(_DATABASE, response.status_code, _rest_code(body), wait)
    if not body.keys() >= _STORAGE_KEYS:
        return _Answer(_IMAGES, response.status_code, "", wait)
    status = _storage_status(response.status_code, str(body["statusCode"]))
    return _Answer(_IMAGES, status, _storage_code(body), wait)


def _rest_code(body: Mapping[str, Any]) -> str:
    code = body.get("code")
    return code if isinstance(code, str) and _REST_CODE.fullmatch(code) else ""


def _storage_status(status: int, named: str) -> int:
    """Return the status in the body: Storage sends most errors as HTTP 400. A gateway's 5xx stays as it is."""
    return int(named) if status < 500 and re.fullmatch(r"[45]\d\d", named) else status


def _storage_code(body: Mapping[str, Any]) -> str:
    said = {str(body.get("code")), str(body["error"])}
    if said & _NO_BUCKET:
        return "NoSuchBucket"
    if said & _NO_OBJECT:
        return OBJECT_MISSING
    return str(body.get("code") or body["error"])


def _json(response: httpx.Response) -> Any:
    """Return the parsed body; `_NO_JSON` where it is no JSON."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return _NO_JSON


def _is_pause(response: httpx.Response) -> bool:
    """Return whether a page says that the project is paused; gateways may change Supabase's own status for it."""
    page = response.content[:_SEARCHED].lower()
    return b"project paused" in page or b"project is paused" in page
