"""Runs that are interrupted: they go on from where they were, and nothing is paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from concept_worker.devstack import PREFIX, Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.errors import TaskError
from concept_worker.models import RETRY_KEY, RunReference, StagedImage, StagedName, TaskRow, TaskStatus, TaskType
from concept_worker.routing import Queue, TaskName
from concept_worker.worker.backlog import waiting_among
from tests.conftest import StartSystem, System
from tests.integration.conftest import run_sql
from tests.integration.tasks.holds import APP, Holds, Moment
from tests.integration.tasks.runs import ended, look, objects_of, open_door, reconcile, staged_of, steps_of
from tests.waiting import until


def brief(user_id: UUID) -> dict[str, Any]:
    """A brief that the provider's log can be searched for; housekeeping resumes other tests' rows too."""
    return {"logo_description": f"a fox named {user_id.hex}", "theme_description": "warm", "num_palettes": 1}


def images_paid(provider: FakeProvider, user_id: UUID) -> int:
    """How many pictures were paid for this test's brief."""
    return sum(call.paid and call.endpoint == "image" and user_id.hex in str(call.body) for call in provider.calls)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """A paid provider that counts."""
    with FakeProvider(FakeProviderOptions()) as fake:
        yield fake


@pytest.fixture(autouse=True)
def forgetful(provider: FakeProvider, stack: Stack) -> None:
    """Each test orders its own trouble, and finds the door to the provider open."""
    provider.reset()
    open_door(stack)


@pytest.fixture(scope="module")
def paid_system(start_system: StartSystem, provider: FakeProvider) -> System:
    """A worker on that provider, with leases short enough to watch."""
    return start_system(
        JIGSAWSTACK_API_KEY=provider.api_key,
        JIGSAWSTACK_API_URL=provider.url,
        CONCEPT_LEASE_SECONDS="1.5",
        CONCEPT_PENDING_SECONDS="1",
        CONCEPT_VISIBILITY_SECONDS="3",
        CONCEPT_CIRCUIT_FAILURES="2",
        CONCEPT_CIRCUIT_SECONDS="1",
    )


class TestAWorkerThatDies:
    """SIGKILL, in the middle of a step."""

    def test_a_killed_worker_costs_only_the_call_in_flight(
        self, paid_system: System, provider: FakeProvider, stack: Stack, user_id: UUID
    ) -> None:
        """The image was paid before; after the kill during palettes it is not paid again.

        The message comes back in the same run, or housekeeping starts another, whichever is first.
        """
        provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.HANG, times=1))
        row = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: any(call.endpoint == "palettes" for call in provider.calls), "the palettes call")
        until(lambda: steps_of(stack, row)["store_base_image"]["state"] == "done", "the base image to be stored")
        paid_system.worker.kill()
        paid_system.worker.container.start()
        paid_system.worker.ready()
        last = ended(paid_system, row)
        assert last.status is TaskStatus.COMPLETED
        assert steps_of(stack, row)["generate_palettes"]["interruptions"] == 1
        assert images_paid(provider, user_id) == 1

    def test_a_call_longer_than_its_lease_is_one_call(
        self, paid_system: System, provider: FakeProvider, user_id: UUID
    ) -> None:
        """Its worker gives signs of life, so nobody takes it over, however often housekeeping looks."""
        provider.faults.add(Fault(endpoint="image", kind=FaultKind.LATE, times=1, seconds=2.5))
        row = paid_system.client.generate(user_id=user_id, **brief(user_id))
        last = ended(paid_system, row)
        assert (last.status, last.run, images_paid(provider, user_id)) == (TaskStatus.COMPLETED, 1, 1)

    def test_a_step_that_always_kills_is_given_up(
        self, start_system: StartSystem, provider: FakeProvider, stack: Stack, user_id: UUID
    ) -> None:
        """After so many executions that never came back the row says so."""
        system = start_system(
            JIGSAWSTACK_API_KEY=provider.api_key,
            JIGSAWSTACK_API_URL=provider.url,
            CONCEPT_LEASE_SECONDS="0.5",
            CONCEPT_PENDING_SECONDS="1",
            CONCEPT_MAX_INTERRUPTIONS="2",
        )
        provider.faults.add(Fault(endpoint="image", kind=FaultKind.HANG))
        row = system.client.generate(user_id=user_id, **brief(user_id))
        for kills in range(1, 3):
            until(lambda k=kills: len(provider.calls) >= k or look(system, row).status.is_terminal, "the call")
            system.worker.kill()
            system.worker.container.start()
            system.worker.ready()
            reconcile(system)
            until(
                lambda k=kills: ended_or_reconciled(system, row, k),
                "the next execution",
            )
        last = ended(system, row)
        assert last.status is TaskStatus.FAILED
        assert last.error_message is not None
        assert "was interrupted 2 times and was given up" in last.error_message

    def test_a_header_that_dies_is_not_hidden_by_its_siblings_wait(
        self, start_system: StartSystem, provider: FakeProvider, stack: Stack, tmp_path: Path, user_id: UUID
    ) -> None:
        """Palettes wait for minutes, as their provider asks; the base image's death is seen within its own lease."""
        holds, at_upload = Holds(tmp_path), Moment("store_base_image", "uploaded")
        system = start_system(
            app=APP,
            **holds.environment,
            JIGSAWSTACK_API_KEY=provider.api_key,
            JIGSAWSTACK_API_URL=provider.url,
            CONCEPT_LEASE_SECONDS="2",
            CONCEPT_RETRY_CAP_SECONDS="300",
        )
        provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.RATE_LIMITED, times=1, wait_ms=200_000))
        row = system.client.generate(user_id=user_id, **brief(user_id))
        holds.hold(row, at_upload)
        until(lambda: RETRY_KEY in look(system, row).metadata, "the palettes to wait")
        holds.until_held(row, at_upload)
        system.worker.kill()
        holds.release(row, at_upload)
        system.worker.container.start()

        def is_stored() -> bool:
            reconcile(system)
            return bool(steps_of(stack, row)["store_base_image"]["state"] == "done")

        until(is_stored, "another run to store the base image")
        assert (look(system, row).run, images_paid(provider, user_id)) == (2, 1)
        system.client.cancel(row.id, user_id)


def ended_or_reconciled(system: System, row: TaskRow, runs: int) -> bool:
    """Whether another run has begun, or the row is over."""
    reconcile(system)
    now = look(system, row)
    return now.status.is_terminal or now.run > runs


class TestALostMessage:
    """The row is the outbox."""

    def test_a_row_whose_message_was_never_sent_runs(self, paid_system: System, user_id: UUID) -> None:
        """A producer that died between row and message."""
        row = paid_system.client._records.task_service.create_task(user_id, TaskType.GENERATION, brief(user_id))
        assert ended(paid_system, row).status is TaskStatus.COMPLETED

    def test_a_row_past_its_deadline_is_not_run_any_more(
        self, paid_system: System, stack: Stack, user_id: UUID
    ) -> None:
        """It ends, whoever lost it."""
        row = paid_system.client._records.task_service.create_task(user_id, TaskType.GENERATION, brief(user_id))
        run_sql(stack, f"update public.tasks set created_at = now() - interval '7 hours' where id = '{row.id}'")
        last = ended(paid_system, row)
        assert (last.status, last.run) == (TaskStatus.FAILED, 0)

    def test_staged_bytes_that_are_gone_are_made_again(
        self, paid_system: System, provider: FakeProvider, stack: Stack, user_id: UUID
    ) -> None:
        """A checkpoint whose bytes the broker forgot is dropped, and its step done again."""
        tasks = paid_system.client._records.task_service
        row = tasks.create_task(user_id, TaskType.GENERATION, brief(user_id))
        claimed = tasks.claim_task_if_pending(row.id)
        assert claimed is not None
        run = RunReference.of(claimed)
        gone = StagedImage(task_id=row.id, name=StagedName.BASE, sha256="0" * 64, size=1, width=1, height=1).model_dump(
            mode="json"
        )
        tasks.begin_step(run, "generate_base_image", "somebody", 5)
        tasks.finish_step(run, "generate_base_image", gone, 55)
        last = ended(paid_system, row)
        assert last.status is TaskStatus.COMPLETED
        assert images_paid(provider, user_id) == 1

    def test_a_backlog_is_not_a_stall(self, start_system: StartSystem, user_id: UUID) -> None:
        """Housekeeping sees a message that only waits in its queue, and does not send it again."""
        system = start_system("--queues", "housekeeping", CONCEPT_PENDING_SECONDS="1")
        row = system.client.generate(user_id=user_id, **brief(user_id))

        def rounds() -> int:
            reconcile(system)
            return system.worker.logs().count("succeeded in")

        until(lambda: rounds() and look(system, row).updated_at != row.updated_at, "housekeeping to see the row")
        before = rounds()
        until(lambda: rounds() > before + 1, "that round to end")
        with Redis.from_url(system.settings.redis_url) as redis:
            messages = redis.lrange(f"{PREFIX}{Queue.CONCEPTS.value}", 0, -1)
        system.client.cancel(row.id, user_id)  # or a later test's housekeeping runs it
        assert waiting_among(system.app, {str(row.id), str(user_id)}) == {str(row.id)}
        assert sum(f'"id": "{row.id}"'.encode() in message for message in messages) == 1

    def test_the_dead_go_on_though_a_queue_cannot_be_read(
        self, start_system: StartSystem, stack: Stack, user_id: UUID
    ) -> None:
        """They are enqueued before the broker is asked about those that may only wait."""
        system = start_system("--queues", "housekeeping", CONCEPT_PENDING_SECONDS="1")
        tasks = system.client._records.task_service
        waiting, dead = (tasks.create_task(user_id, TaskType.GENERATION, brief(user_id)) for _ in range(2))
        claimed = tasks.claim_task_if_pending(dead.id)
        assert claimed is not None
        tasks.begin_step(RunReference.of(claimed), "generate_base_image", "who died", 5)
        run_sql(
            stack,
            f"update public.task_steps set lease_expires_at = now() where task_id = '{dead.id}'",
            f"update public.tasks set created_at = now() - interval '1 hour' where id = '{waiting.id}'",
        )
        with Redis.from_url(system.settings.redis_url) as redis:
            redis.set(Queue.IMAGES.value, "no list")

            def is_enqueued() -> bool:
                reconcile(system)
                return any(
                    str(dead.id).encode() in message
                    for message in redis.lrange(f"{PREFIX}{Queue.CONCEPTS.value}", 0, -1)
                )

            until(is_enqueued, "the dead run to be enqueued")
        for row in (waiting, dead):
            system.client.cancel(row.id, user_id)


@pytest.fixture(scope="module")
def patient_system(start_system: StartSystem, provider: FakeProvider) -> System:
    """A worker whose tries last longer than the database is away."""
    return start_system(
        JIGSAWSTACK_API_KEY=provider.api_key,
        JIGSAWSTACK_API_URL=provider.url,
        CONCEPT_IMAGE_TIMEOUT_SECONDS="1",
        CONCEPT_LEASE_SECONDS="2",
        CONCEPT_RETRY_ATTEMPTS="1000",
    )


class TestADatabaseThatIsAway:
    """For a moment."""

    @pytest.mark.parametrize(
        ("fault", "sign"),
        [
            (Fault(endpoint="palettes", kind=FaultKind.LATE, times=1, seconds=1.0), "write put off"),
            (Fault(endpoint="image", kind=FaultKind.HANG, times=1), "wait not shown in the row"),
        ],
    )
    def test_a_step_in_hand_goes_on(
        self, patient_system: System, provider: FakeProvider, stack: Stack, user_id: UUID, fault: Fault, sign: str
    ) -> None:
        """Its paid answer is kept until it can be written, and its wait is waited."""
        provider.faults.add(fault)
        row = patient_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: fault.endpoint in [call.endpoint for call in provider.calls], "the call")
        before = len(patient_system.worker.logs())
        with away(stack):
            until(lambda: sign in patient_system.worker.logs()[before:], sign)
        until(lambda: look(patient_system, row).status.is_terminal, "the end")
        assert (look(patient_system, row).status, look(patient_system, row).run) == (TaskStatus.COMPLETED, 1)
        assert provider.paid("palettes") == 1

    def test_messages_wait_until_it_is_back(self, patient_system: System, stack: Stack, user_id: UUID) -> None:
        """A good one runs then, so does one that carries too much, and one of the original is taken over."""
        tasks, logs = patient_system.client._records.task_service, patient_system.worker.logs
        good, more, old = (tasks.create_task(user_id, TaskType.GENERATION, brief(user_id)) for _ in range(3))
        message = {"task_id": str(old.id), "user_id": str(user_id), "task_type": old.type, **brief(user_id)}
        start, dispatch = TaskName.START_GENERATION.value, TaskName.DISPATCH.value
        with away(stack):
            patient_system.app.send_task(start, task_id=str(good.id), queue=Queue.CONCEPTS.value)
            patient_system.app.send_task(start, task_id=str(more.id), kwargs={"size": 3}, queue=Queue.CONCEPTS.value)
            patient_system.app.send_task(dispatch, task_id=f"of {old.id}", args=[message], queue=Queue.CONCEPTS.value)
            until(lambda: all(f"{row.id}] retry: " in logs() for row in (good, more, old)), "each to be tried again")
        until(lambda: all(look(patient_system, row).status.is_terminal for row in (good, more, old)), "the ends")
        assert [look(patient_system, row).status for row in (good, more, old)] == [TaskStatus.COMPLETED] * 3


@contextmanager
def away(stack: Stack) -> Iterator[None]:
    """Supabase does not answer while the body runs."""
    stack.kill_layer()
    try:
        yield
    finally:
        stack.start_layer()


class TestCancel:
    """The user changes their mind."""

    def test_a_pending_task_never_starts(self, start_system: StartSystem, stack: Stack, user_id: UUID) -> None:
        """Though its message is delivered."""
        system = start_system()
        system.worker.container.stop(10)
        row = system.client.generate(user_id=user_id, **brief(user_id))
        assert system.client.cancel(row.id, user_id).status is TaskStatus.CANCELED
        system.worker.container.start()
        system.worker.ready()
        after = system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: look(system, after).status is TaskStatus.COMPLETED, "the task behind it")
        assert (look(system, row).run, steps_of(stack, row), objects_of(stack, row)) == (0, {}, 0)

    def test_a_running_task_stops_and_leaves_nothing(
        self, paid_system: System, provider: FakeProvider, stack: Stack, user_id: UUID
    ) -> None:
        """No object, no further step; the row stays canceled."""
        provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.LATE, times=1, seconds=0.5))
        row = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: objects_of(stack, row) > 0, "something stored")
        paid_system.client.cancel(row.id, user_id)
        after = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: look(paid_system, after).status is TaskStatus.COMPLETED, "a later task")
        until(lambda: objects_of(stack, row) == 0, "its objects to be gone")
        last = look(paid_system, row)
        assert (last.status, last.result_id, "create_variations" in steps_of(stack, row)) == (
            TaskStatus.CANCELED,
            None,
            False,
        )

    def test_a_task_that_waits_for_its_retry_is_canceled_at_once(
        self, paid_system: System, provider: FakeProvider, user_id: UUID
    ) -> None:
        """The row does not wait for the wait."""
        provider.faults.add(Fault(endpoint="image", kind=FaultKind.RATE_LIMITED, wait_ms=30_000))
        row = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: "retry" in look(paid_system, row).metadata, "the wait to show")
        assert look(paid_system, row).metadata["retry"]["step"] == "generate_base_image"
        assert paid_system.client.cancel(row.id, user_id).status is TaskStatus.CANCELED

    def test_a_task_that_an_operator_revokes_is_canceled(self, system: System, user_id: UUID) -> None:
        """The row says what Celery says."""
        row = system.client._records.task_service.create_task(user_id, TaskType.GENERATION, brief(user_id))
        system.app.control.revoke(str(row.id), reply=True, timeout=30, limit=1)
        start = TaskName.START_GENERATION.value
        system.app.send_task(start, task_id=str(row.id), queue=Queue.CONCEPTS.value)
        until(lambda: look(system, row).status is TaskStatus.CANCELED, "the row to say so")

    def test_a_step_that_fails_after_a_cancel_waits_for_nothing(
        self, start_system: StartSystem, provider: FakeProvider, stack: Stack, user_id: UUID
    ) -> None:
        """It was about to wait for its retry; instead it removes what the run left in staging."""
        system = start_system(
            JIGSAWSTACK_API_KEY=provider.api_key,
            JIGSAWSTACK_API_URL=provider.url,
            CONCEPT_PALETTE_TIMEOUT_SECONDS="1",
        )
        provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.HANG, times=1))
        row = system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: objects_of(stack, row) > 0 and "generate_palettes" in steps_of(stack, row), "both headers")
        assert staged_of(stack, row)
        system.client.cancel(row.id, user_id)
        until(lambda: not staged_of(stack, row), "its staged bytes to be gone")
        assert steps_of(stack, row)["generate_palettes"]["state"] == "waiting"  # released, not left to its lease
        assert RETRY_KEY not in system.client.get_task(row.id, user_id).metadata

    def test_a_finished_task_is_not_canceled(self, system: System, user_id: UUID) -> None:
        """It is over."""
        row = system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: look(system, row).status.is_terminal, "the end")
        with pytest.raises(TaskError, match="it is completed"):
            system.client.cancel(row.id, user_id)

    def test_deleting_a_running_task_cancels_it(
        self, paid_system: System, provider: FakeProvider, stack: Stack, user_id: UUID
    ) -> None:
        """Nothing of it is left."""
        provider.faults.add(Fault(endpoint="palettes", kind=FaultKind.LATE, times=1, seconds=0.5))
        row = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: objects_of(stack, row) > 0, "something stored")
        paid_system.client.delete(row.id, user_id)
        after = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: look(paid_system, after).status is TaskStatus.COMPLETED, "a later task")
        until(lambda: objects_of(stack, row) == 0, "its objects to be gone")
        assert [task.id for task in paid_system.client.get_tasks(user_id)] == [after.id]


class TestRetry:
    """A failed task is tried again."""

    def test_it_goes_on_from_the_checkpoints(
        self, start_system: StartSystem, paid_system: System, provider: FakeProvider, user_id: UUID
    ) -> None:
        """As a new task; the image is not paid again, and the old row stays as it was."""
        broken = start_system(
            JIGSAWSTACK_API_KEY=provider.api_key,
            JIGSAWSTACK_API_URL=provider.url,
            CONCEPT_STORAGE_BUCKET_PALETTE="no-such-bucket",
        )
        failed = broken.client.generate(user_id=user_id, **brief(user_id))
        until(lambda: look(broken, failed).status is TaskStatus.FAILED, "the failure")
        before = look(broken, failed)
        fresh = paid_system.client.retry(failed.id, user_id)
        last = ended(paid_system, fresh)
        assert (last.status, last.retry_of) == (TaskStatus.COMPLETED, failed.id)
        assert images_paid(provider, user_id) == 1
        assert look(broken, failed) == before


class TestAnOutage:
    """The provider is away for longer than the tries last."""

    def test_the_run_waits_with_a_reason_and_goes_on(
        self, paid_system: System, provider: FakeProvider, user_id: UUID
    ) -> None:
        """The circuit opens; waiting for it to close is no failed attempt."""
        provider.faults.add(Fault(endpoint="image", kind=FaultKind.STATUS, status=503))
        row = paid_system.client.generate(user_id=user_id, **brief(user_id))
        until(
            lambda: "having trouble" in str(look(paid_system, row).metadata.get("retry", {}).get("reason")),
            "the closed door to show in the row",
        )
        assert look(paid_system, row).status is TaskStatus.PROCESSING
        provider.faults.clear()
        assert ended(paid_system, row).status is TaskStatus.COMPLETED
