"""Translation of a provider's error answer into this package's errors. Only this module decides what may pass.

Each trouble has two sentences: one for the user's row, one for the operator's log with the vendor's short code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from concept_worker.errors import (
    AccountRefused,
    ConceptWorkerError,
    ContentDeclined,
    MaybeCharged,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from concept_worker.logging import get_logger
from concept_worker.services.http.blame import Blame, Verdict, judge
from concept_worker.services.http.waits import asked_wait, must_not_retry, retry_after_seconds

log = get_logger(__name__)

ACCESS = "The image provider refused our access; the operator must check its key."
ORGANIZATION = "The image provider wants our organization to be verified; the operator must do that."
ACCOUNT = "The image provider refused our account; the operator must check its plan."
GONE = "The image provider does not offer this here; the operator must check its address and models."
CONTENT = "The image provider declined this content; please describe it in other words."
REQUEST = "The image provider refused the request."
PARAMETER = "The image provider refused how it was asked; the operator must check the model and picture settings."
BUSY = "The image provider asked us to wait."
AWAY = "The image provider is unavailable for now."
AWAY_CHARGED = "The image provider's gateway gave up on the answer; the call may have been charged."
FAILED = "The image provider failed at the picture and is asked for another one."
STOPPED = "The image provider failed and asked not to be asked again."

# Advice for the operator, in the log.
ADVICE: dict[Blame, str] = {
    Blame.CONTENT: "moderation declined a description; nothing to mend",
    Blame.REQUEST: "a call was refused for a reason we do not know; look the code up at the vendor",
    Blame.PARAMETER: "the model takes no such field or size; check model, CONCEPT_IMAGE_SIZE and CONCEPT_OPENAI_*",
    Blame.KEY: "the key is wrong, revoked or may not do this; check it at the vendor",
    Blame.ORGANIZATION: "the vendor wants the organization verified before this model may be used",
    Blame.CREDIT: "credit or quota is used up, or the account has no share of this endpoint; check billing and limits",
    Blame.ADDRESS: "no such path, model or deployment; check the base address and the models",
    Blame.LIMIT: "the rate limit of the account is reached; calls wait",
    Blame.OUTAGE: "the vendor or its gateway failed; calls are tried again",
}
# A gateway sends these when its origin did not answer in time; the origin may still be working.
_UNKNOWN_OUTCOME = frozenset({502, 504, 520, 524})
# Words in the code of a job that failed by the fault of the vendor, or of a vendor behind it.
_OWN_FAULT = (
    "timeout",
    "unavailable",
    "server",
    "provider",
    "inference",
    "internal",
    "ratelimit",
    "notready",
    "failed",
)
_REFUSALS: dict[Blame, Callable[[], ConceptWorkerError]] = {
    Blame.CONTENT: lambda: ContentDeclined(CONTENT),
    Blame.REQUEST: lambda: ProviderRefused(REQUEST),
    Blame.PARAMETER: lambda: ProviderRefused(PARAMETER),
    Blame.KEY: lambda: AccountRefused(ACCESS),
    Blame.ORGANIZATION: lambda: AccountRefused(ORGANIZATION),
    Blame.CREDIT: lambda: AccountRefused(ACCOUNT),
    Blame.ADDRESS: lambda: AccountRefused(GONE),
}


def is_success(status: int) -> bool:
    """Return whether an answer has the status of success that we asked for.

    We ask for no other 2xx. A redirect (3xx) would send the key to another host.
    """
    return status in (200, 201)


def refusal(
    provider: str, status: int, headers: Mapping[str, str], body: object, now: float, *, repeats_are_free: bool
) -> ConceptWorkerError:
    """Log the operator's sentence and return the error for an unsuccessful answer. `now` is the Unix time in seconds.

    A gateway's timeout leaves the outcome unknown, unless the provider answers a repeated request without charge.
    """
    verdict = judge(status, headers, body)
    trouble = _trouble(verdict.blame, status, headers, body, now)
    if status in _UNKNOWN_OUTCOME and isinstance(trouble, ProviderUnavailable) and not repeats_are_free:
        trouble = MaybeCharged(AWAY_CHARGED)
    _log_refusal(provider, status, verdict)
    return trouble


def job_trouble(provider: str, error: object) -> ConceptWorkerError:
    """Log the operator's sentence and return the error of a job without a picture. `error` is the job's own."""
    verdict = judge(400, {}, {"error": error})
    if verdict.blame is Blame.REQUEST and any(word in verdict.code for word in _OWN_FAULT):
        verdict = Verdict(Blame.OUTAGE, verdict.code)
    _log_refusal(provider, None, verdict)
    if verdict.blame in (Blame.LIMIT, Blame.OUTAGE):
        return ProviderUnavailable(FAILED)
    return _REFUSALS[verdict.blame]()


def _log_refusal(provider: str, status: int | None, verdict: Verdict) -> None:
    log.warning(
        "provider refused",
        provider=provider,
        status=status,
        blame=verdict.blame.value,
        code=verdict.code,
        advice=ADVICE[verdict.blame],
    )


def _trouble(blame: Blame, status: int, headers: Mapping[str, str], body: object, now: float) -> ConceptWorkerError:
    if 200 <= status < 400:
        return AccountRefused(GONE)
    if blame not in (Blame.LIMIT, Blame.OUTAGE):
        return _REFUSALS[blame]()
    if must_not_retry(headers):
        return ProviderRefused(STOPPED)
    if blame is Blame.LIMIT:
        return RateLimited(BUSY, asked_wait(headers, body, now))
    wait = retry_after_seconds(headers, now)  # an outage may carry the rate limit's headers too; they do not concern it
    return RateLimited(BUSY, wait) if wait else ProviderUnavailable(AWAY)
