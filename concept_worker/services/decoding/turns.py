"""Fair turns at a few places: each owner's requests wait behind each other, never in front of everybody's."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Condition


class _Ticket:
    """A request that waits; `place` is set when its turn has come."""

    def __init__(self, owner: Hashable) -> None:
        self.owner = owner
        self.place: int | None = None


class FairTurns:
    """So many places, given in turn to the owners who wait. For any thread.

    Where there is more than one place, one owner never has all of them, and has a second one only while nobody waits
    who has none: an owner without a request in hand waits for one request of somebody else at most, as long as there
    are as many places as owners.
    """

    def __init__(self, places: int) -> None:
        self._free = list(reversed(range(places)))  # the one given back last is given first
        self._most = max(1, places - 1)  # one owner's
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[_Ticket]] = {}  # in the order in which owners have their turn
        self._changed = Condition()

    @contextmanager
    def turn(self, owner: Hashable) -> Iterator[int]:
        """Wait for a turn; gives the number of the place."""
        ticket = _Ticket(owner)
        try:
            yield self._wait(ticket)
        finally:
            self._give_back(ticket)

    def _wait(self, ticket: _Ticket) -> int:
        with self._changed:
            self._waiting.setdefault(ticket.owner, deque()).append(ticket)
            self._give_out()
            while ticket.place is None:
                self._changed.wait()
            return ticket.place

    def _give_back(self, ticket: _Ticket) -> None:
        with self._changed:
            if ticket.place is not None:
                self._free.append(ticket.place)
                self._held[ticket.owner] -= 1
                self._held += Counter()  # forget owners that hold none
            elif ticket in self._waiting.get(ticket.owner, ()):
                self._taken_from_queue(ticket)
            self._give_out()

    def _give_out(self) -> None:
        while self._free and (ticket := self._next()) is not None:
            self._taken_from_queue(ticket)
            ticket.place = self._free.pop()
            self._held[ticket.owner] += 1
        self._changed.notify_all()

    def _next(self) -> _Ticket | None:
        """The first request of the owner whose turn it is: of those who hold fewest places, who waits longest."""
        allowed = [owner for owner in self._waiting if self._held[owner] < self._most]
        owner = min(allowed, key=lambda each: self._held[each], default=None)
        return None if owner is None else self._waiting[owner][0]

    def _taken_from_queue(self, ticket: _Ticket) -> None:
        """Drop the request from its queue; its owner goes behind the others."""
        queue = self._waiting.pop(ticket.owner)
        queue.remove(ticket)
        if queue:
            self._waiting[ticket.owner] = queue
