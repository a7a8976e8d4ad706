"""One table from HTTP to this package's words for trouble."""

from __future__ import annotations

import pytest

from concept_worker.errors import ConceptWorkerError, ProviderRefused, ProviderUnavailable, RateLimited
from concept_worker.services.provider_http.troubles import (
    LONGEST_WAIT,
    retry_after_seconds,
    sane_wait,
    status_trouble,
)

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ((301, 302, 307, 204, 206), ProviderRefused),
        ((400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451), ProviderRefused),
        ((408, 409, 425, 500, 501, 502, 503, 504, 520, 529), ProviderUnavailable),
        ((429,), RateLimited),
    ],
)
def test_statuses(statuses: tuple[int, ...], error: type[ConceptWorkerError]) -> None:
    """What may pass is told from what will not, by the status alone."""
    assert {type(status_trouble(status)) for status in statuses} == {error}


def test_success_is_no_trouble() -> None:
    """200, and 201 for a stored file."""
    assert status_trouble(200) is None
    assert status_trouble(201) is None


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_said_wait_is_carried(status: int) -> None:
    """Also a 503 may say how long."""
    trouble = status_trouble(status, retry_after=7.5)
    assert isinstance(trouble, RateLimited)
    assert trouble.retry_after == 7.5


def test_sentences_name_no_status_and_no_provider() -> None:
    """One safe sentence for the user's row."""
    for status in (400, 401, 404, 429, 500):
        sentence = str(status_trouble(status))
        assert sentence.endswith(".")
        assert not any(character.isdigit() for character in sentence)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "12"}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:59:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "inf"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "99999999"}, 0.0),
        ({"retry-after-ms": "x", "retry-after": "4"}, 4.0),
        ({}, 0.0),
    ],
)
def test_waits(headers: dict[str, str], seconds: float) -> None:
    """Seconds, milliseconds and dates; nonsense counts as not said."""
    assert retry_after_seconds(headers, NOW) == pytest.approx(seconds)


def test_only_sane_waits() -> None:
    """Neither the past nor next week."""
    assert [sane_wait(value) for value in (-1, 0, 1, LONGEST_WAIT, LONGEST_WAIT + 1)] == [0, 0, 1, LONGEST_WAIT, 0]
