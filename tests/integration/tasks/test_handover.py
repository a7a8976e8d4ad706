"""A worker that is stopped hands back what it has in hand: the run goes on elsewhere, and nobody waits for a lease."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions
from concept_worker.models import RETRY_KEY, TaskRow, TaskStatus
from tests.conftest import StartSystem, System
from tests.integration.tasks.holds import APP, Holds, Moment
from tests.integration.tasks.runs import look, steps_of
from tests.waiting import until

HELD = {"threads": Moment("store_base_image", "uploaded"), "prefork": Moment("create_variations", "painted")}
COUNT = 3
STOPPING = {
    "REMAP_SIGTERM": "SIGQUIT",  # as in the Procfile
    "CONCEPT_SOFT_SHUTDOWN_SECONDS": "0.3",
    # Longer than any test waits: whoever goes on has not waited for a lease, for beat, or for the broker.
    "CONCEPT_LEASE_SECONDS": "500",
    "CONCEPT_PENDING_SECONDS": "500",
}


@pytest.fixture
def holds(tmp_path: Path) -> Holds:
    """Who waits where."""
    return Holds(tmp_path)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """One that remembers nothing: every repeated call is paid."""
    with FakeProvider(FakeProviderOptions(cache=False)) as fake:
        yield fake


def stopped_while_held(stack: Stack, system: System, holds: Holds, rows: list[TaskRow], moment: Moment) -> None:
    """The worker is stopped with these rows at that moment and nothing else in work, and has ended by itself."""
    for row in rows:
        holds.until_held(row, moment)
        until(lambda r=row: in_work(stack, r) == {moment.step}, "its siblings to end")
    system.worker.container.kill("SIGTERM")
    until(lambda: system.worker.container.status == "exited", "the worker to end by itself")


def in_work(stack: Stack, row: TaskRow) -> set[str]:
    """Steps of the row that are not done."""
    return {name for name, step in steps_of(stack, row).items() if step["state"] != "done"}


@pytest.mark.parametrize("pool", HELD)
def test_a_stopped_worker_hands_its_steps_back(
    start_system: StartSystem,
    stack: Stack,
    holds: Holds,
    provider: FakeProvider,
    user_id: UUID,
    pool: str,
) -> None:
    """Threads and children alike: the row says why it waits, the next worker goes on in the same run, what is done is
    not done again, and nobody takes the stop for a sign of poison."""
    system = start_system(
        *("--pool", pool, "--concurrency", str(COUNT + 2)),
        app=APP,
        **holds.environment,
        **STOPPING,
        JIGSAWSTACK_API_KEY=provider.api_key,
        JIGSAWSTACK_API_URL=provider.url,
    )
    moment = HELD[pool]
    rows = [
        system.client.generate(
            user_id=user_id, logo_description=f"an owl {number}", theme_description="calm", num_palettes=1
        )
        for number in range(COUNT)
    ]
    for row in rows:
        holds.hold(row, moment)
    stopped_while_held(stack, system, holds, rows, moment)
    for row in rows:
        waiting = look(system, row)
        assert waiting.status is TaskStatus.PROCESSING
        wait = waiting.metadata[RETRY_KEY]
        assert (wait["step"], wait["attempt"]) == (moment.step, 0)
        assert wait["reason"] == "its worker was stopped; another one goes on with it"
        holds.release(row, moment)
    system.worker.container.start()
    until(lambda: all(look(system, row).status.is_terminal for row in rows), "the rows to end")
    assert {(row.status, row.run) for row in (look(system, row) for row in rows)} == {(TaskStatus.COMPLETED, 1)}
    for row in rows:
        steps = steps_of(stack, row)
        assert {name: step["tries"] for name, step in steps.items()} == dict.fromkeys(steps, 1) | {moment.step: 2}
        assert {step["interruptions"] for step in steps.values()} == {0}
    assert sum(call.paid for call in provider.calls) == 2 * COUNT
