"""Declined content is told in the same words on every wire: the user may say it in others."""

from __future__ import annotations

from typing import Any

import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.errors import ConceptWorkerError, ContentDeclined, JobEnded
from concept_worker.services.http.troubles import CONTENT

WIRES = ("jigsawstack", "openai", "openai-responses", "gemini", "runware", "replicate", "fal")


@pytest.mark.parametrize("wire", WIRES)
def test_declined_content_is_nobodys_mistake(fake: Any, build: Any, image: Any, wire: str) -> None:
    """Not a refused request, which an operator would look into; and no picture is paid for."""
    fake.faults.add(Fault(kind=FaultKind.CONTENT, endpoint="image"))
    with pytest.raises(ConceptWorkerError) as caught:
        image(build(wire))
    error = caught.value.trouble if isinstance(caught.value, JobEnded) else caught.value
    assert (type(error), str(error)) == (ContentDeclined, CONTENT)
