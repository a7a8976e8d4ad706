"""Jobs that ended without a picture: what may be ordered again, and what would end in the same way."""

from __future__ import annotations

import pytest

from concept_worker.errors import (
    AccountRefused,
    ConceptWorkerError,
    ContentDeclined,
    ProviderRefused,
    ProviderUnavailable,
)
from concept_worker.services.http.troubles import ACCESS, ACCOUNT, GONE, PARAMETER, REQUEST, job_trouble


@pytest.mark.parametrize(
    "code",
    [
        "timeoutProvider",
        "providerUnavailable",
        "inferenceError",
        "internalServerError",
        "taskFailed",
        "rateLimitExceeded",
    ],
)
def test_the_providers_own_fault_passes(code: str) -> None:
    """The step is tried again, and places another order."""
    assert type(job_trouble("vendor", {"code": code})) is ProviderUnavailable


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        ({"code": "insufficientCredits"}, AccountRefused, ACCOUNT),
        ({"code": "invalidApiKey"}, AccountRefused, ACCESS),
        ({"code": "modelNotFound"}, AccountRefused, GONE),
        ({"code": "invalidWidth", "parameter": "width"}, ProviderRefused, PARAMETER),
        ({"code": "somethingElse"}, ProviderRefused, REQUEST),
        ({"message": "no code at all"}, ProviderRefused, REQUEST),
        (None, ProviderRefused, REQUEST),
        ({"code": "invalidProviderContent"}, ContentDeclined, "The image provider declined this content"),
        ({"code": "moderation_blocked"}, ContentDeclined, "The image provider declined this content"),
    ],
)
def test_what_would_end_in_the_same_way_does_not(error: object, kind: type[ConceptWorkerError], sentence: str) -> None:
    """Its receipt leads to nothing; the sentence blames the right one."""
    trouble = job_trouble("vendor", error)
    assert type(trouble) is kind
    assert str(trouble).startswith(sentence)
