"""Which fault a call gets, and how long work takes."""

from __future__ import annotations

import random

from concept_worker.devstack.fake_provider.faults import Fault, FaultBook, FaultKind, Latency

CUT = Fault(kind=FaultKind.CUT, endpoint="image", times=2)
HTML = Fault(kind=FaultKind.HTML)


def test_a_fault_lasts_for_its_number_of_calls() -> None:
    """Then the next in the book has its turn."""
    book = FaultBook([CUT, HTML])
    assert [book.next_for("image") for _ in range(4)] == [CUT, CUT, HTML, HTML]


def test_a_fault_is_for_its_endpoint() -> None:
    """Another endpoint neither gets it nor uses it up."""
    book = FaultBook([CUT])
    assert book.next_for("palettes") is None
    assert book.in_force() == [CUT]


def test_cleared_is_cleared() -> None:
    """Everything goes well again."""
    book = FaultBook([HTML])
    book.clear()
    assert book.next_for("image") is None


def test_a_latency_stays_in_its_bounds() -> None:
    """And is none when not said."""
    rng = random.Random(1)
    drawn = [Latency(low=8, high=28, mode=12).draw(rng) for _ in range(500)]
    assert 8 <= min(drawn) < 12 < max(drawn) <= 28
    assert Latency().draw(rng) == 0
