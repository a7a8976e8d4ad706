"""Writes that must not be lost wait for the store, within limits."""

from __future__ import annotations

import pytest

from concept_worker.errors import StoreRefused, StoreUnavailable
from concept_worker.pipelines.patience import never_losing, patiently


class Store:
    """Away for so many writes, then there."""

    def __init__(self, away: int) -> None:
        self.away = away
        self.writes = 0

    def write(self) -> str:
        """One try."""
        self.writes += 1
        if self.writes <= self.away:
            raise StoreUnavailable("away")
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


def test_a_refusal_is_not_repeated() -> None:
    """It would be refused again."""

    def refused() -> None:
        raise StoreRefused("no")

    with pytest.raises(StoreRefused):
        patiently(refused)
