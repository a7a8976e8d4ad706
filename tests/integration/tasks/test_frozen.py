"""A process that is frozen in a paid call for longer than its lease: what that costs, and the setting against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.models import RETRY_KEY, TaskRow, TaskStatus
from tests.conftest import StartSystem, System
from tests.integration.tasks.runs import ended, look, open_door, reconcile
from tests.waiting import until


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """A paid provider that counts, and does not know a request again."""
    with FakeProvider(FakeProviderOptions(cache=False)) as fake:
        yield fake


def images(provider: FakeProvider) -> int:
    """How many pictures were asked for."""
    return sum(call.endpoint == "image" for call in provider.calls)


def start(start_system: StartSystem, provider: FakeProvider, takeover: float, **more: str) -> System:
    """A worker with a short lease."""
    return start_system(
        JIGSAWSTACK_API_KEY=provider.api_key,
        JIGSAWSTACK_API_URL=provider.url,
        CONCEPT_LEASE_SECONDS="1",
        CONCEPT_PENDING_SECONDS="1",
        CONCEPT_TAKEOVER_SECONDS=str(takeover),
        **more,
    )


def is_waited_for(system: System, row: TaskRow) -> bool:
    """Whether a newer run says that it waits for the old one's answer."""
    reconcile(system)
    reason = look(system, row).metadata.get(RETRY_KEY, {}).get("reason", "")
    return "its answer is waited for" in reason


@pytest.mark.parametrize(("takeover", "paid"), [(0.0, 2), (600.0, 1)])
def test_what_a_frozen_process_costs(
    start_system: StartSystem, provider: FakeProvider, stack: Stack, user_id: UUID, takeover: float, paid: int
) -> None:
    """Without patience its call is paid again, while it sleeps; with it, the newer run is answered when it wakes."""
    provider.reset()
    open_door(stack)
    provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, times=1, seconds=2.0))
    frozen = start(start_system, provider, takeover)
    brief: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
    row = frozen.client.generate(user_id=user_id, **brief)
    until(lambda: images(provider) == 1, "the call")
    frozen.worker.kill("SIGSTOP")
    try:
        broker = frozen.settings.redis_url
        other = start(start_system, provider, takeover, REDIS_URL=broker, CONCEPT_RESULT_URL=broker)
        if paid == 1:
            until(lambda: is_waited_for(other, row), "a newer run to wait")
        else:
            ended(other, row)
    finally:
        frozen.worker.kill("SIGCONT")
    last = ended(other, row)
    assert (last.status, images(provider)) == (TaskStatus.COMPLETED, paid)
    assert last.run > 1
