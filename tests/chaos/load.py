"""What producers and users do meanwhile: ask, cancel, delete; messages that come twice; writers that come late."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from kombu.exceptions import OperationalError

from concept_worker.errors import (
    ConceptWorkerError,
    EnqueueError,
    StoreUnreachable,
    UnknownOutcome,
)
from concept_worker.models import TaskRow, TaskType
from concept_worker.producer_app import producer_app
from concept_worker.routing import QUEUE_OF, START_OF
from tests.chaos.database import DATABASE_TROUBLE, TERMINAL, Observer, fetch
from tests.chaos.deployment import Deployment
from tests.chaos.history import ClientCall, Told

_PRESERVE = ((), ("colors",), ("layout", "shapes"))


@dataclass
class Asked:
    """What was accepted, and what became of it by a user's wish."""

    tasks: dict[str, str] = field(default_factory=dict)  # the word that names each task in its texts
    refused: int = 0  # asks that ended in an error for the producer
    deleted: set[str] = field(default_factory=set)
    wished_away: set[str] = field(default_factory=set)  # a delete that did not say how it ended
    counts: Counter[str] = field(default_factory=Counter)
    calls: list[ClientCall] = field(default_factory=list)  # what each client was told


class Load:
    """The producer and the users, with a seeded choice of everything."""

    def __init__(self, deployment: Deployment, observer: Observer, seed: int) -> None:
        self._deployment, self._observer = deployment, observer
        self._client = deployment.client
        self._sender = producer_app(deployment.settings)
        self._user = deployment.stack.create_user()
        self._random = random.Random(f"load {seed}")
        self._originals: list[UUID] = []
        self._number = 0
        self.abandoned = threading.Event()  # nobody waits for the outcome any more
        self.asked = Asked()

    def warm_up(self, closing: threading.Event) -> None:
        """Two concepts made in peace: the originals of refinements, and proof that the deployment works."""
        rows = [self._generate(f"W{number:04d}") for number in range(2)]
        while not all(self._observer.statuses.get(str(row)) in TERMINAL for row in rows):
            closing.wait(0.05)
        made = [self._client.get_task(row, self._user).result_id for row in rows]
        self._originals = [concept for concept in made if concept is not None]
        assert self._originals, "no run completed in peace"

    def ask(self, runs: int, seconds: float, closing: threading.Event) -> None:
        """Ask for so many runs, spread over the time; what is left at its end is asked for at once."""
        for _ in range(runs):
            if self.abandoned.is_set():
                return
            self._number += 1
            self._client = self._deployment.far_client if self._random.random() < 0.5 else self._deployment.client
            ask = self._refine if self._random.random() < 0.4 else self._generate
            try:
                ask(f"K{self._number:04d}")
            except UnknownOutcome as exc:
                closing.wait(self._random.uniform(0.5, 3.0))
                self._ask_again(ask, exc)
            except ConceptWorkerError:
                self.asked.refused += 1
            closing.wait(self._random.expovariate(runs / seconds))

    def _ask_again(self, ask: Callable[..., UUID], lost: UnknownOutcome) -> None:
        """As the error says: with the same id, so that there is one row, whatever became of the first call."""
        self.asked.counts["asked again after lost answers"] += 1
        if lost.task_id is None:
            return
        try:
            ask(f"K{self._number:04d}", lost.task_id)
        except ConceptWorkerError:
            self.asked.refused += 1

    def meddle(self, seconds: float, closing: threading.Event) -> None:
        """What users and late comers do to random rows, one thing about every second."""
        rng = random.Random(f"meddle {self._user}")
        acts = (self._cancel, self._delete, self._send_again, self._send_again, self._write_late, self._store_late)
        while not closing.wait(rng.expovariate(1 / seconds)):
            name = rng.choice([act.__name__ for act in acts])
            with suppress(ConceptWorkerError, OperationalError, OSError, TimeoutError, *DATABASE_TROUBLE):
                getattr(self, name)(rng)

    def _generate(self, token: str, task_id: UUID | None = None) -> UUID:
        inputs: dict[str, Any] = {
            "logo_description": f"a fox {token}",
            "theme_description": f"autumn {token}",
            "num_palettes": random.Random(token).randint(1, 3),
        }
        return self._told(token, lambda: self._client.generate(user_id=self._user, task_id=task_id, **inputs))

    def _refine(self, token: str, task_id: UUID | None = None) -> UUID:
        rng = random.Random(token)  # asked again, it asks for the same
        inputs: dict[str, Any] = {
            "refinement_prompt": f"rounder {token}",
            "original_concept_id": rng.choice(self._originals),
            "logo_description": f"a fox {token}",
            "theme_description": f"winter {token}",
            "preserve_aspects": rng.choice(_PRESERVE),
            "num_palettes": rng.randint(0, 2),
        }
        return self._told(token, lambda: self._client.refine(user_id=self._user, task_id=task_id, **inputs))

    def _told(self, token: str, ask: Callable[[], TaskRow]) -> UUID:
        """Ask, and write down what the client was told."""
        begun = time.time()

        def note(told: Told, task: object = "") -> None:
            self.asked.calls.append(ClientCall(token, begun, time.time(), told, str(task or "")))

        try:
            row = ask()
        except UnknownOutcome as exc:
            note(Told.UNKNOWN, exc.task_id)
            raise
        except EnqueueError:
            note(Told.FAILED)
            raise
        except StoreUnreachable:
            note(Told.NOTHING)
            raise
        note(Told.ROW, row.id)
        self.asked.tasks[str(row.id)] = token
        return row.id

    def _one(self, rng: random.Random, *, terminal: bool) -> str | None:
        rows = [one for one, status in self._observer.statuses.items() if (status in TERMINAL) is terminal]
        return rng.choice(sorted(rows)) if rows else None

    def _cancel(self, rng: random.Random) -> None:
        task = self._one(rng, terminal=False)
        if task is not None and rng.random() < 0.4:
            self._client.cancel(task, self._user)
            self.asked.counts["cancel"] += 1

    def _delete(self, rng: random.Random) -> None:
        task = self._one(rng, terminal=False)
        if task is not None and rng.random() < 0.4:
            self.asked.wished_away.add(task)
            self._client.delete(task, self._user)
            self.asked.deleted.add(task)
            self.asked.counts["delete"] += 1

    def _send_again(self, rng: random.Random) -> None:
        """The entry message of a row, once more: a producer's retry, or a broker that delivers twice."""
        task = self._one(rng, terminal=rng.random() < 0.3)
        if task is None:
            return
        kind = fetch(self._deployment.database, "select type from public.tasks where id = $1", UUID(task))
        if kind:
            name = START_OF[TaskType(kind[0]["type"])]
            self._sender.send_task(name.value, task_id=task, queue=QUEUE_OF[name].value)
            self.asked.counts["message sent twice"] += 1

    def _write_late(self, rng: random.Random) -> None:
        """Somebody who does not look at the row's state first, such as a worker of an older version."""
        task = self._one(rng, terminal=True)
        if task is not None:
            self._try("late write", "update public.tasks set progress = 1, stage = 'late' where id = $1", UUID(task))

    def _store_late(self, rng: random.Random) -> None:
        """Somebody who stores a concept without asking whether there is one."""
        task = self._one(rng, terminal=True)
        if task is not None:
            self._try(
                "late store",
                "insert into public.concepts (task_id, user_id, logo_description, theme_description, image_path) "
                "select task_id, user_id, logo_description, theme_description, image_path "
                "from public.concepts where task_id = $1",
                UUID(task),
            )

    def _try(self, name: str, statement: str, *arguments: Any) -> None:
        self.asked.counts[name] += 1
        fetch(self._deployment.database, statement, *arguments)
