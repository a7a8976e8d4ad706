"""Whom an answer blames, for every shape of the table, and for bodies that are no shape at all."""

from __future__ import annotations

from typing import Any

import pytest

from concept_worker.services.http.blame import Blame, judge
from concept_worker.services.http.waits import asked_wait, must_not_retry
from tests.contract.providers.answers import ANSWERS, Answer

NOW = 1_800_000_000.0


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_an_answer_blames_the_right_one(answer: Answer) -> None:
    """The verdict of the table."""
    assert judge(answer.status, answer.headers, answer.body).blame is answer.blame


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_an_answer_says_how_long_to_wait(answer: Answer) -> None:
    """The wait of the table; most ask for none."""
    assert asked_wait(answer.headers, answer.body, NOW) == pytest.approx(answer.wait)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        7,
        [],
        {},
        "text",
        [[[[]]]],
        {"error": None},
        {"error": []},
        {"error": [None, 3]},
        {"code": {"code": 1}},
    ],
)
def test_a_body_without_a_shape_is_judged_by_its_status(body: Any) -> None:
    """Nothing in it is needed."""
    assert judge(400, {}, body).blame is Blame.REQUEST
    assert judge(429, {}, body).blame is Blame.LIMIT
    assert judge(500, {}, body).blame is Blame.OUTAGE


def test_a_verdict_carries_a_short_code_only() -> None:
    """Words of a vendor may echo the request: what is no code does not leave."""
    body = {"error": {"code": "a fox\nwith KEY=sk-secret", "type": "x" * 500}}
    assert judge(400, {}, body).code == ""
    assert judge(400, {}, {"error": {"code": "invalid_value"}}).code == "invalid_value"


def test_a_deep_and_wide_body_is_read_in_part() -> None:
    """A body made to be expensive costs no more than a real one."""
    deep: Any = {"code": "moderation_blocked"}
    for _ in range(500):
        deep = {"error": deep}
    wide = {"errors": [{"code": "x"}] * 100_000}
    assert judge(400, {}, deep).blame is Blame.REQUEST
    assert judge(400, {}, wide).blame is Blame.REQUEST


def test_a_provider_may_ask_not_to_be_asked_again() -> None:
    """As OpenAI's own client obeys."""
    assert must_not_retry({"x-should-retry": "false"})
    assert not must_not_retry({})
