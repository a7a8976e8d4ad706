"""One table from an error answer to this package's words for trouble."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from concept_worker.errors import (
    AccountRefused,
    ConceptWorkerError,
    ContentDeclined,
    MaybeCharged,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from concept_worker.services.http.troubles import ADVICE, is_success, refusal
from concept_worker.services.http.waits import LONGEST_WAIT, retry_after_seconds, sane_wait
from tests.contract.providers.answers import ANSWERS, Answer

NOW = 1_800_000_000.0


def trouble(
    status: int, headers: dict[str, str] | None = None, body: object = None, *, free: bool = False
) -> ConceptWorkerError:
    """What an answer becomes."""
    return refusal("openai", status, headers or {}, body, NOW, repeats_are_free=free)


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ((301, 302, 307, 204, 206, 401, 402, 403, 404, 405, 410), AccountRefused),
        ((400, 413, 415, 422, 451), ProviderRefused),
        ((408, 409, 425, 500, 501, 503, 521, 522, 529), ProviderUnavailable),
        ((502, 504, 520, 524), MaybeCharged),
        ((429,), RateLimited),
    ],
)
def test_statuses(statuses: tuple[int, ...], error: type[ConceptWorkerError]) -> None:
    """Passing and lasting trouble are told apart by the status where the body says nothing."""
    assert {type(trouble(status)) for status in statuses} == {error}


def test_a_free_repeat_has_no_unknown_outcome() -> None:
    """A provider that answers identical requests from its cache may be asked again at once."""
    assert {type(trouble(status, free=True)) for status in (502, 504, 520, 524)} == {ProviderUnavailable}


def test_success() -> None:
    """200, and 201 for a stored file."""
    assert [status for status in (200, 201, 202, 204, 302, 400) if is_success(status)] == [200, 201]


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_said_wait_is_carried(status: int) -> None:
    """Also a 503 may say how long."""
    raised = trouble(status, {"retry-after": "7.5"})
    assert isinstance(raised, RateLimited)
    assert raised.retry_after == 7.5


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_provider_that_says_no_more_is_not_asked_again(status: int) -> None:
    """`x-should-retry: false` makes passing trouble a lasting one."""
    assert type(trouble(status, {"x-should-retry": "false"})) is ProviderRefused


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_sentences_name_no_status_and_no_word_of_the_vendor(answer: Answer) -> None:
    """One safe sentence for the user's row, one for the operator's log."""
    with capture_logs() as lines:
        sentence = str(trouble(answer.status, dict(answer.headers), answer.body))
    assert sentence.endswith(".")
    assert not any(character.isdigit() for character in sentence)
    (line,) = lines
    assert line["advice"] == ADVICE[answer.blame]
    assert len(str(line)) < 600


def test_each_of_the_seven_has_its_own_sentence() -> None:
    """Content, parameter, key, organization, credit, limit and outage are seven things."""
    wanted = ("content", "parameter", "key", "organization", "credit", "limit", "outage")
    firsts = [next(answer for answer in ANSWERS if answer.blame == blame) for blame in wanted]
    sentences = {str(trouble(answer.status, dict(answer.headers), answer.body)) for answer in firsts}
    assert len(sentences) == len(wanted)
    assert type(trouble(firsts[0].status, body=firsts[0].body)) is ContentDeclined


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
        ({"retry-after": "7200"}, 7200.0),
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
