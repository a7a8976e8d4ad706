"""Blame for a refused call: the description, the request, the operator's account, or the provider itself.

Vendors report the same trouble in many shapes. The rules read codes first, known short phrases second and the status
last. Users never see a vendor's text. `docs/provider-answers.md` lists the shapes and their sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

_NODES = 200  # parts of an error body that are read; a real one has a dozen
_DEPTH = 6
_PHRASE = 2_000  # characters of a message that are read

_CODE_KEYS = frozenset({"code", "type", "status", "reason", "error_code", "errorcode", "error", "finishreason"})
_TEXT_KEYS = frozenset({"message", "msg", "error", "detail", "title", "description"})
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.: -]{0,63}")

CONTENT_CODES = frozenset(
    {
        *("moderation_blocked", "content_policy_violation", "content_filter", "contentfilter"),
        *("responsibleaipolicyviolation", "image_content_policy_violation", "content_moderation", "content_filtered"),
        *("safety", "image_safety", "prohibited_content", "image_prohibited_content", "blocklist"),
        *("contentpolicyviolation", "providercontentpolicyviolation", "sensitivecontentdetected", "promptblocked"),
        *("unsafecontentdetected", "nsfwcontentdetected", "imageblocked", "moderationfailed", "invalidprovidercontent"),
        *("invalid_prompt", "bio_policy", "cyber_policy", "misalignment_policy_violation"),  # OpenAI's Responses
        "prompt_guard",  # JigsawStack: what a request's guard declined
        *("request moderated", "content moderated", "invalidpromptcontent", "invalid_prompt_content", "nsfw_content"),
    }
)
CREDIT_CODES = frozenset(
    {
        *("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "credit_balance_exhausted"),
        *("organization_spend_limit_exceeded", "project_spend_limit_exceeded", "organization_usage_limit_exceeded"),
        *("insufficient_credits", "insufficientcredits", "not_enough_credits", "payment_required"),
        *("paymentrequired", "quotaexceeded"),
    }
)
KEY_CODES = frozenset(
    {
        *("invalid_api_key", "api_key_invalid", "invalidapikey", "missingapikey"),
        *("unauthenticated", "invalid_authentication"),
    }
)
ADDRESS_CODES = frozenset(
    {
        *("model_not_found", "deploymentnotfound", "operationnotsupported", "unsupported_model"),
        *("modelnotfound", "unknownmodel", "invalidmodel"),
    }
)
PARAMETER_CODES = frozenset(
    {
        *(
            "invalid_value",
            "unknown_parameter",
            "unsupported_parameter",
            "unsupported_value",
            "missing_required_parameter",
        ),
        *("invalid_size", "invalid_image_file", "invalid_image_format", "image_generation_user_error"),
        *("invalid_argument", "invalid_type", "string_above_max_length"),
        *("invalid_image", "invalid_base64_image", "invalid_image_mode", "invalid_image_url", "image_parse_error"),
        *("image_too_large", "image_too_small", "image_file_too_large", "empty_image_file"),
        *("unsupported_image_media_type", "failed_to_download_image", "image_file_not_found"),
    }
)
_PARAMETER_TEXT = ("argument not supported", "unknown parameter", "unsupported parameter", "invalid size")
_CREDIT_TEXT = ("insufficient credit", "not enough credit", "insufficient balance", "exhausted your balance")
_CONTENT_TEXT = ("nsfw content", "flagged as sensitive")
_ORGANIZATION_TEXT = ("must be verified",)
_NO_SHARE = re.compile(r"limit:?\s{0,4}0(?![.\d])", re.IGNORECASE)


class Blame(StrEnum):
    """A reason for a refused call; each has its own mend."""

    CONTENT = "content"  # the description; the user may change its words
    REQUEST = "request"  # refused for an unknown reason
    PARAMETER = "parameter"  # a wrong field or size, or a model that cannot do this
    KEY = "key"
    ORGANIZATION = "organization"  # the account must be verified first
    CREDIT = "credit"
    ADDRESS = "address"  # no such path, model or deployment
    LIMIT = "limit"
    OUTAGE = "outage"


@dataclass(frozen=True)
class Verdict:
    """A blame, with the vendor's short code for it where the answer has one."""

    blame: Blame
    code: str = ""


def judge(status: int, headers: Mapping[str, str], body: object) -> Verdict:
    """Decide what an error answer blames. `body` is the parsed JSON, or None where it is no JSON."""
    answer = _Answer(body, headers)
    for blame, applies in _RULES:
        code = applies(status, answer)
        if code is not None:
            return Verdict(blame, code or answer.first_code)
    return Verdict(Blame.REQUEST, answer.first_code)


class _Answer:
    """A list of the codes and phrases of an error body, in lower case, in their order."""

    def __init__(self, body: object, headers: Mapping[str, str]) -> None:
        nodes = list(_nodes(body))
        kind = headers.get("x-comfy-error-type", "")
        self.codes = [*_codes(nodes), *([kind.lower()] if _CODE.fullmatch(kind) else [])]
        self.text = " | ".join(_texts(nodes))
        self.names = {name for name, value in nodes if value not in (None, "", [], {})}

    @property
    def first_code(self) -> str:
        return self.codes[0] if self.codes else ""

    def code_in(self, known: frozenset[str]) -> str | None:
        return next((code for code in self.codes if code in known), None)

    def says(self, phrases: tuple[str, ...]) -> str | None:
        return "" if any(phrase in self.text for phrase in phrases) else None


def _nodes(body: object) -> Iterator[tuple[str, object]]:
    """Yield names and values of all fields of a body, outermost first, at most `_NODES` of them."""
    waiting: list[tuple[str, object, int]] = [("", body, 0)]
    for _ in range(_NODES):
        if not waiting:
            return
        name, value, depth = waiting.pop(0)
        if isinstance(value, Mapping) and depth < _DEPTH:
            waiting += [(str(key).lower(), inner, depth + 1) for key, inner in list(value.items())[:_NODES]]
        elif isinstance(value, list) and depth < _DEPTH:
            waiting += [(name, inner, depth + 1) for inner in value[:_NODES]]
        yield name, value


def _codes(nodes: list[tuple[str, object]]) -> Iterator[str]:
    for name, value in nodes:
        if name in _CODE_KEYS and isinstance(value, str) and _CODE.fullmatch(value):
            yield value.lower()


def _texts(nodes: list[tuple[str, object]]) -> Iterator[str]:
    for name, value in nodes:
        if name in _TEXT_KEYS and isinstance(value, str):
            yield value[:_PHRASE].lower()


def _content(status: int, answer: _Answer) -> str | None:
    if status not in (400, 403, 422, 451):
        return None
    if "flagged_input" in answer.names or {"metadata", "reasons"} <= answer.names:
        return "flagged_input"  # OpenRouter
    code = answer.code_in(CONTENT_CODES)
    return code if code is not None else answer.says(_CONTENT_TEXT)


def _credit(status: int, answer: _Answer) -> str | None:
    if status == 402:
        return ""
    if status not in (400, 403, 429):
        return None
    code = answer.code_in(CREDIT_CODES)
    if code is not None:
        return code
    if status == 429 and _NO_SHARE.search(answer.text):
        return "no_access"  # a limit of 0 a minute: the account has no share of this endpoint
    return answer.says(_CREDIT_TEXT)


def _organization(status: int, answer: _Answer) -> str | None:
    return answer.says(_ORGANIZATION_TEXT) if status in (400, 401, 403) else None


def _key(status: int, answer: _Answer) -> str | None:
    if status == 401:
        return ""
    return answer.code_in(KEY_CODES) if status in (400, 403) else None


def _address(status: int, answer: _Answer) -> str | None:
    if status in (404, 405, 410):
        return ""
    return answer.code_in(ADDRESS_CODES) if status in (400, 403) else None


def _forbidden(status: int, _: _Answer) -> str | None:
    return "" if status == 403 else None


def _limit(status: int, _: _Answer) -> str | None:
    return "" if status == 429 else None


def _outage(status: int, _: _Answer) -> str | None:
    # With 409, servers say that they still work on a request with this idempotency key.
    return "" if status in (408, 409, 425) or status >= 500 else None


def _parameter(_: int, answer: _Answer) -> str | None:
    code = answer.code_in(PARAMETER_CODES)
    if code is not None:
        return code
    return "" if {"param", "parameter"} & answer.names else answer.says(_PARAMETER_TEXT)


_RULES = (
    (Blame.CONTENT, _content),
    (Blame.CREDIT, _credit),
    (Blame.ORGANIZATION, _organization),
    (Blame.KEY, _key),
    (Blame.ADDRESS, _address),
    (Blame.KEY, _forbidden),
    (Blame.LIMIT, _limit),
    (Blame.OUTAGE, _outage),
    (Blame.PARAMETER, _parameter),
)
