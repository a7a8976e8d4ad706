"""What living executions pay for is kept: a newer run waits for a step that an older one is still at.

Every interleaving of a step of an older run, which lives, dies, waits or is handed back, with the newer run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from concept_worker.bootstrap import build_records
from concept_worker.devstack import Stack
from concept_worker.errors import AbandonedRun, MisplacedStep, PoisonStep, StaleRun, StepHeld
from concept_worker.models import RETRY_KEY, RunReference, TaskRow, TaskStatus, TaskType
from concept_worker.services.task_service import TaskService
from concept_worker.settings import Settings
from tests.chaos.database import fetch
from tests.integration.conftest import run_sql
from tests.integration.services.rows import STEP, claimed, end_lease, is_among, let_lease_end

pytestmark = pytest.mark.usefixtures("nobody_left_at_a_step")

BESIDE = "beside"
Build = Callable[..., TaskService]


@pytest.fixture(scope="module")
def build(stack: Stack) -> Iterator[Build]:
    """Services over the embedded stack; settings as named."""
    made = []

    def one(**settings: float) -> TaskService:
        records = build_records(
            Settings.model_validate(
                {
                    "supabase_url": stack.environment["SUPABASE_URL"],
                    "supabase_secret_key": stack.environment["SUPABASE_SECRET_KEY"],
                }
                | settings
            )
        )
        made.append(records)
        return records.task_service

    yield one
    for records in made:
        records.close()


@pytest.fixture(scope="module")
def tasks(build: Build) -> TaskService:
    """With the settings' defaults."""
    return build()


@pytest.fixture
def row(tasks: TaskService, user_id: UUID) -> TaskRow:
    """A pending row."""
    return tasks.create_task(user_id, TaskType.GENERATION)


def started_over(tasks: TaskService, row: TaskRow) -> tuple[RunReference, RunReference]:
    """A run whose step forgot its checkpoint while the step beside it is at work; and the run after it."""
    old = claimed(tasks, row)
    tasks.begin_step(old, STEP, "one", 10)
    tasks.finish_step(old, STEP, {"picture": 1}, 20)
    tasks.begin_step(old, BESIDE, "one", 10)
    assert tasks.forget_steps(old, [STEP])
    return old, claimed(tasks, row)


def begins(tasks: TaskService, run: RunReference, owner: str = "two") -> object:
    """What the step beside says to an execution of this run."""
    return tasks.begin_step(run, BESIDE, owner, 10).output


class TestALivingSibling:
    """Of a run that started over."""

    def test_its_answer_is_the_newer_runs(self, tasks: TaskService, row: TaskRow) -> None:
        """The newer run waits, visibly, and is answered from the checkpoint: nothing is paid again."""
        old, new = started_over(tasks, row)
        with pytest.raises(StepHeld) as held:
            begins(tasks, new)
        assert held.value.seconds > 0
        retry = tasks.get_task(row.id, row.user_id).metadata[RETRY_KEY]
        assert (retry["step"], "its answer is waited for" in retry["reason"]) == (BESIDE, True)
        assert not tasks.finish_step(old, BESIDE, {"paid": 1}, 20).current
        assert begins(tasks, new) == {"paid": 1}
        assert RETRY_KEY not in tasks.get_task(row.id, row.user_id).metadata

    def test_its_heartbeats_keep_the_step_and_not_a_run(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Neither the old one, which is over, nor the new one, whose own death must show."""
        old = claimed(tasks, row)
        tasks.begin_step(old, BESIDE, "one", 10)
        tasks.forget_steps(old, [STEP])
        assert tasks.extend_step(old, BESIDE, "one")
        assert is_among(tasks.stalled(0.0, 1000), row)
        new = claimed(tasks, row)
        let_lease_end(stack, row)
        end_lease(stack, old)
        assert tasks.extend_step(old, BESIDE, "one")
        assert is_among(tasks.stalled(0.0, 1000), row)
        with pytest.raises(StepHeld):
            begins(tasks, new)

    def test_the_newer_run_lives_while_it_waits(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """It is not resumed, and no claim is used up, however long the old call takes."""
        _, new = started_over(tasks, row)
        let_lease_end(stack, row)
        with pytest.raises(StepHeld):
            begins(tasks, new)
        assert not is_among(tasks.stalled(0.0, 1000), row)

    def test_it_is_not_interrupted(self, tasks: TaskService, row: TaskRow) -> None:
        """However often its run starts over, its executions are not taken for ones that never came back."""
        first = claimed(tasks, row)
        tasks.begin_step(first, BESIDE, "one", 10)
        tasks.forget_steps(first, [STEP])
        for _ in range(3):
            run = claimed(tasks, row)
            with pytest.raises(StepHeld):
                begins(tasks, run)
            tasks.forget_steps(run, [STEP])
        assert not tasks.finish_step(first, BESIDE, {"paid": 1}, 20).current
        assert begins(tasks, claimed(tasks, row)) == {"paid": 1}

    def test_its_wait_releases_the_step(self, tasks: TaskService, row: TaskRow) -> None:
        """An old run plans no retry: the newer one takes the step at once. An attempt was made, and no interruption."""
        old, new = started_over(tasks, row)
        with pytest.raises(StaleRun):
            tasks.wait_step(old, BESIDE, "one", "busy", is_attempt=True, delay_seconds=900.0)
        assert begins(tasks, new) is None
        assert tasks.wait_step(new, BESIDE, "two", "busy", is_attempt=True, delay_seconds=1.0).attempts == 2
        assert begins(tasks, new, "three") is None

    def test_a_cancel_or_delete_ends_it(self, tasks: TaskService, row: TaskRow) -> None:
        """Its heart beats for nothing, and what it finishes is to be removed."""
        old, new = started_over(tasks, row)
        tasks.cancel_task(row.id, row.user_id)
        assert not tasks.extend_step(old, BESIDE, "one")
        with pytest.raises(AbandonedRun):
            begins(tasks, new)
        assert tasks.finish_step(old, BESIDE, {}, 20).is_abandoned
        tasks.delete_task(row.id, row.user_id)
        assert tasks.finish_step(old, BESIDE, {}, 20).is_abandoned


class TestADeadSibling:
    """Its lease decides, as everywhere."""

    def test_it_is_taken_over_and_counted(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Not before its lease is over; and one that dies again and again is given up."""
        old, new = started_over(tasks, row)
        end_lease(stack, old)
        assert begins(tasks, new) is None
        assert not tasks.extend_step(old, BESIDE, "one")
        for owner in ("three", "four"):
            end_lease(stack, new)
            assert begins(tasks, new, owner) is None
        end_lease(stack, new)
        with pytest.raises(PoisonStep, match="interrupted 4 times"):
            begins(tasks, new, "five")

    def test_its_late_answer_counts(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """It was only frozen: the first output written is everybody's."""
        old, new = started_over(tasks, row)
        end_lease(stack, old)
        assert begins(tasks, new) is None
        tasks.finish_step(old, BESIDE, {"paid": 1}, 20)
        assert tasks.finish_step(new, BESIDE, {"paid": 2}, 20).output == {"paid": 1}


class TestARunThatStartsOver:
    """`forget_steps`"""

    def test_it_is_over_at_once(self, tasks: TaskService, row: TaskRow) -> None:
        """Whatever of it still comes: it stops quietly, and brings the run back to life in no way."""
        run = claimed(tasks, row)
        for step in (STEP, BESIDE):
            tasks.begin_step(run, step, "one", 10)
        tasks.finish_step(run, STEP, {}, 20)
        tasks.forget_steps(run, [STEP])
        with pytest.raises(StaleRun):
            tasks.begin_step(run, STEP, "two", 10)
        assert not tasks.finish_step(run, STEP, {"late": 1}, 20).current
        assert not tasks.finish_step(run, BESIDE, {}, 20).current
        assert not tasks.forget_steps(run, [BESIDE])
        assert is_among(tasks.resume_dead(60.0, 1000), row)
        assert not is_among(tasks.resume_dead(60.0, 1000), row)

    def test_only_what_is_done_is_forgotten(self, tasks: TaskService, row: TaskRow) -> None:
        """An execution that makes the bytes anew is left at it."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.forget_steps(run, [STEP])
        with pytest.raises(StepHeld):
            tasks.begin_step(claimed(tasks, row), STEP, "two", 10)

    def test_the_step_that_found_it_was_released_before(self, tasks: TaskService, row: TaskRow) -> None:
        """So the newer run does not wait for its lease."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.wait_step(run, STEP, "one", "bytes lost", is_attempt=False, delay_seconds=0.0)
        tasks.forget_steps(run, ["maker"])
        assert tasks.begin_step(claimed(tasks, row), STEP, "two", 10).output is None


class TestTakeover:
    """`CONCEPT_TAKEOVER_SECONDS`"""

    @pytest.mark.parametrize(("pays", "is_held"), [(True, True), (False, False)])
    def test_a_step_that_pays_is_left_alone_for_longer(
        self, build: Build, user_id: UUID, stack: Stack, pays: bool, is_held: bool
    ) -> None:
        """Past its lease: its process may only be frozen. A step that pays nothing is not waited for."""
        tasks = build(takeover_seconds=60.0)
        run = claimed(tasks, tasks.create_task(user_id, TaskType.GENERATION))
        tasks.begin_step(run, STEP, "one", 10, pays=pays)
        end_lease(stack, run)
        if is_held:
            with pytest.raises(StepHeld) as held:
                tasks.begin_step(run, STEP, "two", 10, pays=pays)
            assert 0 < held.value.seconds <= 60.0
            run_sql(
                stack,
                f"""update public.task_steps set lease_expires_at = now() - interval '61 s'
                where task_id = '{run.task_id}'""",
            )
        assert tasks.begin_step(run, STEP, "two", 10, pays=pays).output is None


class TestNeeds:
    """A step takes its inputs from the checkpoints of its task."""

    def test_they_come_with_the_step(self, tasks: TaskService, row: TaskRow) -> None:
        """In the same round trip."""
        run = claimed(tasks, row)
        for step in ("first", "second"):
            tasks.begin_step(run, step, "one", 10)
            tasks.finish_step(run, step, {"of": step}, 20)
        begun = tasks.begin_step(run, STEP, "one", 10, ["first", "second"])
        assert begun.inputs == {"first": {"of": "first"}, "second": {"of": "second"}}

    @pytest.mark.parametrize("state", ["absent", "running", "waiting", "another task's"])
    def test_a_step_that_comes_too_early_is_not_taken(
        self, tasks: TaskService, row: TaskRow, stack: Stack, state: str
    ) -> None:
        """Nor is anything of the row changed."""
        run = claimed(tasks, row)
        at = claimed(tasks, tasks.create_task(row.user_id, TaskType.GENERATION)) if state == "another task's" else run
        if state != "absent":
            tasks.begin_step(at, "first", "one", 10)
        if state == "waiting":
            tasks.wait_step(run, "first", "one", "busy", is_attempt=True, delay_seconds=1.0)
        if state == "another task's":
            tasks.finish_step(at, "first", {}, 20)
        before = tasks.get_task(row.id, row.user_id)
        with pytest.raises(MisplacedStep):
            tasks.begin_step(run, STEP, "one", 10, ["first"])
        assert tasks.get_task(row.id, row.user_id) == before
        assert not fetch(
            stack.environment["DATABASE_URL"],
            "select from public.task_steps where task_id = $1 and step = $2",
            row.id,
            STEP,
        )

    def test_a_step_that_is_done_needs_nothing(self, tasks: TaskService, row: TaskRow) -> None:
        """What it worked on may be forgotten by then."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.finish_step(run, STEP, {"picture": 1}, 20)
        assert tasks.begin_step(run, STEP, "two", 10, ["first"]).output == {"picture": 1}

    def test_a_row_of_another_type_is_left_alone(self, tasks: TaskService, row: TaskRow) -> None:
        """The message's word for the type is confirmed by the row, or the message is dropped."""
        run = claimed(tasks, row)
        before = tasks.get_task(row.id, row.user_id)
        with pytest.raises(MisplacedStep):
            tasks.begin_step(run.model_copy(update={"type": TaskType.REFINEMENT}), STEP, "one", 10)
        assert tasks.get_task(row.id, row.user_id) == before


class TestWorkersOfTheLastVersion:
    """They call with the arguments they know, for as long as a deploy lasts."""

    def test_begin_step(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Without type, needs and patience, it means what it meant."""
        run = claimed(tasks, row)
        call = f"""select public.begin_step(p_task_id => '{row.id}', p_run => {run.number}, p_step => '{STEP}',
            p_owner => 'one', p_progress => 10, p_lease_seconds => 60, p_max_interruptions => 2) as answer"""
        (answer,) = fetch(stack.environment["DATABASE_URL"], call)
        assert '"outcome": "go"' in answer["answer"]
        with pytest.raises(StepHeld):
            tasks.begin_step(run, STEP, "two", 10)

    def test_a_row_that_failed_keeps_what_its_step_releases(self, tasks: TaskService, row: TaskRow) -> None:
        """The step is over for the rule of last tries too, though its run is."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        failed = tasks.update_task_status(row.id, TaskStatus.FAILED, error_message="no")
        with pytest.raises(StaleRun):
            tasks.wait_step(run, STEP, "one", "busy", is_attempt=False, delay_seconds=0.0)
        assert tasks.get_task(row.id, row.user_id) == failed
