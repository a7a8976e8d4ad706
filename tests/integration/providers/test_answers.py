"""The answers that used to blame the wrong one, through a real worker: the row's sentence, the calls, and the bill."""

from __future__ import annotations

from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.models import TaskStatus
from concept_worker.services.http import troubles
from concept_worker.services.http.blame import Blame
from tests.contract.providers.answers import ANSWERS, Answer
from tests.integration.providers.wired import Wired

SENTENCES = {
    Blame.CONTENT: troubles.CONTENT,
    Blame.REQUEST: troubles.REQUEST,
    Blame.PARAMETER: troubles.PARAMETER,
    Blame.KEY: troubles.ACCESS,
    Blame.ORGANIZATION: troubles.ORGANIZATION,
    Blame.CREDIT: troubles.ACCOUNT,
    Blame.ADDRESS: troubles.GONE,
}
_VENDORS = {"azure", "openrouter", "fal", "comfy", "stability", "ideogram", "runware", "replicate", "relay", "xai"}
# Lasting refusals of other vendors than the one the wire is named for, and the two of that one which were misread.
WORST = [
    answer
    for answer in ANSWERS
    if answer.blame in SENTENCES
    and (
        answer.vendor in _VENDORS
        or answer.blame in (Blame.ORGANIZATION, Blame.PARAMETER)
        or "0/1min" in str(answer.body)
    )
]


@pytest.mark.parametrize("wires", ["openai_worker"], indirect=True)
@pytest.mark.parametrize("answer", WORST, ids=lambda answer: answer.name)
def test_a_refusal_blames_the_right_one(wires: Wired, user_id: UUID, answer: Answer) -> None:
    """Failed after one call, nothing billed, and the user reads who must act."""
    fault = Fault(kind=FaultKind.CANNED, status=answer.status, headers=dict(answer.headers), body=answer.body)
    wires.fake.faults.add(fault.model_copy(update={"endpoint": "image"}))
    row = wires.generate(user_id)
    ours = "Error in generation task processing: Base concept generation failed: "
    assert (row.status, row.error_message) == (TaskStatus.FAILED, ours + SENTENCES[answer.blame])
    assert wires.bill() == {"image": (1, 0)}
    advice = [line["advice"] for line in wires.lines(row) if line["event"] == "provider refused"]
    assert advice == [troubles.ADVICE[answer.blame]]


def test_there_are_enough_of_them() -> None:
    """At least twenty."""
    assert len(WORST) >= 20
