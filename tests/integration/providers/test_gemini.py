"""Gemini behind a real worker: a picture is one call, and only a lost answer is asked for once more."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.models import PaletteSource, TaskStatus
from tests.conftest import StartSystem
from tests.integration.providers.wired import KEY, SETTINGS, SPEED, Wired

K = FaultKind


@pytest.fixture(scope="module")
def running(start_system: StartSystem) -> Iterator[Wired]:
    """A worker whose provider is Gemini's fake."""
    with FakeProvider(FakeProviderOptions(api_key=KEY, speed=SPEED)) as fake:
        environment = {
            "CONCEPT_PROVIDER": "gemini",
            "GEMINI_API_KEY": KEY,
            "CONCEPT_GEMINI_BASE_URL": fake.gemini_url,
            "CONCEPT_IMAGE_TIMEOUT_SECONDS": "5",
        }
        yield Wired(fake, start_system(**(SETTINGS | environment)))


@pytest.fixture
def wires(running: Wired) -> Iterator[Wired]:
    """The worker, its fake as new."""
    running.reset()
    yield running
    running.reset()


def test_a_concept_and_its_refinement_are_one_paid_call_each(wires: Wired, user_id: UUID) -> None:
    """Palettes by colour harmony."""
    row = wires.generate(user_id)
    assert wires.sources(row) == [PaletteSource.LOCAL]
    assert wires.refine(wires.concept(row)).status is TaskStatus.COMPLETED
    assert wires.bill() == {"image": (1, 1), "refine": (1, 1)}


@pytest.mark.parametrize("kind", [K.DISCONNECT, K.CUT])
def test_a_lost_answer_is_asked_for_once_more(wires: Wired, user_id: UUID, kind: FaultKind) -> None:
    """The wire has no key by which the first picture could be found."""
    wires.fake.faults.add(Fault(kind=kind, times=1))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.bill() == {"image": (2, 2)}


def test_answers_that_are_always_lost_cost_two(wires: Wired, user_id: UUID) -> None:
    """And the row says what may have happened."""
    wires.fake.faults.add(Fault(kind=K.DISCONNECT))
    row = wires.generate(user_id)
    assert (row.status, wires.bill()) == (TaskStatus.FAILED, {"image": (2, 2)})
    assert str(row.error_message).endswith("the call may have been charged.")


def test_declined_content_is_the_users(wires: Wired, user_id: UUID) -> None:
    """Google says it with a 200 and no picture."""
    wires.fake.faults.add(Fault(kind=K.CONTENT))
    row = wires.generate(user_id)
    assert (row.status, wires.bill()) == (TaskStatus.FAILED, {"image": (1, 0)})
    assert str(row.error_message).endswith("declined this content; please describe it in other words.")
