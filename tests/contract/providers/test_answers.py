"""Every answer of the table over HTTP: its class, its sentence, one call, nothing paid; and the page made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from concept_worker.devstack.fake_provider import FakeProvider, Fault, FaultKind
from concept_worker.errors import ConceptWorkerError, MaybeCharged, ProviderUnavailable, RateLimited
from concept_worker.services.http import troubles
from concept_worker.services.http.blame import Blame
from tests.contract.providers.answers import ANSWERS, Answer
from tests.contract.providers.answers_page import PAGE, page

SENTENCES = {
    Blame.CONTENT: troubles.CONTENT,
    Blame.REQUEST: troubles.REQUEST,
    Blame.PARAMETER: troubles.PARAMETER,
    Blame.KEY: troubles.ACCESS,
    Blame.ORGANIZATION: troubles.ORGANIZATION,
    Blame.CREDIT: troubles.ACCOUNT,
    Blame.ADDRESS: troubles.GONE,
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_an_answer_becomes_its_trouble(fake: FakeProvider, build: Any, image: Any, answer: Answer) -> None:
    """Through the real adapter: the user's sentence, the operator's, one call, nothing billed."""
    body = "<html><body>error</body></html>" if answer.body is None else answer.body
    fake.faults.add(Fault(kind=FaultKind.CANNED, status=answer.status, headers=dict(answer.headers), body=body))
    with capture_logs() as lines, pytest.raises(ConceptWorkerError) as caught:
        image(build("openai"))
    if answer.blame in SENTENCES:
        assert str(caught.value) == SENTENCES[answer.blame]
    elif answer.headers.get("x-should-retry") == "false":
        assert str(caught.value) == troubles.STOPPED
    else:
        assert isinstance(caught.value, ProviderUnavailable)
        assert isinstance(caught.value, RateLimited) is (answer.blame is Blame.LIMIT or bool(answer.wait))
        assert isinstance(caught.value, MaybeCharged) is (answer.status in (502, 504, 520, 524))
    refused = [line for line in lines if line["event"] == "provider refused"]
    assert [(line["blame"], line["advice"]) for line in refused] == [(answer.blame, troubles.ADVICE[answer.blame])]
    assert (len(fake.calls), fake.paid()) == (1, 0)


def test_the_page_says_what_the_table_says() -> None:
    """`python -m tests.contract.providers.answers_page` writes it."""
    assert Path(PAGE).read_text() == page()
