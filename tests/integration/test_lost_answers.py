"""A producer's write that is executed while its answer is lost: one wish is one row, and what is said is true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from concept_worker.client import ConceptClient
from concept_worker.devstack import Stack
from concept_worker.errors import EnqueueError, InvalidRequest, StoreUnreachable, TaskNotFoundError, UnknownOutcome
from concept_worker.models import TaskRow, TaskStatus
from concept_worker.settings import Settings
from tests.integration.lossy import Loss, LossyGateway, lossy_gateway
from tests.integration.test_client import GOOD, free_port

INSERT = "POST /rest/v1/tasks"
RETRY = "POST /rest/v1/rpc/retry_task"
MOVE = "POST /rest/v1/rpc/transition_task"
DELETE = "DELETE /rest/v1/tasks"
ALWAYS = 100
IMAGE = {"refinement_prompt": "bluer", "original_image_url": "https://a.r2.cloudflarestorage.com/fox.png"}
_TIMEOUT = 2.0  # seconds of the caller's patience with one request


@pytest.fixture
def gateway(stack: Stack) -> Iterator[tuple[LossyGateway, str]]:
    """A gateway before the stack's layer."""
    with lossy_gateway(stack.ports.layer) as running:
        yield running


@pytest.fixture
def lossy(gateway: tuple[LossyGateway, str]) -> LossyGateway:
    """The gateway, to give orders to."""
    return gateway[0]


@pytest.fixture
def connect(stack: Stack, gateway: tuple[LossyGateway, str]) -> Iterator[Callable[..., ConceptClient]]:
    """Producers that speak through the gateway, to a broker that takes messages unless told otherwise."""
    made: list[ConceptClient] = []

    def connected(**other: Any) -> ConceptClient:
        settings = {
            "supabase_url": gateway[1],
            "supabase_secret_key": stack.environment["SUPABASE_SECRET_KEY"],
            "supabase_timeout": _TIMEOUT,
            "redis_url": stack.environment["REDIS_URL"].rpartition("/")[0] + "/255",  # where no worker listens
        } | other
        made.append(ConceptClient.from_settings(Settings.model_validate(settings)))
        return made[-1]

    yield connected
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Callable[..., ConceptClient]) -> ConceptClient:
    """One of them."""
    return connect()


@pytest.fixture
def over(client: ConceptClient, user_id: UUID) -> TaskRow:
    """A failed task."""
    tasks = client._records.task_service
    row = tasks.create_task(user_id, "concept_generation", GOOD)
    return tasks.update_task_status(row.id, TaskStatus.FAILED, error_message="no")


@pytest.fixture
def pending(client: ConceptClient, user_id: UUID) -> TaskRow:
    """A task that waits."""
    return client.generate(user_id=user_id, **GOOD)


def ask(client: ConceptClient, verb: str, user_id: UUID, task_id: UUID | None = None, **change: Any) -> TaskRow:
    """Ask for a new row by one of the verbs."""
    if verb == "retry":
        (over,) = client.get_tasks(user_id, "failed")
        return client.retry(over.id, user_id, new_task_id=task_id)
    wish = GOOD if verb == "generate" else IMAGE
    make = client.generate if verb == "generate" else client.refine
    return make(user_id=user_id, task_id=task_id, **(wish | change))


VERBS = [("generate", INSERT), ("refine", INSERT), ("retry", RETRY)]


class TestOneWishIsOneRow:
    """`generate`, `refine`, `retry`"""

    @pytest.mark.parametrize("how", Loss)
    @pytest.mark.parametrize(("verb", "request_"), VERBS)
    def test_a_lost_answer_is_asked_for_again(
        self,
        client: ConceptClient,
        lossy: LossyGateway,
        user_id: UUID,
        over: TaskRow,
        verb: str,
        request_: str,
        how: Loss,
    ) -> None:
        """The caller hears nothing of it."""
        lossy.lose(request_, how)
        row = ask(client, verb, user_id)
        assert lossy.lost == [request_]
        assert {one.id for one in client.get_tasks(user_id)} == {over.id, row.id}
        assert client.get_task(row.id, user_id) == row

    @pytest.mark.parametrize(("verb", "request_"), VERBS)
    def test_an_unknown_outcome_says_so_and_can_be_asked_again(
        self, client: ConceptClient, lossy: LossyGateway, user_id: UUID, over: TaskRow, verb: str, request_: str
    ) -> None:
        """With the id that it carries, however often."""
        lossy.lose(request_, Loss.RESET, ALWAYS)
        with pytest.raises(
            UnknownOutcome, match=r"its outcome is unknown.*Ask again with the same .*task_id"
        ) as caught:
            ask(client, verb, user_id)
        assert caught.value.task_id is not None
        assert str(caught.value.task_id) not in str(caught.value)
        assert len(lossy.lost) == 3
        lossy.heal()
        rows = [ask(client, verb, user_id, caught.value.task_id) for _ in range(2)]
        assert {row.id for row in rows} == {caught.value.task_id}
        assert {one.id for one in client.get_tasks(user_id)} == {over.id, caught.value.task_id}

    def test_the_row_comes_back_as_it_is_by_then(self, client: ConceptClient, user_id: UUID) -> None:
        """It may be over."""
        row = ask(client, "generate", user_id, uuid4())
        canceled = client.cancel(row.id, user_id)
        assert ask(client, "generate", user_id, row.id) == canceled

    def test_a_strangers_id_is_refused_as_any_other(
        self, client: ConceptClient, stack: Stack, user_id: UUID, over: TaskRow
    ) -> None:
        """Nothing is said of the stranger's task, nor changed."""
        stranger = stack.create_user()
        row = ask(client, "generate", stranger, uuid4())
        for verb in ("generate", "refine", "retry"):
            with pytest.raises(InvalidRequest, match=r"task_id: cannot be used, choose another$"):
                ask(client, verb, user_id, row.id)
        assert [one.id for one in client.get_tasks(user_id)] == [over.id]
        assert client.get_task(row.id, stranger) == row

    def test_other_inputs_are_another_wish(self, client: ConceptClient, user_id: UUID, over: TaskRow) -> None:
        """Other words, another type, another task to try again."""
        row = ask(client, "generate", user_id, uuid4())
        for verb, change in (("generate", {"num_palettes": 3}), ("refine", {}), ("retry", {})):
            with pytest.raises(InvalidRequest, match="task_id: is a task with other inputs, choose another"):
                ask(client, verb, user_id, row.id, **change)
        assert len(client.get_tasks(user_id)) == 2

    def test_a_producer_of_the_last_version_leaves_the_id_out(
        self, client: ConceptClient, user_id: UUID, over: TaskRow
    ) -> None:
        """And gets a row all the same."""
        store: Any = client._records.task_service._store
        (row,) = store._call("retry_task", p_task_id=str(over.id), p_user_id=str(user_id), p_steps=[])
        assert row["retry_of"] == str(over.id)

    @pytest.mark.parametrize("verb", ["generate", "retry"])
    def test_an_id_that_is_none(self, client: ConceptClient, user_id: UUID, over: TaskRow, verb: str) -> None:
        """Is named."""
        with pytest.raises(InvalidRequest, match="task_id: must be a UUID"):
            ask(client, verb, user_id, "mine")  # type: ignore[arg-type]  # wrong on purpose

    def test_a_database_that_cannot_be_reached_has_changed_nothing(
        self, connect: Callable[..., ConceptClient], user_id: UUID
    ) -> None:
        """Which is no unknown outcome."""
        with pytest.raises(StoreUnreachable):
            connect(supabase_url=f"http://127.0.0.1:{free_port()}").generate(user_id=user_id, **GOOD)

    def test_the_command_names_the_id(
        self, stack: Stack, gateway: tuple[LossyGateway, str], lossy: LossyGateway, client: ConceptClient, user_id: UUID
    ) -> None:
        """In one sentence, and the same command takes it."""
        lossy.lose(INSERT, Loss.RESET, ALWAYS)
        command = [*(sys.executable, "-m", "concept_worker", "generate", "a fox", "--theme", "warm")]
        command += ["--user", str(user_id)]
        environment = os.environ | stack.environment | {"SUPABASE_URL": gateway[1]}
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        (row,) = client.get_tasks(user_id)
        assert said.returncode == 1
        assert "its outcome is unknown" in said.stderr
        assert str(row.id) in said.stderr.replace("\n", "")
        lossy.heal()
        environment["REDIS_URL"] = stack.environment["REDIS_URL"].rpartition("/")[0] + "/255"
        subprocess.run([*command, "--id", str(row.id)], env=environment, capture_output=True, check=True)
        assert [one.id for one in client.get_tasks(user_id)] == [row.id]


class TestEnding:
    """`cancel`, `delete`"""

    @pytest.mark.parametrize("how", Loss)
    def test_a_lost_cancel_is_a_cancel(
        self, client: ConceptClient, lossy: LossyGateway, pending: TaskRow, how: Loss
    ) -> None:
        """And not an error of its repeat."""
        lossy.lose(MOVE, how)
        assert client.cancel(pending.id, pending.user_id).status is TaskStatus.CANCELED
        assert lossy.lost == [MOVE]

    @pytest.mark.parametrize("how", Loss)
    def test_a_lost_delete_is_a_delete(
        self, client: ConceptClient, lossy: LossyGateway, over: TaskRow, how: Loss
    ) -> None:
        """And not an error of its repeat."""
        lossy.lose(DELETE, how)
        client.delete(over.id, over.user_id)
        assert lossy.lost == [DELETE]
        assert list(client.get_tasks(over.user_id)) == []

    def test_an_unknown_cancel_can_be_asked_again(
        self, client: ConceptClient, lossy: LossyGateway, pending: TaskRow
    ) -> None:
        """It carries the id."""
        lossy.lose(MOVE, Loss.RESET, ALWAYS)
        with pytest.raises(UnknownOutcome, match="Ask again") as caught:
            client.cancel(pending.id, pending.user_id)
        assert caught.value.task_id == pending.id
        lossy.heal()
        assert client.cancel(pending.id, pending.user_id).status is TaskStatus.CANCELED

    def test_an_unknown_delete_can_be_asked_again(
        self, client: ConceptClient, lossy: LossyGateway, over: TaskRow
    ) -> None:
        """Not found is then the answer."""
        lossy.lose(DELETE, Loss.RESET, ALWAYS)
        with pytest.raises(UnknownOutcome, match="not found then is deleted") as caught:
            client.delete(over.id, over.user_id)
        assert caught.value.task_id == over.id
        lossy.heal()
        with pytest.raises(TaskNotFoundError):
            client.delete(over.id, over.user_id)

    def test_pictures_that_stay_do_not_hide_a_cancel(
        self, client: ConceptClient, lossy: LossyGateway, pending: TaskRow, stack: Stack
    ) -> None:
        """The task is canceled, and the sweep removes them."""
        lossy.lose("POST /storage/v1/object/list/concept-images", Loss.BAD_GATEWAY, ALWAYS)
        lossy.lose("DELETE /storage/v1/object/concept-images", Loss.BAD_GATEWAY, ALWAYS)
        assert client.cancel(pending.id, pending.user_id).status is TaskStatus.CANCELED
        assert lossy.lost


class TestEnqueueing:
    """A broker that is away, and a database whose answers are lost"""

    @pytest.mark.parametrize("how", Loss)
    def test_a_row_that_was_failed_is_said_to_be(
        self, connect: Callable[..., ConceptClient], lossy: LossyGateway, user_id: UUID, how: Loss
    ) -> None:
        """Although the answer that said so was lost."""
        client = connect(redis_url=f"redis://127.0.0.1:{free_port()}/0")
        lossy.lose(MOVE, how)
        with pytest.raises(EnqueueError):
            client.generate(user_id=user_id, **GOOD)
        assert [row.status for row in client.get_tasks(user_id)] == [TaskStatus.FAILED]

    def test_a_row_that_may_run_is_not_said_to_have_failed(
        self, connect: Callable[..., ConceptClient], lossy: LossyGateway, user_id: UUID
    ) -> None:
        """Housekeeping would enqueue it."""
        client = connect(redis_url=f"redis://127.0.0.1:{free_port()}/0")
        lossy.lose(MOVE, Loss.RESET, ALWAYS)
        with pytest.raises(UnknownOutcome, match="starts when they are back, unless it was failed") as caught:
            client.generate(user_id=user_id, **GOOD)
        assert [row.id for row in client.get_tasks(user_id)] == [caught.value.task_id]

    def test_a_message_that_cannot_be_sent_at_all_fails_the_row(
        self, connect: Callable[..., ConceptClient], user_id: UUID
    ) -> None:
        """Whatever the reason, it must not run unnoticed."""
        client = connect()
        client._app.conf.task_queues = []
        client._app.amqp.queues.clear()
        with pytest.raises(EnqueueError):
            client.generate(user_id=user_id, **GOOD)
        assert [row.status for row in client.get_tasks(user_id)] == [TaskStatus.FAILED]
