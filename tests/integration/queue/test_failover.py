"""Redis fails over to a second server while runs are under way: the address stays, the server behind it is another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from uuid import UUID

import pytest
from kombu.exceptions import OperationalError

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Latency
from concept_worker.models import TaskStatus
from tests.chaos.proxy import Proxy
from tests.conftest import StartSystem
from tests.integration.queue.valkey import Valkey
from tests.integration.tasks.runs import reconcile
from tests.waiting import until

RUNS = 6


class Pair:
    """A primary and its replica behind one address."""

    def __init__(self, primary: Valkey, replica: Valkey, door: Proxy) -> None:
        self._primary, self._replica, self._door = primary, replica, door
        self.address = primary.address.replace(str(primary.port), str(door.port)) + "/0"

    def fail_over(self) -> None:
        """Lose the primary; the replica takes its place at the same address."""
        self._primary.kill()
        self._replica.take_over()
        self._door.retarget(self._replica.port)


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers, the second with all that the first has."""
    with ExitStack() as at_end:
        primary, replica = (at_end.enter_context(Valkey(tmp_path_factory.mktemp(name))) for name in ("one", "two"))
        replica.follow(primary)
        yield Pair(primary, replica, at_end.enter_context(Proxy(primary.port)))


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A provider that takes a while for a picture, so that runs are under way."""
    with FakeProvider(FakeProviderOptions(latency={"image": Latency(low=0.3, high=1.2)})) as fake:
        yield fake


def test_runs_survive_a_fail_over(start_system: StartSystem, pair: Pair, provider: FakeProvider, user_id: UUID) -> None:
    """Every run completes. What the replica had not got yet is made again, and nothing is paid a third time."""
    system = start_system(
        REDIS_URL=pair.address,
        CONCEPT_RESULT_URL=pair.address,
        CONCEPT_STAGING_URL=pair.address,
        JIGSAWSTACK_API_KEY=provider.api_key,
        JIGSAWSTACK_API_URL=provider.url,
        CONCEPT_LEASE_SECONDS="2",
        CONCEPT_PENDING_SECONDS="2",
        CONCEPT_RECONCILE_SECONDS="1",
    )
    rows = [
        system.client.generate(user_id=user_id, logo_description=f"a fox {number}", theme_description="calm")
        for number in range(RUNS)
    ]
    until(lambda: provider.paid("image") >= 2, "two pictures to be paid")
    pair.fail_over()

    def over() -> bool:
        with suppress(OperationalError):  # the producer's connection broke, too
            reconcile(system)
        return all(system.client.get_task(row.id, user_id).status.is_terminal for row in rows)

    until(over, "all runs to end", seconds=120)
    ended = [system.client.get_task(row.id, user_id) for row in rows]
    assert [row.status for row in ended] == [TaskStatus.COMPLETED] * RUNS, [row.error_message for row in ended]
    assert RUNS <= provider.paid("image") <= 2 * RUNS
