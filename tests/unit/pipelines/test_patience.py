"""Writes that must not be lost wait for the store, within limits."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from concept_worker.errors import StoreRefused, StoreUnavailable, TaskError
from concept_worker.models import RunReference, TaskType
from concept_worker.pipelines import patience
from concept_worker.pipelines.failure import fail_run
from concept_worker.pipelines.patience import never_losing, patiently
from concept_worker.pipelines.stages.image_preparation import prepare_image_data


class Store:
    """Away for so many writes, then there."""

    def __init__(self, away: int, retry_after: float = 0.0) -> None:
        self.away = away
        self.retry_after = retry_after
        self.writes = 0

    def write(self, *_: object, **__: object) -> str:
        """One try."""
        self.writes += 1
        if self.writes <= self.away:
            raise StoreUnavailable("away", self.retry_after)
        return "written"


def test_a_write_waits_until_the_store_is_back() -> None:
    """And is made once."""
    store = Store(away=2)
    assert never_losing(store.write) == "written"
    assert store.writes == 3


def test_an_absence_without_end_is_told() -> None:
    """After the seconds it was given, not before a second try."""
    store = Store(away=100)
    with pytest.raises(StoreUnavailable):
        patiently(store.write, seconds=0.5)
    assert store.writes == 2


@pytest.mark.parametrize(("asked", "waits"), [(0.0, [0.2, 0.4, 0.8]), (2.0, [2.0, 2.0, 2.0]), (45.0, [45.0, 15.0])])
def test_a_wait_that_the_store_asks_for_is_waited(
    monkeypatch: pytest.MonkeyPatch, asked: float, waits: list[float]
) -> None:
    """But not past the time there is: a last try comes at its end."""
    now, waited = [0.0], []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    store = Store(away=3, retry_after=asked)
    with suppress(StoreUnavailable):
        never_losing(store.write)
    assert waited == pytest.approx(waits)
    assert store.writes == len(waits) + 1


def test_a_refusal_is_not_repeated() -> None:
    """It would be refused again."""

    def refused() -> None:
        raise StoreRefused("no")

    with pytest.raises(StoreRefused):
        patiently(refused)


def test_what_was_paid_for_has_a_patience_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else has it, so it is not given up when other writes are."""
    monkeypatch.setattr(patience, "_PAID", 0.0)
    with pytest.raises(StoreUnavailable):
        never_losing(Store(away=1).write)


def test_a_paid_picture_waits_for_staging() -> None:
    """It is not paid again because staging was away for a moment."""
    store = Store(away=1)
    images = SimpleNamespace(stage_image=store.write)
    assert cast("Any", prepare_image_data)(uuid4(), b"paid", images) == "written"


RUN = RunReference(task_id=uuid4(), number=1, type=TaskType.GENERATION)


def test_a_failure_is_written_when_the_database_is_back() -> None:
    """The user hears of it."""
    store = Store(away=1)
    assert fail_run(cast("Any", SimpleNamespace(update_task_status=store.write)), RUN, "no")
    assert store.writes == 2


@pytest.mark.parametrize("trouble", [StoreUnavailable("away"), TaskError("it is canceled")])
def test_the_runs_own_error_is_not_masked(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    """By the trouble of writing it."""
    monkeypatch.setitem(cast("Any", patiently).__kwdefaults__, "seconds", 0.0)

    def write(*_: object, **__: object) -> None:
        raise trouble

    assert not fail_run(cast("Any", SimpleNamespace(update_task_status=write)), RUN, "no")
