"""What goes wrong, when: a seeded deck of faults of the machine, dealt one after the other."""

from __future__ import annotations

import functools
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing as closing_redis
from contextlib import suppress
from typing import Any, cast

import psutil
from redis import Redis

from tests.chaos.deployment import Deployment, Process
from tests.chaos.flavour import LEASE
from tests.chaos.proxy import GATEWAYS, UNAVAILABLE, Proxy

# Cards of each kind in one deck.
DECK = {
    "child killed": 3,
    "decoder killed": 1,
    "worker killed: concepts": 3,
    "worker killed: images": 2,
    "beat killed": 1,
    "worker stopped: concepts": 1,
    "worker stopped: images": 1,
    "frozen: concepts": 1,
    "frozen: images": 1,
    "memory is short": 2,
    "staging loses its data": 1,
    "broker killed, AOF": 2,
    "broker killed, data lost": 2,
    "database killed": 2,
    "layer killed": 1,
    "supabase says 503": 1,
    **{f"gateway: {name}": 1 for name in GATEWAYS},
    "supabase's answers are lost": 2,
    "supabase hangs": 2,
    "supabase away for longer than a lease": 1,
    "broker network stalls": 2,
    "broker's answers are lost": 1,
    "broker fails over": 1,
    "broker's master is down": 1,
    "broker is full": 1,
    "broker has no replicas": 1,
}
# How a Valkey is brought to refuse by its own means (the refusals are its own): settings for a while, or a master
# that is away.
_REFUSALS: dict[str, dict[str, str]] = {
    "broker fails over": {"replicaof": "127.0.0.1 9"},  # READONLY
    "broker's master is down": {"replica-serve-stale-data": "no", "replicaof": "127.0.0.1 9"},  # MASTERDOWN
    "broker is full": {"maxmemory": "1"},  # OOM
    "broker has no replicas": {"min-replicas-to-write": "1"},  # NOREPLICAS
}


class Injector:
    """Deals the deck until told to stop; then everything is whole again."""

    def __init__(self, deployment: Deployment, seed: int, kinds: dict[str, int] | None = None) -> None:
        self._deployment = deployment
        self._random = random.Random(f"faults {seed}")
        self._deck = dict(kinds or DECK)
        if not deployment.flavour.has_beat:
            self._deck.pop("beat killed", None)
        self.counts: Counter[str] = Counter()
        self.times: list[tuple[float, str]] = []

    def run(self, gap: float, closing: threading.Event) -> None:
        """A fault about every `gap` seconds."""
        cards: list[str] = []
        while not closing.wait(self._random.expovariate(1 / gap)):
            if not cards:
                cards = [kind for kind, count in self._deck.items() for _ in range(count)]
                self._random.shuffle(cards)
            kind = cards.pop()
            self.counts[kind] += 1
            self.times.append((time.time(), kind))
            self._deployment.journal.note("fault", kind=kind)
            self._act(kind, closing)

    def _act(self, kind: str, closing: threading.Event) -> None:
        what, _, whom = kind.partition(": ")
        acts: dict[str, Callable[[], None]] = {
            "child killed": lambda: self._kill_child_of("images"),
            "decoder killed": lambda: self._kill_child_of("concepts"),
            "worker killed": lambda: self._signal(self._deployment.process(whom), signal.SIGKILL),
            "beat killed": lambda: self._signal(self._deployment.process("beat"), signal.SIGKILL),
            "worker stopped": lambda: self._signal(self._deployment.process(whom), signal.SIGTERM),
            "frozen": lambda: self._freeze(self._deployment.process(whom), closing),
            "memory is short": lambda: self._shorten_memory(closing),
            "staging loses its data": self._empty_staging,
            "broker killed, AOF": lambda: self._restart_broker(closing, keep_data=True),
            "broker killed, data lost": lambda: self._restart_broker(closing, keep_data=False),
            "database killed": lambda: self._restart_database(closing),
            "layer killed": lambda: self._restart_layer(closing),
            "supabase says 503": lambda: self._supabase_says(closing, UNAVAILABLE, 0.5, 2.5),
            "supabase away for longer than a lease": lambda: self._supabase_says(
                closing, UNAVAILABLE, LEASE + 2, LEASE + 5
            ),
            "supabase hangs": lambda: self._supabase_hangs(closing),
            "gateway": lambda: self._supabase_says(closing, GATEWAYS[whom], 0.5, 2.5),
            "supabase's answers are lost": lambda: self._swallows(closing, self._deployment.supabase),
            "broker's answers are lost": lambda: self._swallows(closing, self._deployment.broker),
            **{kind: functools.partial(self._broker_refuses, closing, how) for kind, how in _REFUSALS.items()},
            "broker network stalls": lambda: self._broker_stalls(closing),
        }
        with suppress(ProcessLookupError, StopIteration, psutil.Error):
            acts[what]()

    def _kill(self, pid: int) -> None:
        self._deployment.journal.note("killed", victim=pid)
        os.kill(pid, signal.SIGKILL)

    def _kill_child_of(self, whom: str) -> None:
        children = psutil.Process(self._deployment.process(whom).pid).children()
        if children:
            self._kill(self._random.choice(children).pid)

    def _signal(self, process: Process, number: int) -> None:
        if process.is_running:
            self._deployment.journal.note("killed" if number == signal.SIGKILL else "asked", victim=process.pid)
            os.kill(process.pid, number)

    def _freeze(self, process: Process, closing: threading.Event) -> None:
        """Stop a worker and its children for longer than a lease, and let them go on as if nothing had been."""
        main = psutil.Process(process.pid)
        victims = [main, *main.children(recursive=True)]
        since = time.time()
        for victim in victims:
            victim.suspend()
        self._away(LEASE * 1.2, LEASE * 1.8, closing)
        for victim in victims:
            with suppress(psutil.Error):
                victim.resume()
        self._deployment.journal.note("thawed", since=since, victims=[victim.pid for victim in victims])
        self._deployment.journal.note("outage", since=since)

    def _shorten_memory(self, closing: threading.Event) -> None:
        """Let a child of the images queue have hardly more memory than it has, for a while."""
        children = psutil.Process(self._deployment.process("images").pid).children()
        if not children:
            return
        child = self._random.choice(children)
        before = child.rlimit(psutil.RLIMIT_AS)
        child.rlimit(psutil.RLIMIT_AS, (child.memory_info().vms + 2**21, before[1]))
        self._away(0.5, 2.0, closing)
        child.rlimit(psutil.RLIMIT_AS, before)

    def _empty_staging(self) -> None:
        """Flush the database of staging; messages and results stay."""
        self._deployment.journal.note("forgot")
        with closing_redis(Redis.from_url(self._deployment.stack.environment["CONCEPT_STAGING_URL"])) as staging:
            staging.flushdb()

    def _away(self, low: float, high: float, closing: threading.Event) -> None:
        closing.wait(self._random.uniform(low, high))

    def _restart_broker(self, closing: threading.Event, *, keep_data: bool) -> None:
        since = time.time()
        self._deployment.stack.kill_broker()
        if not keep_data:
            self._deployment.journal.note("forgot")
        self._away(0.2, 2.5, closing)
        self._deployment.stack.start_broker(keep_data=keep_data)
        self._deployment.journal.note("outage", since=since)

    def _restart_database(self, closing: threading.Event) -> None:
        since = time.time()
        self._deployment.stack.kill_postgres()
        self._away(0.2, 2.0, closing)
        self._deployment.stack.start_postgres()
        self._deployment.journal.note("outage", since=since)

    def _restart_layer(self, closing: threading.Event) -> None:
        since = time.time()
        self._deployment.stack.kill_layer()
        self._away(0.2, 1.5, closing)
        self._deployment.stack.start_layer()
        self._deployment.journal.note("outage", since=since)

    def _supabase_says(self, closing: threading.Event, reply: bytes, low: float, high: float) -> None:
        since = time.time()
        self._deployment.supabase.replace(reply)
        self._away(low, high, closing)
        self._deployment.supabase.replace(None)
        self._deployment.journal.note("outage", since=since)

    def _swallows(self, closing: threading.Event, proxy: Proxy) -> None:
        since = time.time()
        proxy.swallow(on=True)
        self._away(0.5, 2.0, closing)
        proxy.swallow(on=False)
        self._deployment.journal.note("outage", since=since)

    def _broker_refuses(self, closing: threading.Event, settings: dict[str, str]) -> None:
        """Let the broker's own server refuse for some seconds; it keeps its data."""
        since = time.time()
        with closing_redis(Redis.from_url(self._deployment.stack.environment["REDIS_URL"])) as server:
            before = {name: str(server.config_get(name)[name]) for name in settings if name != "replicaof"}
            try:
                self._apply(server, settings)
                self._away(0.5, 3.0, closing)
            finally:
                self._apply(server, {"replicaof": "NO ONE", **before})
        self._deployment.journal.note("outage", since=since)

    @staticmethod
    def _apply(server: Redis, settings: dict[str, str]) -> None:
        for name, value in settings.items():
            if name == "replicaof":
                cast("Any", server).execute_command("REPLICAOF", *value.split())
            else:
                server.config_set(name, value)

    def _supabase_hangs(self, closing: threading.Event) -> None:
        since = time.time()
        self._deployment.supabase.stall(on=True)
        self._away(0.5, 3.0, closing)
        self._deployment.supabase.stall(on=False)
        self._deployment.journal.note("outage", since=since)

    def _broker_stalls(self, closing: threading.Event) -> None:
        since = time.time()
        self._deployment.broker.stall(on=True)
        self._away(1.0, 4.0, closing)
        self._deployment.broker.stall(on=False)
        self._deployment.journal.note("outage", since=since)
