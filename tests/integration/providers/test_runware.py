"""Runware behind a real worker: one order is paid, whatever happens between the order and the picture."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
from concept_worker.models import ConceptRow, PaletteSource, TaskRow, TaskStatus
from tests.conftest import StartSystem
from tests.integration.providers.wired import KEY, LOGO, SETTINGS, SPEED, THEME, Wired
from tests.integration.tasks.runs import reconcile
from tests.waiting import until

FOREVER = Latency(low=1e6, high=1e6)


@pytest.fixture(scope="module")
def running(start_system: StartSystem) -> Iterator[Wired]:
    """A worker whose provider is Runware's fake; an execution that is gone is taken over soon."""
    latency: dict[str, Latency] = {}
    with FakeProvider(FakeProviderOptions(api_key=KEY, latency=latency, speed=SPEED)) as fake:
        environment = {
            "CONCEPT_PROVIDER": "runware",
            "RUNWARE_API_KEY": KEY,
            "CONCEPT_RUNWARE_BASE_URL": fake.runware_url,
            "CONCEPT_IMAGE_TIMEOUT_SECONDS": "5",
            "CONCEPT_LEASE_SECONDS": "2",
            "CONCEPT_LOG_LEVEL": "INFO",
        }
        yield Wired(fake, start_system(**(SETTINGS | environment)), latency)


@pytest.fixture
def wires(running: Wired) -> Iterator[Wired]:
    """The worker, its fake as new."""
    running.reset()
    yield running
    running.reset()


def started(wires: Wired, user_id: UUID) -> TaskRow:
    """The usual generation, on its way."""
    return wires.system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1)


def drawing(wires: Wired, user_id: UUID) -> TaskRow:
    """A generation whose job draws for ever; the worker has looked at it more than once."""
    wires.latency["job"] = FOREVER
    row = started(wires, user_id)
    until(lambda: wires.calls("poll") > 1, "the worker to look at the job")
    return row


def test_a_concept_is_one_paid_order(wires: Wired, user_id: UUID) -> None:
    """Ordered, looked at, downloaded; palettes by colour harmony."""
    row = wires.generate(user_id)
    assert row.status is TaskStatus.COMPLETED
    assert wires.sources(row) == [PaletteSource.LOCAL]
    assert (wires.calls("image"), wires.fake.paid()) == (1, 1)


def test_a_refinement_is_one_paid_order(wires: Wired, user_id: UUID) -> None:
    """The stored original goes along."""
    original: ConceptRow = wires.concept(wires.generate(user_id))
    assert wires.refine(original).status is TaskStatus.COMPLETED
    assert (wires.fake.paid("image"), wires.fake.paid("refine")) == (1, 1)


def test_waiting_is_shown_and_is_no_attempt(wires: Wired, user_id: UUID) -> None:
    """The row says how far the picture is; many more looks than attempts."""
    row = drawing(wires, user_id)
    until(lambda: wires.calls("poll") > 5, "more looks than attempts")
    until(lambda: "40 %" in str(wires.system.client.get_task(row.id, user_id).metadata), "the percent in the row")
    wires.latency.clear()
    assert wires.ended(row).status is TaskStatus.COMPLETED
    assert (wires.calls("image"), wires.fake.paid()) == (1, 1)


def test_a_worker_killed_while_the_job_draws_costs_nothing(wires: Wired, user_id: UUID) -> None:
    """SIGKILL; the next execution collects the same job."""
    row = drawing(wires, user_id)
    wires.system.worker.kill()
    wires.latency.clear()
    wires.system.worker.container.start()
    wires.system.worker.ready()

    def has_ended() -> bool:
        reconcile(wires.system)
        return wires.system.client.get_task(row.id, user_id).status.is_terminal

    until(has_ended, "the run after it to collect")
    assert wires.ended(row).status is TaskStatus.COMPLETED
    assert (wires.calls("image"), wires.fake.paid()) == (1, 1)


@pytest.mark.parametrize("kind", [FaultKind.DISCONNECT, FaultKind.CUT])
def test_an_order_whose_answer_is_lost_is_paid_once(wires: Wired, user_id: UUID, kind: FaultKind) -> None:
    """It is placed again under its id, and found."""
    wires.fake.faults.add(Fault(kind=kind, endpoint="image", times=1))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert (wires.calls("image"), wires.fake.paid()) == (2, 1)


def test_a_job_that_failed_is_ordered_again(wires: Wired, user_id: UUID) -> None:
    """By the provider's own fault: the row goes on."""
    wires.fake.faults.add(Fault(kind=FaultKind.STATUS, endpoint="job", times=1))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.fake.paid() == 2


def test_declined_content_ends_the_row_with_its_sentence(wires: Wired, user_id: UUID) -> None:
    """Told to the user in our words; ordered once."""
    wires.fake.faults.add(Fault(kind=FaultKind.CONTENT, endpoint="job"))
    row = wires.generate(user_id)
    assert row.status is TaskStatus.FAILED
    assert "declined this content" in str(row.error_message)
    assert wires.fake.paid() == 1


@pytest.mark.parametrize("kind", [FaultKind.QUOTA, FaultKind.CONTENT, FaultKind.FAILURE])
def test_a_job_that_was_refused_is_ordered_again_by_retry(wires: Wired, user_id: UUID, kind: FaultKind) -> None:
    """Its receipt leads to nothing, and does not keep the user from a second order."""
    wires.fake.faults.add(Fault(kind=kind, endpoint="job", times=1))
    failed = wires.generate(user_id)
    assert failed.status is TaskStatus.FAILED
    again = wires.ended(wires.system.client.retry(failed.id, user_id))
    assert again.status is TaskStatus.COMPLETED
    assert wires.fake.paid() == 2


def test_a_link_that_fails_is_followed_again(wires: Wired, user_id: UUID) -> None:
    """The store of pictures is away for a moment."""
    wires.fake.faults.add(Fault(kind=FaultKind.STATUS, status=503, endpoint="result", times=1))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.fake.paid() == 1


def test_a_canceled_task_is_not_asked_for_any_more(wires: Wired, user_id: UUID) -> None:
    """The wire has no cancel: the job draws to its end, and nobody looks at it."""
    row = drawing(wires, user_id)
    wires.system.client.cancel(row.id, user_id)
    assert wires.ended(row).status is TaskStatus.CANCELED
    wires.latency.clear()
    other = wires.generate(user_id)  # whatever the canceled run still had in hand is over by then
    assert other.status is TaskStatus.COMPLETED
    links = [call for call in wires.fake.calls if call.endpoint == "result"]
    assert (len(links), wires.fake.paid()) == (1, 2)
