"""Rows that kill whatever process works on them are given up; the rows beside them end as if nothing had been."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.devstack.fake_provider.pictures import PlainArtist
from concept_worker.models import TaskRow, TaskStatus
from tests.conftest import StartSystem, System
from tests.integration.tasks.poison import KILLS_DECODER, KILLS_PAINTER, KILLS_WORKER
from tests.integration.tasks.runs import ended, look, reconcile
from tests.waiting import until

POISONED = "tests.integration.tasks.poison"
PAINTERS = ("--queues", "images", "--pool", "prefork", "--concurrency", "2")
DEADLY = "a logo that kills its worker"
HOSTILE = "a logo that kills its decoder"
LARGE = "a logo on a wall"
CALL_SECONDS = 3.0  # longer than a worker takes to start again
# A child that has grown is replaced after each try, and Celery's pool may notice its end only at its next round, up
# to 5 s later: a lease shorter than that makes a stall of it.
PATIENT = {"CONCEPT_LEASE_SECONDS": "30", "CONCEPT_PENDING_SECONDS": "30"}


class Artist(PlainArtist):
    """Draws some logos deadly, and some larger than asked for."""

    def draw(self, prompt: str, seed: int, width: int, height: int) -> bytes:
        if LARGE in prompt:
            return super().draw(prompt, seed, 4096, 4096)
        picture = super().draw(prompt, seed, width, height)
        if HOSTILE in prompt:
            return picture + KILLS_DECODER
        return picture + KILLS_WORKER if DEADLY in prompt else picture


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """One that remembers nothing: every repeated call is paid."""
    with FakeProvider(FakeProviderOptions(cache=False, artist=Artist())) as fake:
        yield fake


@pytest.fixture
def settings(provider: FakeProvider) -> dict[str, str]:
    """That provider, and leases short enough to watch."""
    return {
        "JIGSAWSTACK_API_KEY": provider.api_key,
        "JIGSAWSTACK_API_URL": provider.url,
        "CONCEPT_LEASE_SECONDS": "1.5",
        "CONCEPT_PENDING_SECONDS": "1",  # a start that died with its worker before its claim
        "CONCEPT_MAX_INTERRUPTIONS": "3",
    }


def generate(system: System, user_id: UUID, logo: str) -> TaskRow:
    """A row with one palette."""
    return system.client.generate(user_id=user_id, logo_description=logo, theme_description="calm", num_palettes=1)


def all_ended(system: System, rows: Sequence[TaskRow]) -> list[TaskRow]:
    """The rows at their end, with a supervisor for the worker, and housekeeping as often as beat would ask for it."""

    def are_over() -> bool:
        if system.worker.container.status == "exited":
            system.worker.container.start()
        reconcile(system)
        return all(look(system, row).status.is_terminal for row in rows)

    until(are_over, "the rows to end")
    return [look(system, row) for row in rows]


def images_paid(provider: FakeProvider, logo: str) -> int:
    """How many pictures of that logo were paid for."""
    return sum(call.paid and call.endpoint == "image" and logo in str(call.body) for call in provider.calls)


def with_painters(start_system: StartSystem, settings: dict[str, str], **more: str) -> System:
    """As in the Procfile: threads that call, and prefork children that paint."""
    system = start_system("--queues", "concepts,housekeeping", **settings)
    broker = {"REDIS_URL": system.settings.redis_url, "CONCEPT_RESULT_URL": system.settings.redis_url}
    start_system(*PAINTERS, **settings | broker | more)
    return system


def test_rows_in_the_same_process_come_through(
    start_system: StartSystem, provider: FakeProvider, settings: dict[str, str], user_id: UUID
) -> None:
    """A picture that kills its worker takes their calls with it until its last try, which it is given alone. It is
    paid once: its bytes wait in staging before anybody looks at them.
    """
    provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, seconds=CALL_SECONDS))
    system = start_system(**settings, app=POISONED)
    neighbours = [generate(system, user_id, f"a fox beside it, number {number}") for number in range(3)]
    poison = generate(system, user_id, DEADLY)
    *spared, given_up = all_ended(system, [*neighbours, poison])
    provider.faults.clear()
    assert [row.status for row in spared] == [TaskStatus.COMPLETED] * len(neighbours)
    assert given_up.status is TaskStatus.FAILED
    assert "was interrupted 3 times and was given up" in str(given_up.error_message)
    assert images_paid(provider, DEADLY) == 1


def test_a_picture_that_kills_its_decoder_takes_nobody_along(
    start_system: StartSystem, provider: FakeProvider, settings: dict[str, str], user_id: UUID
) -> None:
    """Calls beside it in the same process go on. It is paid once, ends two processes at most, and its row says so."""
    provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, seconds=CALL_SECONDS))
    system = start_system(**settings | PATIENT, app=POISONED)
    pid = system.worker.container.pid
    hostile = generate(system, user_id, HOSTILE)
    neighbours = [generate(system, user_id, f"a wren beside it, number {number}") for number in range(3)]
    *spared, failed = all_ended(system, [*neighbours, hostile])
    provider.faults.clear()
    assert (system.worker.container.status, system.worker.container.pid) == ("running", pid)
    assert [(row.status, row.run) for row in spared] == [(TaskStatus.COMPLETED, 1)] * len(neighbours)
    assert images_paid(provider, "a wren") == len(neighbours)
    assert (failed.status, failed.run, images_paid(provider, HOSTILE)) == (TaskStatus.FAILED, 1, 1)
    assert failed.error_message == (
        "Error in generation task processing: Error getting image data: The image ended the process that decoded it."
    )


def test_rows_in_other_processes_do_not_notice(
    start_system: StartSystem, provider: FakeProvider, settings: dict[str, str], user_id: UUID
) -> None:
    """A child that dies at a picture again and again does not keep the others: each ends in its first run, before."""
    system = with_painters(start_system, settings, app=POISONED)
    poison = generate(system, user_id, KILLS_PAINTER)
    until(lambda: look(system, poison).stage == "create_variations", "the first death")
    neighbours = [generate(system, user_id, f"a heron behind it, number {number}") for number in range(3)]
    until(lambda: all(look(system, row).status.is_terminal for row in neighbours), "the rows behind it")
    assert look(system, poison).status is TaskStatus.PROCESSING
    assert [(row.status, row.run) for row in (look(system, row) for row in neighbours)] == [
        (TaskStatus.COMPLETED, 1)
    ] * len(neighbours)
    given_up = ended(system, poison)
    assert given_up.status is TaskStatus.FAILED
    assert "was interrupted 3 times and was given up" in str(given_up.error_message)
    assert images_paid(provider, KILLS_PAINTER) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not hold a process to RLIMIT_DATA")
def test_a_picture_too_large_for_the_memory_fails_alone(
    start_system: StartSystem, provider: FakeProvider, settings: dict[str, str], user_id: UUID
) -> None:
    """It meets the children's limit, each try anew, and says so; no process dies of it."""
    system = with_painters(start_system, settings | PATIENT, CONCEPT_CHILD_MEMORY_MB="300")
    large = generate(system, user_id, LARGE)
    neighbours = [generate(system, user_id, f"an owl beside it, number {number}") for number in range(3)]
    *spared, failed = all_ended(system, [*neighbours, large])
    assert [(row.status, row.run) for row in spared] == [(TaskStatus.COMPLETED, 1)] * len(neighbours)
    assert failed.error_message == (
        "Error in generation task processing: there was not enough memory to create variations"
    )
    assert (failed.run, images_paid(provider, LARGE)) == (1, 1)
