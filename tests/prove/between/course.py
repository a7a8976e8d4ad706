"""One task from its row to its end, in one process: messages, workers that die and come back, housekeeping, time."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, Self
from uuid import UUID

from celery.exceptions import Ignore

from concept_worker.errors import ConceptWorkerError, StaleRun
from concept_worker.models import RunReference, TaskType
from concept_worker.pipelines.pipeline import AnyStep
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.tasks import housekeeping
from concept_worker.tasks.start import claimed
from tests.prove.between.memory import drawn
from tests.prove.between.parts import CONCEPTS, Again, Delivery, Parts
from tests.prove.between.points import CANCELED, DELETED, HANDED_BACK, Event, Killed, Points
from tests.prove.between.properties import Watch
from tests.prove.between.sql import SqlClient
from tests.prove.world import CRASH, DAY, LEASE, RECONCILE, START, VISIBILITY

_MOST = 400  # moves of a course; the longest needs some sixty
_SWEEP = 3_600.0  # seconds between two sweeps
_LAST_ROUNDS = 4  # of housekeeping after the end: kills may take some of them
_ORIGINAL = UUID(int=0xABCD)  # the task of the picture that a refinement changes


class Case(NamedTuple):
    """What is tried."""

    kind: TaskType
    gives_receipts: bool = False  # the provider takes orders
    loses_worker: bool = False  # a death takes the whole worker: its message is back after the visibility timeout

    def __str__(self) -> str:
        return f"{self.kind.value.removeprefix('concept_')}, {self._provider}, {self._death}"

    @property
    def _provider(self) -> str:
        return "receipts" if self.gives_receipts else "pictures"

    @property
    def _death(self) -> str:
        return "worker dies" if self.loses_worker else "child dies"


class Message(NamedTuple):
    """A message of the broker, from `at` on."""

    at: float
    order: int
    name: str  # START, or a step
    run: RunReference | None = None


class Course:
    """A course is made and run once. Everything in it follows from case, plan and seed."""

    def __init__(self, sql: SqlClient, case: Case, plan: Sequence[Event] = (), *, seed: int = 0) -> None:
        self.case, self.plan = case, tuple(plan)
        self._sql = sql
        self._random = random.Random(seed)
        self._task = UUID(bytes=hashlib.sha256(f"task {seed}".encode()).digest()[:16])
        self._now = 0.0
        self._sent = 0
        self._messages: list[Message] = []
        self._counted: set[tuple[int, str]] = set()  # run and step of a chord's header
        self._next_round = RECONCILE
        self._rounds_since_end = 0
        self._is_handed_back = False
        self.points = Points(plan, lambda name: self.watch.see(name), self._happen)
        self.parts = Parts(sql, lambda: self._now, gives_receipts=case.gives_receipts)
        self.watch = Watch(sql, self.parts, self._task)

    def run(self) -> Self:
        """From the row's creation to a day after its end."""
        self._sql.begin(self.points)
        self._create()
        with self.parts.at_work(lambda _, ids: ids if self._waits_in_queue() else set()):
            for _ in range(_MOST):
                if self._is_over():
                    break
                self._move()
            else:
                self.watch.break_off("the course goes round for ever")
            self.watch.judge_end()
            self._pass_time(self._now + DAY + RECONCILE)
            while not self._as("sweep", lambda: self.parts.services.housekeeping_service.sweep(DAY)):
                self._pass_time(self._now + _SWEEP)
            self.watch.judge_sweep()
        if not self.points.is_used_up:
            self.watch.break_off("an event of the plan never came")
        return self

    def _create(self) -> None:
        inputs: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 2}
        if self.case.kind is TaskType.REFINEMENT:
            path = f"{self._sql.user}/{_ORIGINAL}/base.png"
            self.parts.objects.put(CONCEPTS, path, drawn(77))
            before = {"logo_description": "l", "theme_description": "t", "image_path": path}
            self._sql.insert("concepts", {"id": str(_ORIGINAL), "user_id": self._sql.user, **before})
            inputs |= {"refinement_prompt": "bolder", "original_image_path": path}
        self.parts.services.task_service.create_task(self._sql.user, self.case.kind, inputs, task_id=self._task)
        self._put(START)

    def _move(self) -> None:
        """The next message, or time passes to what is due next."""
        first = min(self._messages, default=None)
        if first is not None and first.at <= self._now:
            self._messages.remove(first)
            self._deliver(first)
            return
        self._pass_time(min(self._next_round, first.at if first else self._next_round))
        if self._now >= self._next_round:
            self._next_round = self._now + RECONCILE
            self._rounds_since_end += self.watch.is_ended
            self._as("housekeeping", self._reconcile)

    def _pass_time(self, until: float) -> None:
        self._now = until
        self._sql.set_clock(until)

    def _is_over(self) -> bool:
        """Whether the row has ended, no message is left, and housekeeping has had its rounds if it needs some."""
        if self._messages or not self.watch.is_ended:
            return False
        return self._rounds_since_end >= _LAST_ROUNDS or not self.parts.staging.keys()

    def _waits_in_queue(self) -> bool:
        """Whether a start's message lies in a queue; a dead worker's message does not, until it is given back."""
        return any(one.name == START and one.at <= self._now for one in self._messages)

    def _deliver(self, message: Message) -> None:
        """A worker takes the message, and acknowledges at the end; after a death the broker gives it back."""
        try:
            alive = self._as(message.name, lambda: self._handle(message))
        except Again as exc:
            self._messages.append(message._replace(at=self._now + exc.seconds))
            return
        if not alive:
            back = 0.0 if self._is_handed_back else VISIBILITY if self.case.loses_worker else CRASH
            self._is_handed_back = False
            self._messages.append(message._replace(at=self._now + back))

    def _handle(self, message: Message) -> None:
        if message.run is None:
            self._start()
        else:
            self._step(message.name, message.run)

    def _start(self) -> None:
        try:
            task = claimed(self.parts.services.task_service.claim_task_if_pending(self._task))
        except StaleRun:
            return
        self._send(0, RunReference.of(task))

    def _step(self, name: str, run: RunReference) -> None:
        """The product's step task; what Celery does around it."""
        step = next(one for one in PROCESSORS[run.type].pipeline.steps if one.name == name)
        delivery = Delivery()
        try:
            delivery.step(step, run.model_dump(mode="json"))
        except (Again, Ignore) as exc:
            if isinstance(exc, Again):
                raise
            return
        except ConceptWorkerError as exc:
            delivery.on_failure(exc, "", (), {"run": run.model_dump(mode="json")}, None)
            return
        self._follow(step, run)

    def _follow(self, step: AnyStep, run: RunReference) -> None:
        """Send what comes next; of a stage of several steps the last one sends it."""
        stages = PROCESSORS[run.type].pipeline.stages
        number = next(number for number, stage in enumerate(stages) if step in stage)
        names = [one.name for one in stages[number]]
        if len(names) > 1:
            with self.points.effect(f"count {step.name}"):
                self._counted.add((run.number, step.name))
            if any((run.number, name) not in self._counted for name in names):
                return
        if number + 1 < len(stages):
            self._send(number + 1, run)
        self._counted -= {(run.number, name) for name in names}

    def _send(self, number: int, run: RunReference) -> None:
        names = [step.name for step in PROCESSORS[run.type].pipeline.stages[number]]
        self._random.shuffle(names)
        for name in names:
            with self.points.effect(f"send {name}"):
                self._put(name, run)

    def _put(self, name: str, run: RunReference | None = None) -> None:
        self._sent += 1
        self._messages.append(Message(self._now, self._sent, name, run))

    def _reconcile(self) -> None:
        """The product's round of housekeeping; its messages are ours."""

        def send_task(*_: Any, **__: Any) -> None:
            with self.points.effect("send start"):
                self._put(START)

        round_of: Any = housekeeping.reconcile.run
        round_of.__func__(SimpleNamespace(app=SimpleNamespace(send_task=send_task)))

    def _happen(self, what: str) -> None:
        """An event: the user's wish comes past the worker, and is no effect of it."""
        if what == HANDED_BACK:
            self._is_handed_back = True
            self.watch.see_death()
            self.parts.services.leases.hand_back()
        elif what in (CANCELED, DELETED):
            self.watch.see_wish()
            cancel = f"select public.transition_task('{self._task}', null, 'canceled', null, null, {LEASE})"
            delete = f"delete from public.tasks where id = '{self._task}'"
            self._sql.execute(cancel if what == CANCELED else delete)

    def _as(self, actor: str, work: Any) -> bool:
        """Do the work of one process; return False when it was killed."""
        self.points.actor = f"{self._now:g} s, {actor}"
        try:
            work()
        except Killed:
            self.points.revive()
            self.parts.forget_hands()
            self.watch.see_death()
            return False
        if self.points.is_dead:
            self.watch.break_off("a death was caught")
            self.points.revive()
        return True
