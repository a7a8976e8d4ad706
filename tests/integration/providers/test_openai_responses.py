"""OpenAI's responses in background mode behind a real worker: what is ordered once is collected by whoever lives."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
from concept_worker.models import PaletteSource, TaskRow, TaskStatus
from tests.conftest import StartSystem
from tests.integration.providers.wired import KEY, LOGO, SETTINGS, SPEED, THEME, Wired
from tests.integration.tasks.runs import ended, reconcile
from tests.waiting import until

K = FaultKind
FOREVER = Latency(low=1e6, high=1e6)


@pytest.fixture(scope="module")
def running(start_system: StartSystem) -> Iterator[Wired]:
    """A worker whose provider is the fake; an execution that is gone is taken over soon."""
    latency: dict[str, Latency] = {}
    with FakeProvider(FakeProviderOptions(api_key=KEY, latency=latency, speed=SPEED)) as fake:
        environment = {
            "CONCEPT_PROVIDER": "openai-responses",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": fake.openai_url,
            "CONCEPT_IMAGE_TIMEOUT_SECONDS": "5",
            "CONCEPT_PALETTE_TIMEOUT_SECONDS": "5",
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


def drawing(wires: Wired, user_id: UUID) -> TaskRow:
    """A generation whose job draws for ever; the worker has polled it more than once."""
    wires.latency["job"] = FOREVER
    row = wires.system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1)
    until(lambda: wires.calls("poll") > 1, "the worker to poll the job")
    return row


def ending(**fields: object) -> Fault:
    """The next job ends so."""
    return Fault(kind=K.CANNED, endpoint="job", times=1, body={"output": [], **fields})


def test_a_concept_is_one_paid_order(wires: Wired, user_id: UUID) -> None:
    """And one paid call for its palettes."""
    row = wires.generate(user_id)
    assert wires.sources(row) == [PaletteSource.PROVIDER]
    assert (wires.bill()["image"], wires.fake.paid()) == ((1, 1), 2)


def test_a_refinement_is_one_paid_order(wires: Wired, user_id: UUID) -> None:
    """The stored concept goes along."""
    concept = wires.concept(wires.generate(user_id))
    assert wires.refine(concept).status is TaskStatus.COMPLETED
    assert (wires.fake.paid("image"), wires.fake.paid("refine")) == (1, 1)


def test_the_row_tells_of_the_wait_which_is_no_attempt(wires: Wired, user_id: UUID) -> None:
    """More polls than a step has tries."""
    row = drawing(wires, user_id)

    def reason() -> str:
        return str(wires.system.client.get_task(row.id, user_id).metadata.get("retry", {}).get("reason", ""))

    until(lambda: reason() == "The image provider has not begun to draw yet.", "the wait to be shown")
    until(lambda: wires.calls("poll") > 4, "more polls than tries")
    wires.latency.clear()
    assert wires.ended(row).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (1, 1)


def test_a_worker_killed_while_the_job_draws_pays_nothing_again(wires: Wired, user_id: UUID) -> None:
    """SIGKILL; the next process collects with the receipt."""
    row = drawing(wires, user_id)
    wires.system.worker.kill()
    wires.latency.clear()
    wires.system.worker.container.start()
    wires.system.worker.ready()
    assert ended(wires.system, row).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (1, 1)


@pytest.mark.parametrize("kind", [K.DISCONNECT, K.CUT])
def test_a_lost_answer_to_the_order_costs_one_more(wires: Wired, user_id: UUID, kind: FaultKind) -> None:
    """The vendor keeps no key of ours, so that the first order cannot be found again."""
    wires.fake.faults.add(Fault(kind=kind, endpoint="image", times=1))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (2, 2)


def test_answers_that_are_always_lost_cost_two(wires: Wired, user_id: UUID) -> None:
    """And the row says what may have happened."""
    wires.fake.faults.add(Fault(kind=K.DISCONNECT, endpoint="image"))
    row = wires.generate(user_id)
    assert (row.status, wires.bill()["image"]) == (TaskStatus.FAILED, (2, 2))
    assert str(row.error_message).endswith("the call may have been charged.")


def test_polls_that_fail_cost_nothing(wires: Wired, user_id: UUID) -> None:
    """The receipt stays."""
    wires.fake.faults.add(Fault(kind=K.STATUS, status=503, endpoint="poll", times=2))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (1, 1)


def test_a_job_that_failed_is_ordered_once_more(wires: Wired, user_id: UUID) -> None:
    """It may have been charged: not as often as a step has tries."""
    wires.fake.faults.add(Fault(kind=K.CANNED, endpoint="job", body={"status": "failed", "output": [], "error": None}))
    row = wires.generate(user_id)
    assert (row.status, wires.bill()["image"]) == (TaskStatus.FAILED, (2, 2))
    assert str(row.error_message).endswith("it may have been charged.")


def test_a_job_that_met_a_limit_is_ordered_again(wires: Wired, user_id: UUID) -> None:
    """Within the same run: nothing was drawn."""
    wires.fake.faults.add(ending(status="failed", error={"code": "rate_limit_exceeded"}))
    row = wires.generate(user_id)
    assert (row.status, row.run, wires.calls("image")) == (TaskStatus.COMPLETED, 1, 2)


def test_declined_content_fails_the_row_and_may_be_ordered_again(wires: Wired, user_id: UUID) -> None:
    """The receipt of a job without a picture is dropped: `retry` does not meet the same refusal again."""
    wires.fake.faults.add(ending(status="failed", error={"code": "image_content_policy_violation"}))
    row = wires.generate(user_id)
    assert (row.status, wires.calls("image")) == (TaskStatus.FAILED, 1)
    assert str(row.error_message).endswith("declined this content; please describe it in other words.")
    again = wires.ended(wires.system.client.retry(row.id, user_id))
    assert (again.status, wires.calls("image")) == (TaskStatus.COMPLETED, 2)


def test_a_canceled_task_is_cancelled_at_the_provider(wires: Wired, user_id: UUID) -> None:
    """Its job stops, and nobody collects it."""
    row = drawing(wires, user_id)
    wires.system.client.cancel(row.id, user_id)

    def is_cancelled() -> bool:
        reconcile(wires.system)
        return wires.calls("cancel") > 0

    until(is_cancelled, "the job to be cancelled")
    assert wires.ended(row).status is TaskStatus.CANCELED
    assert wires.bill()["image"] == (1, 1)
