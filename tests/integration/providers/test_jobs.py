"""Providers that work as queues of jobs, through a real worker: an order is paid once, whoever dies while it waits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind, Latency
from concept_worker.models import TaskRow, TaskStatus
from concept_worker.settings import Provider
from tests.integration.providers.wired import LOGO, SPEED, THEME, Wired
from tests.integration.tasks.runs import ended, reconcile
from tests.waiting import until

K = FaultKind
LONG = Latency(low=100_000, high=100_000)  # seconds of a job that ends with its test
CONTENT = "The image provider declined this content; please describe it in other words."

DECLINED: dict[Provider, dict[str, Any]] = {
    Provider.REPLICATE: {"body": {"status": "failed", "output": None, "error": "NSFW content detected."}},
    Provider.FAL: {"status": 422, "body": {"detail": [{"msg": "No.", "type": "content_policy_violation"}]}},
}
STOPPED: dict[Provider, dict[str, Any]] = {
    Provider.REPLICATE: {"body": {"status": "aborted", "output": None}},
    Provider.FAL: {"status": 503, "body": {"detail": "No.", "error_type": "runner_disconnected"}},
}

pytestmark = pytest.mark.parametrize("wires", ["replicate_worker", "fal_worker"], indirect=True)


def ordered(wires: Wired, user_id: UUID) -> TaskRow:
    """A generation whose picture is ordered and does not come."""
    wires.latency["job"] = LONG
    row = wires.system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1)
    until(lambda: wires.calls("poll") > 0, "the first poll")
    return row


def test_a_picture_is_ordered_once_and_collected(wires: Wired, user_id: UUID) -> None:
    """Palettes are made without the provider."""
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (1, 1)
    assert (wires.fake.paid(), wires.calls("palettes")) == (1, 0)


def test_a_refinement_is_ordered_once(wires: Wired, user_id: UUID) -> None:
    """The stored concept is what is changed."""
    concept = wires.concept(wires.generate(user_id))
    assert wires.refine(concept).status is TaskStatus.COMPLETED
    assert (wires.fake.paid("image"), wires.fake.paid("refine")) == (1, 1)


def test_the_row_tells_of_the_wait_which_is_no_attempt(wires: Wired, user_id: UUID) -> None:
    """However often it is polled: more polls than a step has tries."""
    row = ordered(wires, user_id)

    def reason() -> str:
        return str(wires.system.client.get_task(row.id, user_id).metadata.get("retry", {}).get("reason", ""))

    until(lambda: reason() != "", "the wait to be shown")
    assert reason().startswith("The image provider ")
    until(lambda: wires.calls("poll") > 4, "more polls than tries")
    wires.latency.clear()
    assert wires.ended(row).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (1, 1)


def test_a_worker_that_is_killed_while_the_job_waits_pays_nothing_again(wires: Wired, user_id: UUID) -> None:
    """SIGKILL; the next process collects with the receipt."""
    row = ordered(wires, user_id)
    wires.system.worker.kill()
    wires.latency.clear()
    wires.system.worker.container.start()
    wires.system.worker.ready()
    assert ended(wires.system, row).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (1, 1)


@pytest.mark.parametrize("kind", [K.DISCONNECT, K.CUT])
def test_a_lost_answer_to_the_order_costs_one_more_order(wires: Wired, user_id: UUID, kind: FaultKind) -> None:
    """The vendor keeps no key of ours, so that the first order cannot be found again."""
    wires.fake.faults.add(Fault(kind=kind, endpoint="image", times=1))
    assert wires.generate(user_id).status is TaskStatus.COMPLETED
    assert wires.bill()["image"] == (2, 2)


def test_answers_that_are_always_lost_cost_two_orders(wires: Wired, user_id: UUID) -> None:
    """And the row says what may have happened."""
    wires.fake.faults.add(Fault(kind=K.DISCONNECT, endpoint="image"))
    row = wires.generate(user_id)
    assert (row.status, wires.bill()["image"]) == (TaskStatus.FAILED, (2, 2))
    assert str(row.error_message).endswith("the call may have been charged.")


def test_a_canceled_task_is_cancelled_at_the_provider(wires: Wired, user_id: UUID) -> None:
    """Its job stops, and nobody collects it."""
    row = ordered(wires, user_id)
    wires.system.client.cancel(row.id, user_id)

    def is_cancelled() -> bool:
        reconcile(wires.system)
        return wires.calls("cancel") > 0

    until(is_cancelled, "the job to be cancelled")
    assert wires.ended(row).status is TaskStatus.CANCELED
    assert (wires.bill()["image"], wires.calls("result")) == ((1, 1), 0)


def test_a_task_canceled_during_a_poll_is_cancelled_at_the_provider(wires: Wired, user_id: UUID) -> None:
    """The execution that polls finds it out only when it wants to wait."""
    wires.fake.faults.add(Fault(kind=K.LATE, endpoint="poll", times=1, seconds=0.3 * SPEED))
    row = ordered(wires, user_id)
    wires.system.client.cancel(row.id, user_id)
    until(lambda: wires.calls("cancel") > 0, "the job to be cancelled")
    assert wires.bill()["image"] == (1, 1)


def test_a_job_that_is_declined_fails_the_row_and_may_be_ordered_again(wires: Wired, user_id: UUID) -> None:
    """The receipt of a job without a picture is dropped: `retry` does not meet the same refusal again."""
    wires.fake.faults.add(declined(wires))
    row = wires.generate(user_id)
    assert (row.status, wires.bill()["image"]) == (TaskStatus.FAILED, (1, 1))
    assert str(row.error_message).endswith(CONTENT)
    again = wires.ended(wires.system.client.retry(row.id, user_id))
    assert (again.status, wires.bill()["image"]) == (TaskStatus.COMPLETED, (2, 2))


def test_a_job_that_is_stopped_is_ordered_again(wires: Wired, user_id: UUID) -> None:
    """Another order, within the same run."""
    wires.fake.faults.add(stopped(wires))
    row = wires.generate(user_id)
    assert (row.status, row.run, wires.bill()["image"]) == (TaskStatus.COMPLETED, 1, (2, 2))


def declined(wires: Wired) -> Fault:
    """The next job is declined, as the worker's vendor says it."""
    return Fault(kind=K.CANNED, endpoint="job", times=1, **DECLINED[wires.system.settings.provider[0]])


def stopped(wires: Wired) -> Fault:
    """The next job is stopped at no cost, as the worker's vendor says it."""
    return Fault(kind=K.CANNED, endpoint="job", times=1, **STOPPED[wires.system.settings.provider[0]])
