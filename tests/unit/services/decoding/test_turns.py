"""Whose turn it is at the few places there are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from concept_worker.services.decoding.turns import FairTurns
from tests.waiting import until


class Desk:
    """Requests that hold their place until they are told to end, and the order in which they were let in."""

    def __init__(self, places: int) -> None:
        self.turns = FairTurns(places)
        self.let_in: list[str] = []
        self._pool = ThreadPoolExecutor(32)
        self._ends: dict[str, Event] = {}
        self._done: dict[str, Future[None]] = {}

    def ask(self, name: str) -> None:
        """A request; its owner is the name's first letter. Returns when it waits or was let in."""
        self._ends[name] = Event()
        self._done[name] = self._pool.submit(self._hold, name)
        until(lambda: name in self.let_in or self._waits_for(name[0]), f"{name} to be in line")

    def end(self, name: str) -> None:
        """Let a request end."""
        self._ends[name].set()
        self._done[name].result()

    def close(self) -> None:
        """Let all of them end."""
        for end in self._ends.values():
            end.set()
        self._pool.shutdown()

    def _hold(self, name: str) -> None:
        with self.turns.turn(name[0]):
            self.let_in.append(name)
            self._ends[name].wait()

    def _waits_for(self, owner: str) -> bool:
        asked = sum(name[0] == owner for name in self._ends)
        seen = sum(name[0] == owner for name in self.let_in)
        return len(self.turns._waiting.get(owner, ())) >= asked - seen


@pytest.fixture
def desks() -> Iterator[list[Desk]]:
    """Those that a test opens, closed at its end."""
    opened: list[Desk] = []
    yield opened
    for desk in opened:
        desk.close()


def open_desk(desks: list[Desk], places: int) -> Desk:
    """One with so many places."""
    desks.append(Desk(places))
    return desks[-1]


def test_one_owner_never_has_all_places(desks: list[Desk]) -> None:
    """Somebody else has a turn at once."""
    desk = open_desk(desks, 2)
    for name in ("a1", "a2", "a3"):
        desk.ask(name)
    assert desk.let_in == ["a1"]
    desk.ask("b1")
    until(lambda: desk.let_in == ["a1", "b1"], "the second owner")


def test_owners_have_their_turns_one_after_the_other(desks: list[Desk]) -> None:
    """However many requests of one of them came first."""
    desk = open_desk(desks, 1)
    for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
        desk.ask(name)
    for number, name in enumerate(("a1", "a2", "b1", "c1", "a3", "b2")):
        until(lambda number=number: len(desk.let_in) > number, "the next")
        assert desk.let_in[number] == name
        desk.end(name)


def test_who_has_a_place_waits_for_those_who_have_none(desks: list[Desk]) -> None:
    """A second place is for times when nobody else waits."""
    desk = open_desk(desks, 3)
    for name in ("a1", "a2", "b1", "a3", "c1"):
        desk.ask(name)
    assert sorted(desk.let_in) == ["a1", "a2", "b1"]
    desk.end("a1")
    until(lambda: len(desk.let_in) == 4, "the next")
    assert desk.let_in[-1] == "c1"


def test_the_place_given_back_last_is_given_first() -> None:
    """So that one process does all the work that one can do."""
    turns = FairTurns(3)
    for owner in "abc":
        with turns.turn(owner) as place:
            assert place == 0


def test_a_request_that_fails_gives_its_place_back() -> None:
    """And nothing is remembered of it."""
    turns = FairTurns(1)
    with pytest.raises(ZeroDivisionError), turns.turn("a"):
        raise ZeroDivisionError
    with turns.turn("b") as place:
        assert place == 0
    assert (turns._held, turns._waiting) == ({}, {})
