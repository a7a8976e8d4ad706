"""The chord in the middle of every pipeline: who dies, comes twice or fails, the body works once or the row fails.

Runs wait at exact moments (`holds.py`). There the test kills or freezes their process, delivers a message again
(`deliveries.py`), or has the database refuse a step.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery.result import AsyncResult

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.models import TaskRow, TaskStatus, TaskType
from concept_worker.routing import QUEUE_OF, START_OF
from tests.chaos.database import fetch
from tests.chaos.points import CHORD
from tests.conftest import StartSystem, System
from tests.integration.conftest import refusing, run_sql
from tests.integration.tasks.deliveries import Deliveries
from tests.integration.tasks.holds import APP, Holds, Moment
from tests.integration.tasks.runs import ended, look, objects_of, open_door, staged_of, steps_of, sweep
from tests.waiting import until

BASE, PALETTES, BODY, LAST = "store_base_image", "generate_palettes", "create_variations", "store_concept"
FIRST = {TaskType.GENERATION: ("generate_base_image",), TaskType.REFINEMENT: ("download_original", "refine_image")}
PICTURE = {TaskType.GENERATION: "image", TaskType.REFINEMENT: "refine"}
COUNT = 2  # palettes asked for
BODY_IS_OUT = ("counted", "published")  # points at which others go on with the run, though its message is not done


@dataclass(frozen=True)
class Death:
    """When a process dies, and what that costs: every step works once, but for the one named here."""

    at: Moment
    kind: TaskType
    again: str | None = None  # the step that was in work, and is done again
    palettes_paid: int = 1

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.at}"

    @property
    def costs(self) -> dict[str, Any]:
        """What the completed run leaves."""
        return complete(self.kind, {self.again: 2} if self.again else {}, palettes_paid=self.palettes_paid)


def deaths(kind: TaskType) -> list[Death]:
    """One in each moment of the chord, and of what follows it."""
    in_work = [(BASE, "begun"), (BASE, "uploaded"), (PALETTES, "begun"), (BODY, "begun"), (BODY, "uploaded")]
    recorded = [(step, point) for step in (BASE, PALETTES) for point in ("finished", "uncounted", "counted")]
    recorded += [(CHORD, "unpublished"), (CHORD, "published"), (BODY, "finished")]
    return [
        *(Death(Moment(step, point), kind, again=step) for step, point in in_work),
        # The one call in flight may be paid again.
        Death(Moment(PALETTES, "answered"), kind, again=PALETTES, palettes_paid=2),
        *(Death(Moment(step, point), kind) for step, point in recorded),
        Death(Moment(LAST, "stored"), kind, again=LAST),
    ]


GENERATIONS = deaths(TaskType.GENERATION)
# The canvas is the same from here on: what is left out cannot differ between the two kinds.
REFINEMENTS = [death for death in deaths(TaskType.REFINEMENT) if death.at.point not in ("begun", "finished", "counted")]
# A child takes long to replace: death before any work is that of a worker, and of the header that is given up.
IN_CHILDREN = [death for death in GENERATIONS if death.at.point != "begun"]


def complete(kind: TaskType, tries: dict[str, int] | None = None, *, palettes_paid: int = 1) -> dict[str, Any]:
    """What a completed run leaves: one of everything with all its pictures, nothing in staging, each step done once
    but for the `tries` named.
    """
    return {
        "status": TaskStatus.COMPLETED,
        "concepts": 1,
        "variations": COUNT,
        "pictures": 1 + COUNT,
        "objects": 1 + COUNT,
        "staged": 0,
        "paid": {PICTURE[kind]: 1, "palettes": palettes_paid},
        "tries": dict.fromkeys((*FIRST[kind], BASE, PALETTES, BODY, LAST), 1) | (tries or {}),
    }


def failed(kind: TaskType, *, paid: dict[str, int]) -> dict[str, Any]:
    """What a run leaves that failed in the header, once the sweep was there: nothing; and the body never began."""
    nothing = dict.fromkeys(("concepts", "variations", "pictures", "objects", "staged"), 0)
    tries = dict.fromkeys((*FIRST[kind], BASE, PALETTES), 1)
    return {"status": TaskStatus.FAILED, **nothing, "paid": {PICTURE[kind]: 1, **paid}, "tries": tries}


@dataclass(frozen=True)
class Runs:
    """Asks a worker for runs, and looks at what they left."""

    system: System
    stack: Stack
    provider: FakeProvider
    holds: Holds
    user: UUID
    original: UUID  # a concept to refine

    @property
    def deliveries(self) -> Deliveries:
        """The broker's part."""
        return Deliveries(self.system)

    def begin(self, kind: TaskType, *moments: Moment) -> TaskRow:
        """A run, with words of its own, that is going to wait at these moments."""
        words = {"logo_description": f"a fox {uuid4().hex}", "theme_description": "warm", "num_palettes": COUNT}
        wish = {"refinement_prompt": "rounder", "original_concept_id": str(self.original)}
        inputs = words | (wish if kind is TaskType.REFINEMENT else {})
        row = self.system.client._records.task_service.create_task(self.user, kind, inputs)
        for moment in moments:
            self.holds.hold(row, moment)
        start = START_OF[kind]
        self.system.app.send_task(start.value, task_id=str(row.id), queue=QUEUE_OF[start].value)
        return row

    def waiting(self, kind: TaskType, *moments: Moment) -> TaskRow:
        """A run that waits at these moments now."""
        row = self.begin(kind, *moments)
        for moment in moments:
            self.holds.until_held(row, moment)
        return row

    def until_over(self, row: TaskRow) -> TaskRow:
        """The row at its end, without housekeeping."""
        until(lambda: look(self.system, row).status.is_terminal, "the row to end")
        return look(self.system, row)

    def left_by(self, row: TaskRow) -> dict[str, Any]:
        """What there is of a run in tables, buckets and staging, and what was paid and done for it."""
        database = self.stack.environment["DATABASE_URL"]
        concepts = fetch(database, "select id, image_path from public.concepts where task_id = $1", row.id)
        variations = fetch(
            database,
            "select image_path from public.color_variations where concept_id = any($1)",
            [concept["id"] for concept in concepts],
        )
        paths = [record["image_path"] for record in (*concepts, *variations)]
        return {
            "status": look(self.system, row).status,
            "concepts": len(concepts),
            "variations": len(variations),
            "pictures": sum(bool(self.system.client.load_image(path, path.partition("/")[0])) for path in set(paths)),
            "objects": objects_of(self.stack, row),
            "staged": len(staged_of(self.stack, row)),
            "paid": self.paid(row),
            "tries": {name: step["tries"] for name, step in steps_of(self.stack, row).items()},
        }

    def paid(self, row: TaskRow) -> dict[str, int]:
        """Paid calls for the row's own words, by endpoint."""
        word = row.inputs["logo_description"].split()[-1]
        return dict(Counter(call.endpoint for call in self.provider.calls if call.paid and word in str(call.body)))

    def until_swept(self, row: TaskRow) -> None:
        """Have housekeeping remove what a row that is over left."""

        def is_swept() -> bool:
            sweep(self.system)
            return not objects_of(self.stack, row) and not staged_of(self.stack, row)

        until(is_swept, "what the row left to be removed")

    def refusing(self, row: TaskRow, step: str) -> AbstractContextManager[None]:
        """The database does not take what this header of the row makes."""
        made = {
            BASE: ("storage.objects", f"name like '%/{row.id}/base.png'"),
            PALETTES: ("public.task_steps", f"task_id = '{row.id}' and step = '{PALETTES}' and state = 'done'"),
        }
        return refusing(self.stack, *made[step])


StartRuns = Callable[..., Runs]


@pytest.fixture(scope="module")
def start_runs(
    stack: Stack, start_system: StartSystem, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartRuns]:
    """Start a worker that waits where it is told to, with leases short enough to watch, on a paid provider that
    remembers nothing: what is asked twice is paid twice.

    The broker's visibility timeout is nothing to wait for; `Deliveries.again` is what happens after it.
    """
    open_door(stack)
    holds = Holds(tmp_path_factory.mktemp("holds"))
    with FakeProvider(FakeProviderOptions(cache=False)) as provider:

        def start(*arguments: str) -> Runs:
            system = start_system(
                *arguments,
                app=APP,
                **holds.environment,
                JIGSAWSTACK_API_KEY=provider.api_key,
                JIGSAWSTACK_API_URL=provider.url,
                CONCEPT_IMAGE_SIZE="256",
                CONCEPT_LEASE_SECONDS="2",
                CONCEPT_PENDING_SECONDS="1",
                CONCEPT_SWEEP_AFTER_SECONDS="0",
            )
            user = stack.create_user()
            row = system.client.generate(user_id=user, logo_description="an owl", theme_description="calm")
            original = ended(system, row).result_id
            assert original is not None
            return Runs(system, stack, provider, holds, user, original)

        yield start


@pytest.fixture(scope="module")
def threads(start_runs: StartRuns) -> Runs:
    """Steps in threads of one process: it dies as a whole. One for each run that waits, and some more."""
    return start_runs("--concurrency", str(len(GENERATIONS) + len(REFINEMENTS) + 10))


@pytest.fixture(scope="module")
def children(start_runs: StartRuns) -> Runs:
    """Each step in a child of its own."""
    return start_runs("--pool", "prefork", "--concurrency", "4")


Ends = dict[Death, TaskRow]


@pytest.fixture(scope="module")
def killed_worker(threads: Runs) -> Ends:
    """Rows at their end. Their worker was killed while each of them was at its moment, and started again.

    What it had in hand of refinements was delivered again at once, as by a broker that noticed; of generations when
    housekeeping had brought them to their end, as by one that waits for the visibility timeout.
    """
    rows = {death: threads.begin(death.kind, death.at) for death in (*GENERATIONS, *REFINEMENTS)}
    for death, row in rows.items():
        threads.holds.until_held(row, death.at)
        if death.at.point in BODY_IS_OUT:
            threads.until_over(row)
        else:
            until(lambda d=death, r=row: has_only_in_work(steps_of(threads.stack, r), d.at.step), "its sibling to end")
    threads.system.worker.kill()
    for death, row in rows.items():
        threads.holds.release(row, death.at)
    lost = threads.deliveries.in_hand()
    refinements = {str(row.id) for death, row in rows.items() if death.kind is TaskType.REFINEMENT}
    noticed = {tag for tag, message in lost.items() if message.task_id in refinements}
    threads.deliveries.again(noticed)
    threads.system.worker.container.start()
    threads.system.worker.ready()
    ends = {death: ended(threads.system, row) for death, row in rows.items()}
    threads.deliveries.again(lost.keys() - noticed)
    threads.deliveries.until_all_are_done()
    return ends


def has_only_in_work(steps: dict[str, dict[str, Any]], name: str) -> bool:
    """Whether the chord has begun, and what has begun is done, but perhaps for this step."""
    others_are_done = all(step["state"] == "done" for other, step in steps.items() if other != name)
    return others_are_done and {BASE, PALETTES} <= steps.keys()


@pytest.fixture(scope="module")
def killed_children(children: Runs) -> Ends:
    """Rows at their end. Of each, the child that was at its moment was killed."""
    rows = {death: children.begin(death.kind, death.at) for death in IN_CHILDREN}
    alive = set(rows)

    def are_killed() -> bool:
        for death in list(alive):
            pid = children.holds.held(rows[death], death.at)
            if pid is not None:
                kill(children, rows[death], death.at, pid)
                alive.remove(death)
        return not alive

    until(are_killed, "every moment to come")
    ends = {death: ended(children.system, row) for death, row in rows.items()}
    children.deliveries.until_all_are_done()
    return ends


def kill(runs: Runs, row: TaskRow, moment: Moment, pid: int) -> None:
    """End the process that waits there; whoever comes after it goes on."""
    os.kill(pid, signal.SIGKILL)
    runs.holds.release(row, moment)


class TestAProcessThatDies:
    """In each moment: the run completes, and only what was in work is done again."""

    @pytest.mark.parametrize("death", [*GENERATIONS, *REFINEMENTS], ids=str)
    def test_a_worker(self, threads: Runs, killed_worker: Ends, death: Death) -> None:
        """With everything it had in hand. Messages that come back after the end change nothing."""
        row = killed_worker[death]
        assert threads.left_by(row) == death.costs
        assert look(threads.system, row) == row

    @pytest.mark.parametrize("death", IN_CHILDREN, ids=str)
    def test_a_child(self, children: Runs, killed_children: Ends, death: Death) -> None:
        """Its worker lives on and believes what results it finds: then the chord waits for ever, but not the row."""
        row = killed_children[death]
        assert children.left_by(row) == death.costs
        assert look(children.system, row) == row

    @pytest.mark.parametrize(
        "moment", [Moment(BASE, "uncounted"), Moment(PALETTES, "uncounted"), Moment(CHORD, "unpublished")], ids=str
    )
    def test_a_child_and_celery_lost_the_chord(self, killed_children: Ends, moment: Moment) -> None:
        """Only housekeeping knew: another run went on from the checkpoints."""
        row = next(row for death, row in killed_children.items() if death.at == moment)
        assert row.run > 1

    def test_again_and_again_by_the_same_header(self, children: Runs) -> None:
        """It is given up: the row fails, and the body never begins."""
        begun = Moment(PALETTES, "begun")
        row = children.waiting(TaskType.GENERATION, begun)
        before = children.system.settings.max_interruptions - 1
        mine = f"task_id = '{row.id}' and step = '{PALETTES}'"
        run_sql(children.stack, f"update public.task_steps set interruptions = {before} where {mine}")
        kill(children, row, begun, children.holds.until_held(row, begun))
        last = ended(children.system, row)
        assert last.error_message == (
            "Error in generation task processing: the step was interrupted 4 times and was given up"
        )
        assert BODY not in steps_of(children.stack, row)


class TestAMessageThatComesTwice:
    """Only one of the two works."""

    @pytest.mark.parametrize("step", [BASE, PALETTES, BODY, LAST])
    def test_while_the_first_is_at_work(self, threads: Runs, step: str) -> None:
        """The second waits, and is answered from the checkpoint; the chord counts the two as one."""
        begun = Moment(step, "begun")
        row = threads.waiting(TaskType.GENERATION, begun)
        threads.deliveries.until_state(threads.deliveries.twice(row, step), "RETRY")
        threads.holds.release(row, begun)
        assert threads.until_over(row).run == 1
        threads.deliveries.until_all_are_done()
        assert threads.left_by(row) == complete(TaskType.GENERATION)

    def test_as_if_it_were_the_sibling(self, threads: Runs) -> None:
        """A header under two ids is two for Celery, so it sends the body with two lists of palettes and no picture.
        That body is dropped, because the picture has no checkpoint yet; the run goes on.
        """
        base, palettes = Moment(BASE, "begun"), Moment(PALETTES, "begun")
        row = threads.waiting(TaskType.GENERATION, base, palettes)
        copy = threads.deliveries.twice(row, PALETTES, celery_id=str(uuid4()))
        threads.deliveries.until_state(copy, "RETRY")
        lost = threads.system.worker.logs().count("its step has no place here")
        threads.holds.release(row, palettes)
        until(lambda: threads.system.worker.logs().count("its step has no place here") > lost, "the body to be dropped")
        assert look(threads.system, row).status is TaskStatus.PROCESSING
        threads.holds.release(row, base)
        ended(threads.system, row)
        threads.deliveries.until_all_are_done()
        assert threads.left_by(row) == complete(TaskType.GENERATION)

    def test_to_a_header_that_froze_and_wakes_when_all_is_over(self, children: Runs) -> None:
        """Both work and both end well. The first output written counts, the body works once, the row stays as it is."""
        answered = Moment(PALETTES, "answered")
        children.provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.FEWER, times=1))  # the other gets more
        row = children.waiting(TaskType.GENERATION, answered)
        pid = children.holds.until_held(row, answered)
        os.kill(pid, signal.SIGSTOP)
        children.holds.release(row, answered)
        children.deliveries.twice(row, PALETTES)
        last = children.until_over(row)
        written = steps_of(children.stack, row)[PALETTES]["output"]
        os.kill(pid, signal.SIGCONT)
        children.deliveries.until_all_are_done()
        assert steps_of(children.stack, row)[PALETTES]["output"] == written
        assert children.left_by(row) == complete(TaskType.GENERATION, {PALETTES: 2}, palettes_paid=2)
        assert look(children.system, row) == last


UNRECORDED = "the result of generate_palettes could not be recorded: the database refused the request (code 23514)"
SENTENCES = {
    (TaskType.GENERATION, BASE): "Storing base image failed: the image store refused the request (status 400)",
    (TaskType.REFINEMENT, BASE): "Storing refined image failed: the image store refused the request (status 400)",
    (TaskType.GENERATION, PALETTES): UNRECORDED,
    (TaskType.REFINEMENT, PALETTES): UNRECORDED,
}


def sentence(kind: TaskType, step: str) -> str:
    """What the row says of a header that was refused."""
    return f"Error in {kind.value.removeprefix('concept_')} task processing: {SENTENCES[kind, step]}"


class TestAHeaderThatFails:
    """The user hears of it at once, and once."""

    @pytest.mark.parametrize("kind", TaskType)
    @pytest.mark.parametrize(
        ("failing", "at_work"), [(BASE, Moment(PALETTES, "answered")), (PALETTES, Moment(BASE, "uploaded"))]
    )
    def test_while_its_sibling_is_at_work(self, threads: Runs, kind: TaskType, failing: str, at_work: Moment) -> None:
        """Neither the row nor Celery waits for it. When it returns nothing changes; the sweep takes what it made."""
        begun = Moment(failing, "begun")
        row = threads.waiting(kind, begun, at_work)
        with threads.refusing(row, failing):
            threads.holds.release(row, begun)
            last = threads.until_over(row)
        assert last.error_message == sentence(kind, failing)
        result: AsyncResult[str] = AsyncResult(str(row.id), app=threads.system.app)
        until(lambda: result.state == "FAILURE", "Celery to know")
        assert steps_of(threads.stack, row)[at_work.step]["state"] == "running"
        threads.holds.release(row, at_work)
        threads.deliveries.until_all_are_done()
        assert look(threads.system, row) == last
        threads.until_swept(row)
        assert threads.left_by(row) == failed(kind, paid={"palettes": 1})

    @pytest.mark.parametrize(("first", "second"), [(BASE, PALETTES), (PALETTES, BASE)])
    def test_and_then_its_sibling_too(self, threads: Runs, first: str, second: str) -> None:
        """The first sentence stays; the second is nobody's."""
        row = threads.waiting(TaskType.GENERATION, Moment(first, "begun"), Moment(second, "begun"))
        with threads.refusing(row, first), threads.refusing(row, second):
            threads.holds.release(row, Moment(first, "begun"))
            last = threads.until_over(row)
            threads.holds.release(row, Moment(second, "begun"))
            threads.deliveries.until_all_are_done()
        assert last.error_message == sentence(TaskType.GENERATION, first)
        assert look(threads.system, row) == last
        threads.until_swept(row)
        assert threads.left_by(row) == failed(TaskType.GENERATION, paid={"palettes": 1})

    def test_twice_while_its_sibling_is_long_done(self, threads: Runs) -> None:
        """It is tried again until it is done, and the body begins after that."""
        begun = Moment(PALETTES, "begun")
        row = threads.waiting(TaskType.GENERATION, begun)
        until(lambda: steps_of(threads.stack, row)[BASE]["state"] == "done", "its sibling to end")
        threads.provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.STATUS, times=2))
        threads.holds.release(row, begun)
        assert threads.until_over(row).run == 1
        threads.deliveries.until_all_are_done()
        assert threads.left_by(row) == complete(TaskType.GENERATION, {PALETTES: 3})
