"""Heartbeats of the steps that run in this process: a long call does not look like a dead worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from uuid import uuid4

from concept_worker.errors import ConceptWorkerError, StaleRun
from concept_worker.logging import get_logger
from concept_worker.models import RunReference
from concept_worker.services.task_service import TaskService

log = get_logger(__name__)

_BEATS = 3  # heartbeats within one lease: two may be lost
_SOON = 1.0  # seconds: when the database is back, a step that lives says so before housekeeping calls it dead
_AT_ONCE = 8  # steps that are released side by side: a worker that stops has seconds
_HANDED_BACK = "its worker was stopped; another one goes on with it"


@dataclass(frozen=True)
class _Held:
    run: RunReference
    step: str
    owner: str
    until: float  # on this process's monotonic clock; a step that works for longer hangs


class LeaseKeeper:
    """One thread a process that extends the leases of its running steps; each for at most `longest` seconds, so that a
    step which hangs is taken over after all.
    """

    def __init__(
        self, *, tasks: TaskService, lease_seconds: float, longest: float, presence_seconds: float = 0.0
    ) -> None:
        self._tasks = tasks
        self._every = lease_seconds / _BEATS
        self._presence = presence_seconds
        self.process = uuid4().hex  # the name of this process, before each of its owners
        self._longest = longest
        self._held: set[_Held] = set()
        self._lock = Lock()
        self._closing = Event()
        self._thread: Thread | None = None

    def new_owner(self) -> str:
        """Return a name for one execution of a step in this process."""
        return f"{self.process}:{uuid4()}"

    @contextmanager
    def keeping(self, run: RunReference, step: str, owner: str) -> Iterator[None]:
        """Extend this step's lease while the body runs.

        A body that ends with its process leaves the step in hand: `hand_back` releases it.
        """
        held = _Held(run, step, owner, time.monotonic() + self._longest)
        with self._lock:
            self._held.add(held)
            if self._thread is None:
                self._thread = Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        except Exception:
            self._drop(held)
            raise
        self._drop(held)

    def hand_back(self) -> int:
        """Release all steps in hand, so that other workers take them over at once; return how many."""
        with self._lock:
            held, self._held = list(self._held), set()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hand-back") as pool:
            list(pool.map(self._release, held))
        return len(held)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        due = time.monotonic() + self._every
        tick = min(self._every, _SOON, self._presence or _SOON)
        while not self._closing.wait(tick):
            with self._lock:
                held = list(self._held)
            if held and self._presence:
                self._show_presence()
            if time.monotonic() >= due:
                heard = [self._extend(one) for one in held]
                due = time.monotonic() + (self._every if all(heard) else min(self._every, _SOON))

    def _show_presence(self) -> None:
        with suppress(ConceptWorkerError):  # a lease that is not extended is logged; this one only shortens a wait
            self._tasks.show_presence(self.process)

    def _extend(self, held: _Held) -> bool:
        """Return whether the database took the heartbeat, or the step needs none any more."""
        if time.monotonic() > held.until:
            log.warning("step hangs, its lease is left to end", task_id=str(held.run.task_id), step=held.step)
            self._drop(held)
            return True
        try:
            if not self._tasks.extend_step(held.run, held.step, held.owner):
                self._drop(held)  # canceled or taken over; the step hears of it when it finishes
        except ConceptWorkerError as exc:
            log.warning("lease not extended", task_id=str(held.run.task_id), step=held.step, reason=str(exc))
            return False
        return True

    def _release(self, held: _Held) -> None:
        """Release the step: the next worker need not wait for the lease, and no interruption is counted."""
        try:
            self._tasks.wait_step(held.run, held.step, held.owner, _HANDED_BACK, is_attempt=False, delay_seconds=0.0)
        except StaleRun:
            log.info("step of a run that is over handed back", task_id=str(held.run.task_id), step=held.step)
        except ConceptWorkerError as exc:
            log.warning("step not handed back", task_id=str(held.run.task_id), step=held.step, reason=str(exc))
        else:
            log.info("step handed back", task_id=str(held.run.task_id), step=held.step)

    def _drop(self, held: _Held) -> None:
        with self._lock:
            self._held.discard(held)
