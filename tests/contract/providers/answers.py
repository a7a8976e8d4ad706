"""Error answers as vendors write them, each with whom it blames: the table behind `docs/provider-answers.md`.

Bodies are shortened to what a reader of them can use. `source` says in our words where the shape is known from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from concept_worker.services.http.blame import Blame

B = Blame


@dataclass(frozen=True)
class Answer:
    """One answer: from whom, with what, and what we make of it."""

    vendor: str
    status: int
    body: Any
    blame: Blame
    source: str
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0  # seconds that it asks for

    @property
    def name(self) -> str:
        """An id for a test: vendor, status, blame, and the first words of the source."""
        return "-".join((self.vendor, str(self.status), self.blame.value, *self.source.split()[:4]))


def runware(code: str, parameter: str | None = None) -> Any:
    """Runware's body: a list of errors."""
    named = {"parameter": parameter} if parameter else {}
    return {"data": [], "errors": [{"code": code, "message": "No.", **named, "taskType": "imageInference"}]}


def openai(
    code: str | None, kind: str = "invalid_request_error", message: str = "No.", param: str | None = None
) -> Any:
    """OpenAI's own body."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


ANSWERS = [
    # OpenAI
    Answer("openai", 400, openai("moderation_blocked", "image_generation_user_error"), B.CONTENT, "SDK and reference"),
    Answer("openai", 400, openai("content_policy_violation"), B.CONTENT, "reference, dall-e's code"),
    Answer(
        "openai",
        400,
        openai("invalid_value", "image_generation_user_error", "Transparent background is not supported."),
        B.PARAMETER,
        "public issue of an image app: type names the caller, not the content",
    ),
    Answer(
        "openai",
        400,
        openai("invalid_image_file", "image_generation_user_error", "Invalid image file or mode for image 1"),
        B.PARAMETER,
        "public issues of a node editor, edits of an RGBA or palette image",
    ),
    Answer("openai", 400, openai("invalid_value", param="size"), B.PARAMETER, "size below the model's floor"),
    Answer("openai", 400, openai("unknown_parameter", param="response_format"), B.PARAMETER, "GPT image models"),
    Answer("openai", 400, openai("unsupported_parameter", param="input_fidelity"), B.PARAMETER, "gpt-image-2"),
    Answer(
        "openai",
        400,
        openai(None, message="Billing hard limit has been reached", kind="billing_hard_limit_reached"),
        B.CREDIT,
        "type instead of code",
    ),
    Answer("openai", 400, openai("billing_hard_limit_reached"), B.CREDIT, "reference"),
    Answer("openai", 401, openai("invalid_api_key"), B.KEY, "reference"),
    Answer(
        "openai",
        401,
        openai(None, message="You must be a member of an organization to use the API."),
        B.KEY,
        "reference of error codes",
    ),
    Answer(
        "openai",
        403,
        openai(None, message="Your organization must be verified to use the model `gpt-image-2.5-flare`."),
        B.ORGANIZATION,
        "help pages and many public issues",
    ),
    Answer("openai", 403, openai("unsupported_country_region_territory", "request_forbidden"), B.KEY, "reference"),
    Answer(
        "openai",
        403,
        openai("model_not_found", message="Project does not have access to the model."),
        B.ADDRESS,
        "projects with a list of models",
    ),
    Answer("openai", 404, openai("model_not_found"), B.ADDRESS, "switched-off models"),
    Answer(
        "openai", 429, openai("rate_limit_exceeded", "requests"), B.LIMIT, "reference", {"retry-after-ms": "1500"}, 1.5
    ),
    Answer(
        "openai",
        429,
        openai("rate_limit_exceeded", "tokens"),
        B.LIMIT,
        "rate headers in Go's notation",
        {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"},
        360.0,
    ),
    Answer(
        "openai",
        429,
        openai("rate_limit_exceeded", "requests"),
        B.LIMIT,
        "a reset two hours away",
        {"retry-after": "7200"},
        7200.0,
    ),
    Answer(
        "openai",
        429,
        openai(
            "rate_limit_exceeded", "images", "Rate limit reached on images per min. Limit: 0/1min. Current: 1/1min."
        ),
        B.CREDIT,
        "accounts without a share of images",
    ),
    Answer("openai", 429, openai("insufficient_quota", "insufficient_quota"), B.CREDIT, "reference"),
    Answer("openai", 429, openai("credit_balance_exhausted", "insufficient_quota"), B.CREDIT, "help pages, prepaid"),
    Answer("openai", 429, openai("organization_spend_limit_exceeded"), B.CREDIT, "help pages, new codes"),
    Answer("openai", 429, openai("project_spend_limit_exceeded"), B.CREDIT, "help pages, new codes"),
    Answer("openai", 429, openai("organization_usage_limit_exceeded"), B.CREDIT, "help pages, new codes"),
    Answer("openai", 500, openai(None, "server_error"), B.OUTAGE, "reference"),
    Answer(
        "openai",
        503,
        openai(None, "service_unavailable"),
        B.OUTAGE,
        "reference, overloaded engine",
        {"retry-after": "3"},
        3.0,
    ),
    Answer("openai", 409, openai(None), B.OUTAGE, "SDK retries it"),
    Answer("openai", 408, openai(None), B.OUTAGE, "SDK retries it"),
    # Azure
    Answer(
        "azure",
        400,
        {
            "error": {
                "code": "contentFilter",
                "message": "Filtered.",
                "inner_error": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        B.CONTENT,
        "documentation of image errors",
    ),
    Answer(
        "azure",
        400,
        {"error": {"code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        B.CONTENT,
        "documentation of chat filters",
    ),
    Answer(
        "azure",
        400,
        {"error": {"code": None, "message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        B.CONTENT,
        "inner code alone",
    ),
    Answer(
        "azure",
        401,
        {"error": {"code": "401", "message": "Access denied due to invalid subscription key"}},
        B.KEY,
        "gateway of the vendor",
    ),
    Answer("azure", 404, {"error": {"code": "DeploymentNotFound", "message": "x"}}, B.ADDRESS, "documentation"),
    Answer("azure", 404, {"error": {"code": "404", "message": "Resource not found"}}, B.ADDRESS, "wrong api-version"),
    Answer(
        "azure", 400, {"error": {"code": "OperationNotSupported", "message": "x"}}, B.ADDRESS, "model without images"
    ),
    Answer(
        "azure",
        429,
        {"error": {"code": "429", "message": "Requests have exceeded call rate limit."}},
        B.LIMIT,
        "documentation",
        {"retry-after": "20", "retry-after-ms": "20000"},
        20.0,
    ),
    # OpenRouter
    Answer(
        "openrouter",
        403,
        {
            "error": {
                "code": 403,
                "message": "x",
                "metadata": {"reasons": ["sexual"], "flagged_input": "…", "provider_name": "p"},
            }
        },
        B.CONTENT,
        "documentation of moderation errors",
    ),
    Answer("openrouter", 402, {"error": {"code": 402, "message": "Insufficient credits"}}, B.CREDIT, "documentation"),
    Answer("openrouter", 401, {"error": {"code": 401, "message": "No auth credentials found"}}, B.KEY, "documentation"),
    Answer(
        "openrouter",
        429,
        {"error": {"code": 429, "message": "Rate limit exceeded"}},
        B.LIMIT,
        "documentation",
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000030000"},
        30.0,
    ),
    Answer(
        "openrouter", 502, {"error": {"code": 502, "message": "Provider returned error"}}, B.OUTAGE, "documentation"
    ),
    Answer("openrouter", 503, {"error": {"code": 503, "message": "No provider"}}, B.OUTAGE, "documentation"),
    # xAI
    Answer(
        "xai",
        400,
        {"code": "Client specified an invalid argument", "error": "Argument not supported: size"},
        B.PARAMETER,
        "documentation: aspect_ratio instead of size",
    ),
    Answer("xai", 403, {"code": "The caller does not have permission", "error": "x"}, B.KEY, "documentation"),
    Answer("xai", 401, {"code": "unauthenticated", "error": "x"}, B.KEY, "documentation"),
    Answer("xai", 429, {"code": "Some resource has been exhausted", "error": "x"}, B.LIMIT, "documentation"),
    # fal
    Answer(
        "fal",
        422,
        {"detail": [{"loc": ["body", "prompt"], "msg": "x", "type": "content_policy_violation"}]},
        B.CONTENT,
        "documentation of errors",
    ),
    Answer(
        "fal",
        422,
        {"detail": [{"loc": ["body", "image_size"], "msg": "x", "type": "greater_than"}]},
        B.REQUEST,
        "documentation of errors",
    ),
    Answer("fal", 401, {"detail": "Cannot access application. Authentication is required."}, B.KEY, "documentation"),
    Answer(
        "fal",
        403,
        {"detail": "User is locked. Reason: Exhausted balance. Insufficient balance."},
        B.CREDIT,
        "documentation, topped-up accounts",
    ),
    Answer("fal", 500, {"detail": [{"type": "internal_server_error", "msg": "x"}]}, B.OUTAGE, "documentation"),
    Answer("fal", 504, {"detail": [{"type": "generation_timeout", "msg": "x"}]}, B.OUTAGE, "documentation"),
    # Comfy
    Answer(
        "comfy",
        422,
        {"error": {"message": "x"}},
        B.CONTENT,
        "router documentation, header alone",
        {"x-comfy-error-type": "content_policy_violation"},
    ),
    Answer("comfy", 422, {"error": {"code": "idempotency_key_reuse"}}, B.REQUEST, "SDK of the jobs API"),
    Answer("comfy", 402, {"error": {"code": "insufficient_credits"}}, B.CREDIT, "router documentation"),
    # Google
    Answer(
        "google",
        429,
        [
            {
                "error": {
                    "code": 429,
                    "status": "RESOURCE_EXHAUSTED",
                    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "55s"}],
                }
            }
        ],
        B.LIMIT,
        "compatible path, a list around the error",
        wait=55.0,
    ),
    Answer(
        "google",
        400,
        {
            "error": {
                "code": 400,
                "status": "INVALID_ARGUMENT",
                "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
            }
        },
        B.KEY,
        "SDK tests",
    ),
    Answer("google", 400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "x"}}, B.PARAMETER, "SDK"),
    Answer("google", 403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}, B.KEY, "SDK"),
    Answer("google", 503, {"error": {"code": 503, "status": "UNAVAILABLE"}}, B.OUTAGE, "SDK"),
    Answer("google", 404, {"error": {"code": 404, "status": "NOT_FOUND"}}, B.ADDRESS, "SDK"),
    # Recraft, Ideogram, Stability, BFL, Together, Runware, Replicate
    Answer("recraft", 401, {"code": "unauthorized", "message": "x"}, B.KEY, "documentation, non-2xx JSON"),
    Answer("recraft", 400, {"code": "not_enough_credits", "message": "not enough credits"}, B.CREDIT, "documentation"),
    Answer("recraft", 429, {"code": "rate_limit", "message": "x"}, B.LIMIT, "documentation"),
    Answer(
        "ideogram",
        422,
        {"error": "Prompt failed the safety check", "code": "content_moderation"},
        B.CONTENT,
        "documentation, refused before drawing",
    ),
    Answer("ideogram", 429, {"error": "Rate limit"}, B.LIMIT, "documentation"),
    Answer(
        "stability",
        403,
        {"id": "x", "name": "content_moderation", "errors": ["flagged"], "code": "content_moderation"},
        B.CONTENT,
        "documentation of v2beta",
    ),
    Answer("stability", 402, {"name": "payment_required", "errors": ["x"]}, B.CREDIT, "documentation of v2beta"),
    Answer("bfl", 402, {"detail": "Insufficient credits. Add more in the dashboard."}, B.CREDIT, "documentation"),
    Answer("bfl", 429, {"detail": "Too many active tasks"}, B.LIMIT, "documentation"),
    Answer(
        "bfl",
        422,
        {"detail": [{"loc": ["body", "width"], "msg": "x", "type": "multiple_of"}]},
        B.REQUEST,
        "documentation",
    ),
    Answer(
        "together",
        422,
        {"error": {"message": "NSFW content detected", "type": "invalid_request_error"}},
        B.CONTENT,
        "public issues",
    ),
    Answer("together", 429, {"error": {"type": "rate_limit"}}, B.LIMIT, "documentation", {"retry-after": "10"}, 10.0),
    Answer("runware", 400, {"errors": [{"code": "invalidPromptContent", "message": "x"}]}, B.CONTENT, "documentation"),
    Answer("runware", 400, {"errors": [{"code": "insufficientCredits", "message": "x"}]}, B.CREDIT, "documentation"),
    Answer(
        "runware",
        400,
        {"errors": [{"code": "unsupportedDimensions", "parameter": "width"}]},
        B.PARAMETER,
        "documentation",
    ),
    Answer("runware", 401, {"errors": [{"code": "invalidApiKey", "message": "x"}]}, B.KEY, "documentation"),
    Answer("runware", 400, runware("invalidProviderContent"), B.CONTENT, "clients: the house behind it declined"),
    Answer("runware", 400, runware("contentPolicyViolation"), B.CONTENT, "SDK"),
    Answer("runware", 400, runware("nsfwContentDetected"), B.CONTENT, "SDK"),
    Answer("runware", 400, runware("invalidWidth", "width"), B.PARAMETER, "clients: a side the model does not draw"),
    Answer("runware", 400, runware("unsupportedParameter", "steps"), B.PARAMETER, "SDK"),
    Answer("runware", 402, runware("insufficientCredits"), B.CREDIT, "reference of statuses"),
    Answer("runware", 404, runware("modelNotFound", "model"), B.ADDRESS, "SDK"),
    Answer("runware", 429, runware("rateLimitExceeded"), B.LIMIT, "SDK", {"retry-after": "2"}, 2.0),
    Answer("runware", 500, runware("internalServerError"), B.OUTAGE, "SDK"),
    Answer(
        "replicate",
        429,
        {"title": "Throttled", "detail": "Your rate limit resets in ~30s.", "status": 429},
        B.LIMIT,
        "documentation, the wait only in words",
        wait=30.0,
    ),
    Answer("replicate", 402, {"title": "Insufficient credit", "detail": "x", "status": 402}, B.CREDIT, "documentation"),
    Answer("replicate", 401, {"title": "Unauthenticated", "detail": "x", "status": 401}, B.KEY, "documentation"),
    Answer(
        "replicate", 422, {"title": "Input validation failed", "detail": "x", "status": 422}, B.REQUEST, "documentation"
    ),
    # Relays, gateways and servers of one's own
    Answer("relay", 451, openai("moderation_blocked"), B.CONTENT, "relays that say 451"),
    Answer("relay", 403, openai("content_policy_violation"), B.CONTENT, "relays that say 403"),
    Answer("relay", 500, openai("do_request_failed", "new_api_error"), B.OUTAGE, "a relay whose upstream is away"),
    Answer("relay", 429, openai(None), B.LIMIT, "a relay that waits for nobody", {"x-should-retry": "false"}),
    Answer(
        "litellm",
        400,
        {"error": {"message": "litellm.BadRequestError: moderation", "code": "400", "type": None, "param": None}},
        B.REQUEST,
        "proxy that hides the vendor's code",
    ),
    Answer(
        "litellm",
        401,
        {"error": {"message": "Authentication Error", "type": "auth_error", "code": "401"}},
        B.KEY,
        "proxy",
    ),
    Answer(
        "localai", 400, {"error": {"code": 400, "message": "model not configured", "type": ""}}, B.REQUEST, "server"
    ),
    Answer("localai", 500, {"error": {"code": 500, "message": "x", "type": ""}}, B.OUTAGE, "server"),
    Answer(
        "vllm",
        404,
        {"object": "error", "message": "The model does not exist.", "type": "NotFoundError", "code": 404},
        B.ADDRESS,
        "server",
    ),
    Answer(
        "vllm",
        400,
        {"object": "error", "message": "x", "type": "BadRequestError", "param": "size", "code": 400},
        B.PARAMETER,
        "server",
    ),
    Answer("cloudflare", 524, None, B.OUTAGE, "a page in HTML: the origin took longer than 100 s"),
    Answer("cloudflare", 520, None, B.OUTAGE, "a page in HTML"),
    Answer("nginx", 502, None, B.OUTAGE, "a page in HTML"),
    Answer("nginx", 413, None, B.REQUEST, "a page in HTML: the original is larger than the relay takes"),
]
