"""Fair turns at a few places: an owner's requests wait for each other, and do not block other owners."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Condition


class _Ticket:
    """A request that waits; `place` is set when its turn comes."""

    def __init__(self, owner: Hashable) -> None:
        self.owner = owner
        self.place: int | None = None


class FairTurns:
    """A fixed number of places, given to waiting owners in turn. Any thread may use it.

    With more than one place, one owner never has all of them. It gets a second place only while no owner without a
    place waits. While there are as many places as owners, an owner without a place waits for at most one request of
    another.
    """

    def __init__(self, places: int) -> None:
        self._free = list(reversed(range(places)))  # the place released last is assigned first
        self._most = max(1, places - 1)  # places of one owner
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[_Ticket]] = {}  # in the order in which owners have their turn
        self._changed = Condition()

    @contextmanager
    def turn(self, owner: Hashable) -> Iterator[int]:
        """Wait for a turn; the context gets the number of the place."""
        ticket = _Ticket(owner)
        try:
            yield self._wait(ticket)
        finally:
            self._release(ticket)

    def _wait(self, ticket: _Ticket) -> int:
        with self._changed:
            self._waiting.setdefault(ticket.owner, deque()).append(ticket)
            self._assign_places()
            while ticket.place is None:
                self._changed.wait()
            return ticket.place

    def _release(self, ticket: _Ticket) -> None:
        with self._changed:
            if ticket.place is not None:
                self._free.append(ticket.place)
                self._held[ticket.owner] -= 1
                self._held += Counter()  # forget owners that hold none
            elif ticket in self._waiting.get(ticket.owner, ()):
                self._dequeue(ticket)
            self._assign_places()

    def _assign_places(self) -> None:
        while self._free and (ticket := self._next_ticket()) is not None:
            self._dequeue(ticket)
            ticket.place = self._free.pop()
            self._held[ticket.owner] += 1
        self._changed.notify_all()

    def _next_ticket(self) -> _Ticket | None:
        """Return the next request: of the owners that hold the fewest places, the one that has waited longest."""
        allowed = [owner for owner in self._waiting if self._held[owner] < self._most]
        owner = min(allowed, key=lambda each: self._held[each], default=None)
        return None if owner is None else self._waiting[owner][0]

    def _dequeue(self, ticket: _Ticket) -> None:
        """Remove the request from its queue and move its owner behind the others."""
        queue = self._waiting.pop(ticket.owner)
        queue.remove(ticket)
        if queue:
            self._waiting[ticket.owner] = queue
