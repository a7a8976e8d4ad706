"""With a provider as slow as a real one, twenty times faster, storing the picture costs no time beside the palettes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import Latency
from concept_worker.models import TaskRow, TaskStatus
from tests.integration.conftest import run_sql
from tests.integration.providers.wired import LOGO, SPEED, THEME, Wired

IMAGE, PALETTES = Latency(low=8, high=28), Latency(low=6, high=6)  # seconds; the fake divides them by its speed
UPLOAD = 2 / SPEED  # seconds: megabytes over the internet take their time too


@dataclass(frozen=True)
class Interval:
    """When a stage was at work."""

    begin: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.begin).total_seconds()

    def overlap(self, other: Interval) -> float:
        """Seconds that both were at work; negative is the gap between them."""
        return (min(self.end, other.end) - max(self.begin, other.begin)).total_seconds()


def interval(wires: Wired, row: TaskRow, stage: str) -> Interval:
    """Of a stage, by its timing event: the event comes at its end and says how long it took."""
    (event,) = [line for line in wires.lines(row) if line["event"] == "stage timing" and line["stage"] == stage]
    end = datetime.fromisoformat(event["timestamp"])
    return Interval(end - timedelta(seconds=event["seconds"]), end)


@pytest.fixture
def slow_storage(stack: Stack) -> Iterator[None]:
    """Every new object takes as long as an upload over the internet."""
    name = f"slow_{uuid4().hex[:8]}"
    run_sql(
        stack,
        f"create function public.{name}() returns trigger language plpgsql as "
        f"$$ begin perform pg_sleep({UPLOAD}); return new; end $$",
        f"create trigger {name} before insert on storage.objects for each row execute function public.{name}()",
    )
    yield
    run_sql(stack, f"drop trigger {name} on storage.objects", f"drop function public.{name}()")


@pytest.mark.parametrize("wires", ["links_worker"], indirect=True)
def test_storage_and_palettes_overlap(wires: Wired, user_id: UUID, slow_storage: None) -> None:
    """In each of several runs at once the shorter of the two lies, but for their start, within the longer."""
    wires.latency.update(image=IMAGE, palettes=PALETTES)
    rows = [
        wires.system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1)
        for _ in range(3)
    ]
    rows = [wires.ended(row) for row in rows]
    assert {row.status for row in rows} == {TaskStatus.COMPLETED}
    pairs = [
        (interval(wires, row, "store_base_image"), interval(wires, row, "generate_palettes_for_concept"))
        for row in rows
    ]
    shares = [one.overlap(other) / min(one.seconds, other.seconds) for one, other in pairs]
    assert min(shares) > 0.5, [(one, other, one.overlap(other)) for one, other in pairs]
