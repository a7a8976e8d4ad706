"""Orders at Runware, and what the fake was asked."""

from __future__ import annotations

from typing import Any

from concept_worker.devstack.fake_provider import FakeProvider
from concept_worker.models import Receipt
from tests.contract.providers.briefs import BRIEF


def ordered(generator: Any, *, seed: int = 7) -> Receipt:
    """The receipt of the usual order."""
    receipt = generator.draw(BRIEF, seed=seed)
    assert isinstance(receipt, Receipt)
    return receipt


def asked(fake: FakeProvider, *endpoints: str) -> list[str]:
    """The endpoints that were called, in order."""
    return [call.endpoint for call in fake.calls if not endpoints or call.endpoint in endpoints]
