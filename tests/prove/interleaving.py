"""Two verbs on one task on two connections, brought to each wait for a lock; beside them the same verbs in turn."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import asyncpg

from tests.prove.lock_verbs import OBSTACLES, SKIPS, STATES, VERBS, statement

T = TypeVar("T")

_HERE = Path(__file__).resolve().parent
_DEADLINE = 30.0  # seconds for a connection to end or to wait
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_WAITS = """select wait_event_type = 'Lock' and wait_event in ('transactionid', 'tuple', 'advisory')
    from pg_catalog.pg_stat_activity where pid = $1"""
_TIDY = 1_500  # states after which dead rows are removed
_SESSION = "set deadlock_timeout = '5ms'; set lock_timeout = '20s'; set synchronous_commit = off"


class Outcome(NamedTuple):
    """What the verbs answered, in the order of their connections, and the rows in the end."""

    answers: tuple[str, ...]
    rows: str


class Crossed(NamedTuple):
    """Two verbs that met."""

    state: str
    first: str  # of connection A
    second: str  # of connection B
    way: str  # how they met, in words
    has_waited: bool  # B for a lock
    outcome: Outcome
    allowed: frozenset[Outcome]

    @property
    def trouble(self) -> str:
        """What is wrong, in words, or nothing."""
        if any('"40P01"' in answer for answer in self.outcome.answers):
            return f"{self}: a deadlock"
        return "" if self.outcome in self.allowed else f"{self}: no serial order gives {self.outcome}"

    def __str__(self) -> str:
        return f"{self.state}: {self.first} (A), {self.second} (B), {self.way}"


class Interleaving:
    """Four connections: two that cross, one that stops the first, one that looks."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._a, self._b, self._c, self._look = (self._run(asyncpg.connect(address)) for _ in range(4))
        for one in (self._a, self._b, self._c):
            self._run(one.execute(_SESSION))
        self._run(self._look.execute((_HERE / "locks.sql").read_text()))
        self._known: dict[tuple[str, ...], Outcome | None] = {}
        self.states = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._a, self._b, self._c, self._look):
            self._run(one.close())
        self._loop.close()

    def forget(self) -> None:
        """A function was replaced: what was known of it holds no more."""
        self._known.clear()

    def changes(self, state: str, verb: str) -> bool:
        """Whether the verb alone writes something in this state."""
        return self.serial(state, (verb, "A")).rows != self.serial(state).rows

    def hold(self, state: str, first: str, second: str, further: str | None = None) -> Crossed:
        """A does its verb and keeps its transaction open until B has ended or waits; then goes on, and commits."""
        outcome, has_waited = self._run(self._hold(state, first, second, further, "commit"))
        calls = [(first, "A"), *([(further, "A")] if further else [])]
        behind = self.serial(state, *calls, (second, "B"))
        allowed = {behind}
        if not has_waited:
            before = self.serial(state, (second, "B"), *calls)
            allowed |= set(self._moved_last(before, self._skipped(state, second, *calls)))
            if further:
                (one, other, last), rows = self.serial(state, calls[0], (second, "B"), calls[1])
                allowed.add(Outcome((one, last, other), rows))
        way = f"then {further} (A)" if further else "A commits"
        return Crossed(state, first, second, way, has_waited, outcome, frozenset(allowed))

    def roll_back(self, state: str, first: str, second: str) -> Crossed:
        """A does its verb and takes it back: B is alone."""
        outcome, has_waited = self._run(self._hold(state, first, second, None, "rollback"))
        alone = {self.serial(state, (second, "B"))}
        if not has_waited and second in SKIPS:
            alone |= {one for one in [self._skipped(state, second)] if one}
        allowed = frozenset(Outcome((outcome.answers[0], *one.answers), one.rows) for one in alone)
        return Crossed(state, first, second, "A rolls back", has_waited, outcome, allowed)

    def stops(self, state: str, verb: str, obstacle: str) -> bool:
        """Whether the verb waits for what a third connection has."""
        return self._run(self._stopped(state, verb, obstacle))

    def stop(self, state: str, first: str, second: str, obstacle: str) -> Crossed:
        """A is stopped in the midst of its verb, B does its own as far as it comes, then A may go on."""
        outcome, has_waited = self._run(self._stop(state, first, second, obstacle))
        before = self.serial(state, (second, "B"), (first, "A"))
        allowed = {self.serial(state, (first, "A"), (second, "B"))}
        allowed |= set(self._moved_last(before, self._skipped(state, second, (first, "A"))))
        return Crossed(state, first, second, f"A stopped at {obstacle}", has_waited, outcome, frozenset(allowed))

    def serial(self, state: str, *calls: tuple[str, str]) -> Outcome:
        """The verbs one after the other, each by its connection's name."""
        key = (state, *(f"{verb} {me}" for verb, me in calls))
        if key not in self._known:
            statements = [statement(*call) for call in calls]
            query = "select prove.serial($1::jsonb, $2)::text"
            found = json.loads(self._run(self._look.fetchval(query, STATES[state], statements)))
            self._known[key] = Outcome(tuple(map(_spelled, found["answers"])), _spelled(found["rows"]))
        known = self._known[key]
        assert known is not None
        return known

    @staticmethod
    def _moved_last(*outcomes: Outcome | None) -> Iterator[Outcome]:
        """B was first: its answer is put behind A's."""
        for one in outcomes:
            if one is not None:
                yield Outcome((*one.answers[1:], one.answers[0]), one.rows)

    def _skipped(self, state: str, verb: str, *calls: tuple[str, str]) -> Outcome | None:
        """The verb while the row is another's, then the other verbs; None: it waits for the row."""
        if verb not in SKIPS:
            return None
        key = (state, "skipped", verb, *(f"{one} {me}" for one, me in calls))
        if key not in self._known:
            self._known[key] = self._run(self._passed_over(state, verb, calls))
        return self._known[key]

    async def _passed_over(self, state: str, verb: str, calls: tuple[tuple[str, str], ...]) -> Outcome | None:
        await self._load(state)
        await self._c.execute("begin")
        await self._c.execute(OBSTACLES["the task"])
        asked = asyncio.ensure_future(self._ask(self._b, statement(verb, "B")))
        has_waited = await self._waits(self._b, asked)
        await self._c.execute("rollback")
        answers = [await asked]
        if has_waited:
            return None
        answers += [await self._ask(self._b, statement(*call)) for call in calls]
        return Outcome(tuple(answers), await self._rows())

    async def _hold(self, state: str, first: str, second: str, further: str | None, end: str) -> tuple[Outcome, bool]:
        await self._load(state)
        await self._a.execute("begin")
        answers = [await self._ask(self._a, statement(first, "A"), inside=True)]
        asked = asyncio.ensure_future(self._ask(self._b, statement(second, "B")))
        has_waited = await self._waits(self._b, asked)
        if further:
            answers.append(await self._ask(self._a, statement(further, "A"), inside=True))
        await self._a.execute(end)
        answers.append(await asked)
        return Outcome(tuple(answers), await self._rows()), has_waited

    async def _stopped(self, state: str, verb: str, obstacle: str) -> bool:
        await self._load(state)
        await self._c.execute("begin")
        await self._c.execute(OBSTACLES[obstacle])
        asked = asyncio.ensure_future(self._ask(self._a, statement(verb, "A")))
        has_waited = await self._waits(self._a, asked)
        await self._c.execute("rollback")
        await asked
        return has_waited

    async def _stop(self, state: str, first: str, second: str, obstacle: str) -> tuple[Outcome, bool]:
        await self._load(state)
        await self._c.execute("begin")
        await self._c.execute(OBSTACLES[obstacle])
        of_a = asyncio.ensure_future(self._ask(self._a, statement(first, "A")))
        assert await self._waits(self._a, of_a), f"{first} is not stopped by {obstacle}"
        of_b = asyncio.ensure_future(self._ask(self._b, statement(second, "B")))
        has_waited = await self._waits(self._b, of_b)
        await self._c.execute("rollback")
        return Outcome((await of_a, await of_b), await self._rows()), has_waited

    async def _waits(self, connection: Any, asked: asyncio.Future[str]) -> bool:
        """Whether the connection waits for a lock; False: it has its answer."""
        deadline = time.monotonic() + _DEADLINE
        while time.monotonic() < deadline:
            if asked.done():
                return False
            if await self._look.fetchval(_WAITS, connection.get_server_pid()) and not asked.done():
                return True
        raise AssertionError(f"neither an answer nor a wait within {_DEADLINE:g} s")

    async def _ask(self, connection: Any, question: str, *, inside: bool = False) -> str:
        """The answer, or the code of the error; `inside` an open transaction, which an error does not end."""
        if inside:
            await connection.execute("savepoint verb")
        try:
            return _spelled(json.loads(await connection.fetchval(question)))
        except asyncpg.PostgresError as exc:
            if inside:
                await connection.execute("rollback to verb")
            return _spelled({"error": exc.sqlstate})

    async def _load(self, state: str) -> None:
        self.states += 1
        if self.states % _TIDY == 0:
            await self._look.execute("vacuum public.tasks, public.task_steps, public.concepts, public.color_variations")
        await self._look.execute("select prove.load($$" + STATES[state] + "$$::jsonb)")

    async def _rows(self) -> str:
        return _spelled(json.loads(await self._look.fetchval("select prove.rows()")))

    def _run(self, work: Awaitable[T] | Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


def held_open(
    interleaving: Interleaving, state: str, seconds: Sequence[str] = VERBS, *, is_deep: bool = False
) -> Iterator[Crossed]:
    """Every verb that changes something, and each other one beside its open transaction.

    A commits, takes back, or does a further verb first: one for each pair, in turn, or with `is_deep` every one. An id
    that was deleted is not created again in the same transaction: no verb of the product does that.
    """
    for number, first in enumerate(verb for verb in VERBS if interleaving.changes(state, verb)):
        for place, second in enumerate(seconds):
            yield interleaving.hold(state, first, second)
            yield interleaving.roll_back(state, first, second)
            in_turn = VERBS[(number + place) % len(VERBS)]
            for further in VERBS if is_deep else (in_turn, first):
                if further == "create" and first in ("delete", "retain"):
                    continue
                yield interleaving.hold(state, first, second, further)


def stopped_midway(interleaving: Interleaving, state: str, seconds: Sequence[str] = VERBS) -> Iterator[Crossed]:
    """Every verb at each of its waits for a lock, and each other one meanwhile."""
    for first in VERBS:
        for obstacle in OBSTACLES:
            if interleaving.stops(state, first, obstacle):
                for second in seconds:
                    yield interleaving.stop(state, first, second, obstacle)


def _spelled(value: Any) -> str:
    """The one spelling of an answer: ids that are chosen at random have no name."""
    return _RANDOM.sub("random", json.dumps(value, sort_keys=True))
