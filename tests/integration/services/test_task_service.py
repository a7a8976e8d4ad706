"""Task rows on the real database: who may read them, how they move, what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from concept_worker.bootstrap import build_records
from concept_worker.devstack import Stack
from concept_worker.errors import (
    AbandonedRun,
    InvalidRequest,
    PoisonStep,
    StaleRun,
    StepHeld,
    TaskError,
    TaskNotFoundError,
)
from concept_worker.models import RunReference, TaskRow, TaskStatus, TaskType
from concept_worker.services.task_service import TaskService
from concept_worker.settings import Settings
from tests.integration.conftest import run_sql, uncommitted
from tests.integration.services.rows import STEP, claimed, end_lease, is_among, let_lease_end
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("nobody_left_at_a_step")


@pytest.fixture(scope="module")
def tasks(stack: Stack) -> Iterator[TaskService]:
    """The service over the embedded stack."""
    records = build_records(
        Settings(
            supabase_url=stack.environment["SUPABASE_URL"],
            supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
            max_runs=3,
            max_interruptions=2,
        )
    )
    yield records.task_service
    records.close()


@pytest.fixture
def row(tasks: TaskService, user_id: UUID) -> TaskRow:
    """A pending row."""
    return tasks.create_task(user_id, TaskType.GENERATION, {"logo_description": "a fox"})


def last_tries(tasks: TaskService, user_id: UUID, stack: Stack) -> Sequence[RunReference]:
    """Two runs whose step may be interrupted only once more."""
    runs = [claimed(tasks, tasks.create_task(user_id, TaskType.GENERATION)) for _ in range(2)]
    for run in runs:
        tasks.begin_step(run, STEP, "a", 10)
        end_lease(stack, run)
    return runs


class TestCreate:
    """`create_task`"""

    def test_a_new_row_is_pending_and_keeps_its_inputs(self, row: TaskRow) -> None:
        """Timestamps come from the database."""
        assert (row.status, row.run, row.progress) == (TaskStatus.PENDING, 0, 0)
        assert row.metadata == {"logo_description": "a fox"}
        assert row.created_at.tzinfo is not None

    def test_unknown_user_is_named(self, tasks: TaskService) -> None:
        """A user that nobody signed up cannot own a row."""
        with pytest.raises(InvalidRequest, match="user_id: no such user"):
            tasks.create_task(uuid4(), TaskType.GENERATION)

    @pytest.mark.parametrize(("user", "kind"), [("nobody", "concept_generation"), (str(UUID(int=7)), "concept_dance")])
    def test_bad_arguments_are_named(self, tasks: TaskService, user: str, kind: str) -> None:
        """No UUID, no type of ours."""
        with pytest.raises(InvalidRequest, match=r"user_id|task_type"):
            tasks.create_task(user, kind)


class TestRead:
    """`get_task`, `get_tasks_by_user`, `get_task_by_result_id`"""

    def test_another_users_row_is_not_found(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """And the message does not name the whole id."""
        with pytest.raises(TaskNotFoundError) as caught:
            tasks.get_task(row.id, stack.create_user())
        assert str(caught.value) == f"Task with ID {str(row.id)[:4]}**** not found"

    def test_list_is_newest_first_filtered_and_limited(self, tasks: TaskService, user_id: UUID, stack: Stack) -> None:
        """By status, by limit, and of this user only."""
        made = [tasks.create_task(user_id, TaskType.GENERATION).id for _ in range(3)]
        tasks.create_task(stack.create_user(), TaskType.GENERATION)
        tasks.update_task_status(made[0], TaskStatus.FAILED, error_message="no")
        assert [row.id for row in tasks.get_tasks_by_user(user_id)] == made[::-1]
        assert [row.id for row in tasks.get_tasks_by_user(user_id, "pending", limit=1)] == [made[2]]
        assert [row.id for row in tasks.get_tasks_by_user(user_id, TaskStatus.FAILED)] == [made[0]]

    @pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": 1001}, {"status": "sleeping"}])
    def test_list_names_bad_arguments(self, tasks: TaskService, user_id: UUID, arguments: dict[str, object]) -> None:
        """Limit out of bounds, unknown status."""
        with pytest.raises(InvalidRequest, match=r"limit|status"):
            tasks.get_tasks_by_user(user_id, **arguments)  # type: ignore[arg-type]  # wrong on purpose

    def test_by_result(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """The owner finds the row of a result, another user does not."""
        claimed(tasks, row)
        concept = uuid4()
        tasks.update_task_status(row.id, "completed", result_id=concept)
        found = tasks.get_task_by_result_id(concept, row.user_id)
        assert found is not None
        assert found.id == row.id
        assert tasks.get_task_by_result_id(concept, stack.create_user()) is None


class TestMove:
    """`update_task_status`, `delete_task`"""

    def test_failed_row_says_one_printable_sentence(self, tasks: TaskService, row: TaskRow) -> None:
        """Non-printable characters become spaces, and 1,000 characters are the limit."""
        failed = tasks.update_task_status(row.id, "failed", error_message="bad\x00\x07\nthing" + "x" * 2000)
        assert failed.error_message is not None
        assert failed.error_message.startswith("bad   thing")
        assert len(failed.error_message) == 1000

    @pytest.mark.parametrize("end", [TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED])
    def test_a_terminal_row_never_changes(
        self, tasks: TaskService, row: TaskRow, stack: Stack, end: TaskStatus
    ) -> None:
        """Whatever comes late is refused, and the row stays to the letter."""
        run = claimed(tasks, row)
        last = tasks.update_task_status(row.id, end, result_id=uuid4(), error_message="over")
        for late in (TaskStatus.PROCESSING, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED):
            with pytest.raises(TaskError, match=f"it is {end.value}"):
                tasks.update_task_status(row.id, late, result_id=uuid4(), error_message="late")
        assert tasks.claim_task_if_pending(row.id) is None
        with pytest.raises(StaleRun):
            tasks.wait_step(run, STEP, "owner", "reason", is_attempt=True, delay_seconds=1.0)
        with pytest.raises(asyncpg.RaiseError, match=f"already {end.value}"):
            run_sql(stack, f"update public.tasks set stage = 'late' where id = '{row.id}'")
        assert tasks.get_task(row.id, row.user_id) == last

    def test_completed_needs_a_result_and_a_claim(self, tasks: TaskService, row: TaskRow) -> None:
        """A pending row cannot jump to the end."""
        with pytest.raises(InvalidRequest, match="result_id"):
            tasks.update_task_status(row.id, "completed")
        with pytest.raises(TaskError, match="it is pending"):
            tasks.update_task_status(row.id, "completed", result_id=uuid4())

    def test_a_move_of_an_old_run_is_refused(self, tasks: TaskService, row: TaskRow) -> None:
        """With a run, only the current one moves the row."""
        run = claimed(tasks, row)
        with pytest.raises(TaskError):
            tasks.update_task_status(row.id, "failed", error_message="late", run=run.number - 1)
        assert tasks.update_task_status(row.id, "failed", error_message="now", run=run.number).error_message == "now"

    def test_a_row_that_is_over_waits_for_nothing(self, tasks: TaskService, row: TaskRow) -> None:
        """Its step's wait is shown no more."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.wait_step(run, STEP, "one", "busy", is_attempt=True, delay_seconds=5.0)
        assert tasks.cancel_task(row.id, row.user_id).metadata == row.metadata

    def test_unknown_row(self, tasks: TaskService) -> None:
        """Is not found."""
        with pytest.raises(TaskNotFoundError):
            tasks.update_task_status(uuid4(), "failed", error_message="x")

    def test_cancel_is_the_owners(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Another user's cancel finds nothing."""
        with pytest.raises(TaskNotFoundError):
            tasks.cancel_task(row.id, stack.create_user())
        assert tasks.get_task(row.id, row.user_id) == row

    def test_delete_is_the_owners(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Another user's delete finds nothing; the owner's works once."""
        with pytest.raises(TaskNotFoundError):
            tasks.delete_task(row.id, stack.create_user())
        assert tasks.delete_task(row.id, row.user_id)
        with pytest.raises(TaskNotFoundError):
            tasks.delete_task(row.id, row.user_id)


class TestClaim:
    """`claim_task_if_pending`"""

    def test_of_eight_claimants_one_wins(self, tasks: TaskService, row: TaskRow) -> None:
        """At once, on the real database, three times over."""
        for _ in range(3):
            fresh = tasks.create_task(row.user_id, TaskType.GENERATION)
            with ThreadPoolExecutor(8) as pool:
                wins = list(pool.map(lambda _, f=fresh: tasks.claim_task_if_pending(f.id, f.user_id), range(8)))
            assert [win.run for win in wins if win is not None] == [1]

    def test_another_users_row_is_not_claimed(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """And stays pending."""
        assert tasks.claim_task_if_pending(row.id, stack.create_user()) is None
        assert tasks.get_task(row.id, row.user_id).status is TaskStatus.PENDING

    def test_a_claim_shows_when_it_started_and_when_it_ends(self, tasks: TaskService, row: TaskRow) -> None:
        """Start time and lease are the database's."""
        task = tasks.claim_task_if_pending(row.id)
        assert task is not None
        assert task.status is TaskStatus.PROCESSING
        assert task.started_at is not None
        assert task.lease_expires_at is not None
        assert task.lease_expires_at > task.started_at

    def test_a_row_started_when_it_was_claimed_first(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Later runs do not make its wait look shorter."""
        started = set()
        for _ in range(2):
            claimed(tasks, row)
            started.add(tasks.get_task(row.id, row.user_id).started_at)
            let_lease_end(stack, row)
        assert len(started) == 1


class TestSteps:
    """`begin_step`, `finish_step`, `wait_step`"""

    def test_a_finished_step_answers_from_its_checkpoint(self, tasks: TaskService, row: TaskRow) -> None:
        """The second execution gets the first one's output, and the first output wins."""
        run = claimed(tasks, row)
        assert tasks.begin_step(run, STEP, "one", 10).output is None
        assert tasks.finish_step(run, STEP, {"picture": 1}, 20).current
        assert tasks.begin_step(run, STEP, "two", 10).output == {"picture": 1}
        assert tasks.finish_step(run, STEP, {"picture": 2}, 20).output == {"picture": 1}
        assert tasks.get_task(row.id, row.user_id).progress == 20

    def test_a_running_step_is_held(self, tasks: TaskService, row: TaskRow) -> None:
        """A second execution at the same time has to come back."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        with pytest.raises(StepHeld) as caught:
            tasks.begin_step(run, STEP, "two", 10)
        assert caught.value.seconds > 0

    def test_of_eight_executions_one_gets_the_step(self, tasks: TaskService, row: TaskRow) -> None:
        """At once."""
        run = claimed(tasks, row)

        def begin(number: int) -> bool:
            try:
                tasks.begin_step(run, STEP, str(number), 10)
            except StepHeld:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(begin, range(8))) == [False] * 7 + [True]

    def test_a_waiting_step_shows_why_and_may_be_taken(self, tasks: TaskService, row: TaskRow) -> None:
        """The reason is in the row while it waits, and gone when the step goes on."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tries = tasks.wait_step(run, STEP, "one", "the provider is busy", is_attempt=True, delay_seconds=5.0)
        assert tries.attempts == 1
        retry = tasks.get_task(row.id, row.user_id).metadata["retry"]
        assert (retry["step"], retry["attempt"], retry["reason"]) == (STEP, 1, "the provider is busy")
        begun = tasks.begin_step(run, STEP, "two", 10)
        assert "retry" not in begun.task.metadata
        assert begun.task.inputs == {"logo_description": "a fox"}

    def test_a_stale_run_is_fenced(self, tasks: TaskService, row: TaskRow) -> None:
        """A run that is over, or another row's number, does nothing."""
        run = claimed(tasks, row)
        with pytest.raises(StaleRun):
            tasks.begin_step(run.model_copy(update={"number": run.number + 1}), STEP, "one", 10)
        tasks.update_task_status(row.id, "failed", error_message="enough")
        with pytest.raises(StaleRun) as caught:
            tasks.begin_step(run, STEP, "one", 10)
        assert not isinstance(caught.value, AbandonedRun)

    def test_an_abandoned_run_hears_whose_it_was(self, tasks: TaskService, row: TaskRow) -> None:
        """A canceled task is still its user's; of a deleted one nobody knows."""
        run = claimed(tasks, row)

        def hears() -> list[UUID | None]:
            with pytest.raises(AbandonedRun) as beginning:
                tasks.begin_step(run, STEP, "one", 10)
            with pytest.raises(AbandonedRun) as waiting:
                tasks.wait_step(run, STEP, "one", "reason", is_attempt=True, delay_seconds=1.0)
            return [beginning.value.user_id, waiting.value.user_id]

        tasks.cancel_task(row.id, row.user_id)
        assert hears() == [row.user_id] * 2
        tasks.delete_task(row.id, row.user_id)
        assert hears() == [None] * 2

    def test_what_a_canceled_run_finishes_is_not_current(self, tasks: TaskService, row: TaskRow) -> None:
        """The step hears that it worked for nothing."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.update_task_status(row.id, "canceled")
        assert not tasks.extend_step(run, STEP, "one")
        assert not tasks.finish_step(run, STEP, {}, 20).current

    def test_what_a_deleted_run_finishes_is_nobodys(self, tasks: TaskService, row: TaskRow) -> None:
        """The step hears that it has to tidy up."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.delete_task(row.id, row.user_id)
        assert tasks.finish_step(run, STEP, {}, 20).is_abandoned

    def test_an_older_run_leaves_the_newer_one_alone(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Whatever its late steps still say, the row stays to the letter."""
        old = claimed(tasks, row)
        tasks.begin_step(old, STEP, "one", 10)
        let_lease_end(stack, row)
        claimed(tasks, row)
        before = tasks.get_task(row.id, row.user_id)
        assert tasks.extend_step(old, STEP, "one")
        with pytest.raises(StaleRun):
            tasks.wait_step(old, STEP, "one", "busy", is_attempt=True, delay_seconds=900.0)
        assert not tasks.extend_step(old, STEP, "one")
        assert not tasks.forget_steps(old, [STEP])
        assert not tasks.finish_step(old, STEP, {}, 99).current
        assert tasks.get_task(row.id, row.user_id) == before

    def test_a_claim_in_between_is_seen(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """A step that begins while its row is claimed anew waits for that, and is fenced."""
        run = claimed(tasks, row)
        newer = f"update public.tasks set run = run + 1 where id = '{row.id}'"
        with ThreadPoolExecutor(1) as pool, uncommitted(stack, newer) as is_waited_for:
            begun = pool.submit(tasks.begin_step, run, STEP, "one", 10)
            until(is_waited_for, "the step to wait")
        with pytest.raises(StaleRun):
            begun.result()

    def test_the_last_step_delivered_again_gets_its_output(self, tasks: TaskService, row: TaskRow) -> None:
        """It completed the row before its own checkpoint was written; the row stays to the letter."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 97)
        last = tasks.update_task_status(row.id, "completed", result_id=uuid4())
        assert tasks.finish_step(run, STEP, {"concept": 1}, 100).current
        assert tasks.begin_step(run, STEP, "two", 97).output == {"concept": 1}
        assert tasks.get_task(row.id, row.user_id) == last

    def test_the_lease_is_renewed_as_a_step_begins_and_ends(
        self, tasks: TaskService, row: TaskRow, stack: Stack
    ) -> None:
        """A run that goes on is not stalled."""
        run = claimed(tasks, row)
        let_lease_end(stack, row)
        tasks.begin_step(run, STEP, "one", 10)
        assert not is_among(tasks.stalled(0.0, 1000), row)
        let_lease_end(stack, row)
        tasks.finish_step(run, STEP, {}, 20)
        assert not is_among(tasks.stalled(0.0, 1000), row)

    def test_a_waiting_step_is_waited_for(self, tasks: TaskService, row: TaskRow) -> None:
        """The run's lease outlasts the wait, whatever steps beside it do."""
        run = claimed(tasks, row)
        for step in (STEP, "beside", "waiting too"):
            tasks.begin_step(run, step, "one", 10)
        tasks.wait_step(run, STEP, "one", "busy", is_attempt=True, delay_seconds=900.0)
        next_at = datetime.fromisoformat(tasks.get_task(row.id, row.user_id).metadata["retry"]["next_at"])
        assert tasks.extend_step(run, "beside", "one")
        tasks.finish_step(run, "beside", {}, 20)
        tasks.wait_step(run, "waiting too", "one", "busy", is_attempt=True, delay_seconds=1.0)
        lease = tasks.get_task(row.id, row.user_id).lease_expires_at
        assert lease is not None
        assert lease > next_at

    def test_a_wait_that_others_impose_is_no_attempt(self, tasks: TaskService, row: TaskRow) -> None:
        """A closed door does not use a step's tries up."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tries = tasks.wait_step(run, STEP, "one", "paused", is_attempt=False, delay_seconds=5.0)
        assert (tries.attempts, tries.unknowns) == (0, 0)

    def test_only_its_execution_puts_a_step_down(self, tasks: TaskService, row: TaskRow) -> None:
        """Another one's trouble does not open it to a third."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.wait_step(run, STEP, "two", "busy", is_attempt=True, delay_seconds=5.0)
        with pytest.raises(StepHeld):
            tasks.begin_step(run, STEP, "three", 10)

    def test_a_reason_that_cannot_be_stored_is_made_printable(self, tasks: TaskService, row: TaskRow) -> None:
        """A provider's words do not cost the step its wait."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.wait_step(run, STEP, "one", "busy\x00", is_attempt=True, delay_seconds=5.0)
        assert tasks.get_task(row.id, row.user_id).metadata["retry"]["reason"] == "busy "

    def test_progress_never_falls(self, tasks: TaskService, row: TaskRow) -> None:
        """Header steps begin and end in any order."""
        run = claimed(tasks, row)
        tasks.begin_step(run, "late", "one", 60)
        tasks.begin_step(run, "early", "two", 10)
        tasks.finish_step(run, "early", {}, 20)
        assert tasks.get_task(row.id, row.user_id).progress == 60


class TestStalled:
    """`stalled`, `hold`, `resume`, `expire`"""

    def test_a_young_pending_row_is_left_alone(self, tasks: TaskService, row: TaskRow) -> None:
        """Its message may be on its way."""
        assert is_among(tasks.stalled(0.0, 1000), row)
        assert not is_among(tasks.resume([row], 60.0), row)

    @pytest.mark.parametrize("is_claimed", [False, True])
    def test_a_stalled_row_is_handed_to_one_housekeeper(
        self, tasks: TaskService, row: TaskRow, stack: Stack, is_claimed: bool
    ) -> None:
        """Of eight that see it at once; to another one only when that message is late too."""
        run_sql(stack, f"update public.tasks set created_at = now() - interval '1 minute' where id = '{row.id}'")
        if is_claimed:
            claimed(tasks, row)
            let_lease_end(stack, row)
        assert is_among(tasks.stalled(30.0, 1000), row)
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: tasks.resume([row], 30.0), range(8)))
        assert sum(is_among(rows, row) for rows in taken) == 1
        assert not is_among(tasks.stalled(30.0, 1000), row)
        assert is_among(tasks.stalled(0.0, 1000), row)
        assert is_among(tasks.resume([row], 0.0), row)

    def test_a_row_in_another_housekeepers_hands_is_passed_over(
        self, tasks: TaskService, row: TaskRow, stack: Stack
    ) -> None:
        """Nobody waits for it, and nobody takes it twice."""
        with uncommitted(stack, f"update public.tasks set enqueued_at = now() where id = '{row.id}'"):
            assert not is_among(tasks.resume([row], 0.0), row)

    def test_the_oldest_come_first(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """A round takes only so many; nobody is left for ever."""
        run_sql(stack, f"update public.tasks set created_at = '1900-01-01' where id = '{row.id}'")
        assert is_among(tasks.stalled(0.0, 1), row)

    def test_a_held_row_is_left_alone(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Its message waits in a queue, says the broker; a row that ended meanwhile does not stop the round."""
        run_sql(stack, f"update public.tasks set created_at = now() - interval '1 minute' where id = '{row.id}'")
        over, dead = (tasks.create_task(row.user_id, TaskType.GENERATION) for _ in range(2))
        tasks.cancel_task(over.id, over.user_id)
        claimed(tasks, dead)
        let_lease_end(stack, dead)
        assert tasks.hold([row, over, dead]) == 2
        assert not is_among(tasks.stalled(30.0, 1000), row)
        assert not is_among(tasks.stalled(0.0, 1000), dead)

    def test_a_living_run_is_not_stalled(self, tasks: TaskService, row: TaskRow) -> None:
        """Nor is it resumed when somebody asks for it."""
        claimed(tasks, row)
        assert not is_among(tasks.stalled(0.0, 1000), row)
        assert not is_among(tasks.resume([row], 0.0), row)

    def test_a_death_is_seen_beside_a_step_that_waits(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """The wait keeps the run's lease, but does not hide that nobody is at the other step."""
        run = claimed(tasks, row)
        for step in (STEP, "waiting"):
            tasks.begin_step(run, step, "one", 10)
        tasks.wait_step(run, "waiting", "one", "busy", is_attempt=True, delay_seconds=900.0)
        assert not is_among(tasks.stalled(0.0, 1000), row)
        end_lease(stack, run)
        assert is_among(tasks.stalled(0.0, 1000), row)
        assert is_among(tasks.resume([row], 0.0), row)

    def test_a_death_waits_for_the_living(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Another run would take over the step that is at work, and pay what it pays."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        end_lease(stack, run)
        tasks.begin_step(run, "beside", "one", 10)
        assert not is_among(tasks.stalled(0.0, 1000), row)
        tasks.finish_step(run, "beside", {}, 20)
        assert is_among(tasks.stalled(0.0, 1000), row)

    def test_a_death_in_an_earlier_run_is_over(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """The run that goes on has not come to that step yet."""
        before = claimed(tasks, row)
        tasks.begin_step(before, STEP, "one", 10)
        end_lease(stack, before)
        let_lease_end(stack, row)
        claimed(tasks, row)
        assert not is_among(tasks.stalled(0.0, 1000), row)

    def test_a_step_that_begins_is_not_taken_for_dead(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Whoever looks for the dead passes over a row that somebody has in hand."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        end_lease(stack, run)
        again = f"""update public.tasks set stage = stage where id = '{row.id}';
        update public.task_steps set lease_expires_at = now() + interval '1 minute' where task_id = '{row.id}'"""
        with uncommitted(stack, again):
            assert not is_among(tasks.stalled(0.0, 1000), row)
        assert not is_among(tasks.stalled(0.0, 1000), row)

    def test_a_run_out_of_claims_fails(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """With a sentence, when its lease is over."""
        for _ in range(3):
            claimed(tasks, row)
            let_lease_end(stack, row)
        assert tasks.claim_task_if_pending(row.id) is None
        tasks.resume([row], 0.0)
        last = tasks.get_task(row.id, row.user_id)
        assert last.status is TaskStatus.FAILED
        assert last.error_message is not None
        assert "interrupted too many times" in last.error_message

    def test_the_last_run_may_end(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """A row is not given up while its last claim still lives."""
        for _ in range(3):
            let_lease_end(stack, row)
            claimed(tasks, row)
        tasks.resume([row], 0.0)
        assert tasks.get_task(row.id, row.user_id).status is TaskStatus.PROCESSING

    def test_what_is_past_its_deadline_fails(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """Whatever it waits for; what is younger goes on."""
        running, young = (tasks.create_task(row.user_id, TaskType.GENERATION) for _ in range(2))
        claimed(tasks, running)
        old = f"('{row.id}', '{running.id}')"
        run_sql(stack, f"update public.tasks set created_at = now() - interval '2 days' where id in {old}")
        assert tasks.expire(86_400.0) >= 2
        ends = [tasks.get_task(one.id, one.user_id).status for one in (row, running, young)]
        assert ends == [TaskStatus.FAILED, TaskStatus.FAILED, TaskStatus.PENDING]


class TestRetry:
    """`retry_task`"""

    def test_only_bad_ends_are_retried(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """By their owner."""
        with pytest.raises(TaskError, match="it is pending"):
            tasks.retry_task(row.id, row.user_id, [STEP])
        tasks.update_task_status(row.id, "failed", error_message="no")
        with pytest.raises(TaskNotFoundError):
            tasks.retry_task(row.id, stack.create_user(), [STEP])
        fresh = tasks.retry_task(row.id, row.user_id, [STEP])
        assert (fresh.status, fresh.retry_of, fresh.inputs) == (TaskStatus.PENDING, row.id, row.inputs)

    def test_checkpoints_go_along(self, tasks: TaskService, row: TaskRow) -> None:
        """Those that were asked for and done."""
        run = claimed(tasks, row)
        for step in (STEP, "another", "unasked"):
            tasks.begin_step(run, step, "one", 10)
        for step in (STEP, "unasked"):
            tasks.finish_step(run, step, {"picture": 1}, 20)
        tasks.update_task_status(row.id, "failed", error_message="no")
        fresh = claimed(tasks, tasks.retry_task(row.id, row.user_id, [STEP, "another"]))
        assert tasks.begin_step(fresh, STEP, "two", 10).output == {"picture": 1}
        assert tasks.begin_step(fresh, "another", "two", 10).output is None
        assert tasks.begin_step(fresh, "unasked", "two", 10).output is None


class TestInterruptions:
    """A step whose executions never come back."""

    def test_it_is_given_up(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """After as many as the setting allows; a wait in between is no interruption."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        tasks.wait_step(run, STEP, "one", "busy", is_attempt=True, delay_seconds=0.0)
        for owner in ("two", "three"):
            tasks.begin_step(run, STEP, owner, 10)
            end_lease(stack, run)
        for owner in ("four", "five"):  # the second, because the first may find no database to say so
            with pytest.raises(PoisonStep, match="interrupted 2 times"):
                tasks.begin_step(run, STEP, owner, 10)

    def test_the_last_try_is_given_alone(self, tasks: TaskService, user_id: UUID, stack: Stack) -> None:
        """A second step on its last try waits and says so, until the first is over or dead; others do not wait."""
        one, two = last_tries(tasks, user_id, stack)
        fresh = claimed(tasks, tasks.create_task(user_id, TaskType.GENERATION))
        tasks.begin_step(one, STEP, "b", 10)
        with pytest.raises(StepHeld):
            tasks.begin_step(two, STEP, "b", 10)
        retry = tasks.get_task(two.task_id, user_id).metadata["retry"]
        assert retry["step"] == STEP
        assert "waits for its last try, which it is given alone" in retry["reason"]
        tasks.begin_step(fresh, STEP, "a", 10)
        end_lease(stack, one)
        assert tasks.begin_step(two, STEP, "c", 10).task.metadata == {}
        tasks.finish_step(two, STEP, {}, 20)

    def test_of_two_last_tries_at_once_one_waits(self, tasks: TaskService, user_id: UUID, stack: Stack) -> None:
        """The second is looked at when the first has been written, though both ask at the same moment."""
        one, two = last_tries(tasks, user_id, stack)
        begin = f"select public.begin_step('{one.task_id}', 1, '{STEP}', 'b', 10, 60, 2)"
        with ThreadPoolExecutor(1) as pool, uncommitted(stack, begin) as somebody_waits:
            second = pool.submit(tasks.begin_step, two, STEP, "b", 10)
            until(lambda: second.done() or somebody_waits(), "the second to look for others")
        with pytest.raises(StepHeld):
            second.result()
        tasks.finish_step(one, STEP, {}, 20)

    def test_a_sign_of_life_keeps_others_away(self, tasks: TaskService, row: TaskRow, stack: Stack) -> None:
        """And only its owner can give one."""
        run = claimed(tasks, row)
        tasks.begin_step(run, STEP, "one", 10)
        end_lease(stack, run)
        assert tasks.extend_step(run, STEP, "one")
        with pytest.raises(StepHeld):
            tasks.begin_step(run, STEP, "two", 10)
        assert not tasks.extend_step(run, STEP, "two")

    def test_forgotten_steps_are_done_again(self, tasks: TaskService, row: TaskRow) -> None:
        """By the next run, which may begin at once; the others keep theirs."""
        run = claimed(tasks, row)
        for step in (STEP, "another"):
            tasks.begin_step(run, step, "one", 10)
            tasks.finish_step(run, step, {"picture": 1}, 20)
        assert tasks.forget_steps(run, [STEP])
        again = claimed(tasks, row)
        assert again.number == run.number + 1
        assert tasks.begin_step(again, STEP, "two", 10).output is None
        assert tasks.begin_step(again, "another", "two", 10).output == {"picture": 1}
