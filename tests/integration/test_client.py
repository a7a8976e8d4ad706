"""The front door: refused before a row exists, or a row that tells the truth."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from concept_worker.bootstrap import build_records
from concept_worker.client import ConceptClient
from concept_worker.devstack import Stack
from concept_worker.errors import EnqueueError, InvalidRequest, StoreUnavailable, TaskNotFoundError
from concept_worker.models import ConceptRow, TaskStatus
from concept_worker.settings import Settings
from tests.chaos.database import fetch
from tests.conftest import System

_DONE = "insert into task_steps (task_id, step, state, run, owner, output) values ($1, $2, 'done', 0, '', '{}')"
GOOD: dict[str, Any] = {"logo_description": "a fox", "theme_description": "warm"}


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"logo_description": ""}, "logo_description"),
        ({"theme_description": "x" * 501}, "theme_description"),
        ({"num_palettes": 0}, "num_palettes"),
        ({"num_palettes": 21}, "num_palettes"),
        ({"num_palettes": -1}, "num_palettes"),
        ({"num_palettes": "seven"}, "num_palettes"),
        ({"size": 512}, "size"),
    ],
)
def test_bad_input_makes_no_row(system: System, user_id: UUID, change: dict[str, Any], field: str) -> None:
    """The caller hears the field, the database hears nothing."""
    with pytest.raises(InvalidRequest, match=f"{field}: "):
        system.client.generate(user_id=user_id, **(GOOD | change))
    assert list(system.client.get_tasks(user_id)) == []


def test_a_user_id_that_is_none(system: System) -> None:
    """No UUID, and a UUID of nobody."""
    with pytest.raises(InvalidRequest, match="user_id: must be a UUID"):
        system.client.generate(user_id="me", **GOOD)
    with pytest.raises(InvalidRequest, match="user_id: no such user"):
        system.client.generate(user_id=uuid4(), **GOOD)


def test_others_see_nothing(system: System, stack: Stack, user_id: UUID) -> None:
    """Neither the task nor its concept."""
    row = system.client.generate(user_id=user_id, num_palettes=1, **GOOD)
    stranger = stack.create_user()
    with pytest.raises(TaskNotFoundError):
        system.client.get_task(row.id, stranger)
    with pytest.raises(TaskNotFoundError):
        system.client.get_concept(row.id, stranger)
    assert list(system.client.get_tasks(stranger)) == []


def test_a_task_is_canceled_although_the_broker_is_away(stack: Stack, user_id: UUID) -> None:
    """The row is what counts, and the user does not wait for a broker that does not answer."""
    settings = Settings(
        supabase_url=stack.environment["SUPABASE_URL"],
        supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
        redis_url=f"redis://127.0.0.1:{free_port()}/0",
    )
    records = build_records(settings)
    row = records.task_service.create_task(user_id, "concept_generation", GOOD)
    started = time.monotonic()
    with ConceptClient.from_settings(settings) as client:
        assert client.cancel(row.id, user_id).status is TaskStatus.CANCELED
    records.close()
    assert time.monotonic() - started < 4


def test_a_retry_takes_over_only_what_is_left(system: System, stack: Stack, user_id: UUID) -> None:
    """Canceling deletes pictures: a canceled task's checkpoint of one would promise what is gone."""
    records, steps = build_records(system.settings), {}
    database = stack.environment["DATABASE_URL"]
    for status in (TaskStatus.FAILED, TaskStatus.CANCELED):
        row = records.task_service.create_task(user_id, "concept_generation", GOOD | {"num_palettes": 1})
        for step in ("generate_base_image", "generate_palettes", "store_base_image"):
            fetch(database, _DONE, row.id, step)
        records.task_service.update_task_status(row.id, status, error_message="over")
        fresh = system.client.retry(row.id, user_id)
        taken = fetch(database, "select step from task_steps where task_id = $1 and run = 0 and tries = 1", fresh.id)
        steps[status] = {one["step"] for one in taken}
    records.close()
    assert steps[TaskStatus.FAILED] == {"generate_base_image", "generate_palettes"}
    assert steps[TaskStatus.CANCELED] == {"generate_palettes"}


def test_a_broker_that_is_away_fails_the_row(stack: Stack, user_id: UUID) -> None:
    """The caller gets a clear error, the user a row that says so."""
    settings = Settings(
        supabase_url=stack.environment["SUPABASE_URL"],
        supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
        redis_url=f"redis://127.0.0.1:{free_port()}/0",
    )
    with ConceptClient.from_settings(settings) as client:
        with pytest.raises(EnqueueError, match="the message broker does not answer"):
            client.generate(user_id=user_id, **GOOD)
        (row,) = client.get_tasks(user_id)
    assert row.status is TaskStatus.FAILED
    assert row.error_message == "Failed to queue task: the message broker does not answer."


def test_a_message_that_cannot_be_built_leaves_no_pending_row(
    system: System, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error, and nothing that housekeeping sends later."""
    with ConceptClient.from_settings(system.settings) as client:
        monkeypatch.setitem(client._app.conf, "task_serializer", "nobodys")
        with pytest.raises(EnqueueError):
            client.generate(user_id=user_id, **GOOD)
        assert [row.status for row in client.get_tasks(user_id)] == [TaskStatus.FAILED]


@pytest.mark.parametrize("meanwhile", ["claimed", "canceled"])
def test_a_row_that_moved_on_has_not_failed(system: System, user_id: UUID, meanwhile: str) -> None:
    """Its message was taken before its answer was lost, or the user was quicker: the caller gets the row as it is."""
    tasks = system.client._records.task_service
    row = tasks.create_task(user_id, "concept_generation", GOOD)
    if meanwhile == "claimed":
        tasks.claim_task_if_pending(row.id)
    else:
        tasks.cancel_task(row.id, user_id)
    before = tasks.get_task(row.id, user_id)
    assert system.client._not_enqueued(row, OSError("lost")) == before
    assert tasks.get_task(row.id, user_id) == before


def test_a_deleted_row_will_not_run(system: System, user_id: UUID) -> None:
    """So the caller hears that nothing was sent."""
    tasks = system.client._records.task_service
    row = tasks.create_task(user_id, "concept_generation", GOOD)
    tasks.delete_task(row.id, user_id)
    with pytest.raises(EnqueueError, match="the message broker does not answer"):
        system.client._not_enqueued(row, OSError("lost"))


@pytest.mark.parametrize("end", ["cancel", "delete"])
def test_the_pictures_of_a_run_go_with_it(system: System, user_id: UUID, end: str) -> None:
    """At once, also when no step is at work that would tidy up."""
    tasks, images = system.client._records.task_service, system.client._records.image_persistence_service
    row = tasks.claim_task_if_pending(tasks.create_task(user_id, "concept_generation", GOOD).id)
    assert row is not None
    names = ("base.png", "variation-01.png")
    for name in names:
        images.store_image(b"picture", user_id=user_id, task_id=row.id, name=name)
    getattr(system.client, end)(row.id, user_id)
    assert [images.load_image(user_id=user_id, task_id=row.id, name=name) for name in names] == [None, None]


def test_links_live_as_long_as_the_setting_says(system: System, user_id: UUID) -> None:
    """Who has one sees the picture, so not for ever."""
    images, task_id = system.client._records.image_persistence_service, uuid4()
    images.store_image(b"picture", user_id=user_id, task_id=task_id, name="base.png")
    path = images.path(user_id, task_id, "base.png")
    concept = ConceptRow(
        id=uuid4(),
        task_id=None,
        user_id=user_id,
        logo_description="a fox",
        theme_description="warm",
        image_path=path,
        created_at=datetime.now(UTC),
    )
    token = system.client.get_links(concept, user_id)[path].partition("token=")[2]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == system.settings.signed_url_seconds


def test_a_database_that_is_away_is_said_plainly(user_id: UUID) -> None:
    """Without its address, which is none of the caller's business."""
    settings = Settings(supabase_url=f"http://127.0.0.1:{free_port()}", supabase_secret_key="sb_secret_x")
    with ConceptClient.from_settings(settings) as client, pytest.raises(StoreUnavailable, match="did not answer"):
        client.generate(user_id=user_id, **GOOD)


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the way out is told."""
    with pytest.raises(ValueError, match="SUPABASE_URL and SUPABASE_SECRET_KEY are not set"):
        ConceptClient.from_settings(Settings(supabase_url="", supabase_secret_key=""))


@pytest.mark.parametrize("path", ["{stranger}/{task}/base.png", "{user}/../{stranger}/base.png", "", "{user}/a/%2e%2e"])
def test_pictures_of_others_are_not_given_out(system: System, user_id: UUID, path: str) -> None:
    """Neither bytes nor links, whoever made the concept object; the field is named."""
    images, stranger, task = system.client._records.image_persistence_service, uuid4(), uuid4()
    images.store_image(b"picture", user_id=stranger, task_id=task, name="base.png")
    asked = path.format(stranger=stranger, task=task, user=user_id)
    concept = ConceptRow(
        id=uuid4(),
        task_id=None,
        user_id=user_id,
        logo_description="a fox",
        theme_description="warm",
        image_path=asked,
        created_at=datetime.now(UTC),
    )
    with pytest.raises(InvalidRequest, match="path: must be an image path of one of your own concepts"):
        system.client.load_image(asked, user_id)
    with pytest.raises(InvalidRequest, match="concept: must be an image path"):
        system.client.get_links(concept, user_id)


def test_pictures_are_asked_for_with_their_owner(system: System, user_id: UUID) -> None:
    """The signature of before names what is missing, instead of giving out anybody's."""
    with pytest.raises(TypeError, match="user_id"):
        system.client.load_image(f"{user_id}/{uuid4()}/base.png")  # type: ignore[call-arg]
