"""Image bytes between staging and bucket, on real ones: what is found, what is not taken for it, what goes."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from redis import Redis

from concept_worker.bootstrap import build_services
from concept_worker.devstack import PREFIX, Stack
from concept_worker.devstack.acl import NAMESPACE
from concept_worker.errors import StagedImageLost
from concept_worker.models import StagedName
from concept_worker.pipelines.services import Services
from concept_worker.settings import Settings
from tests.drawing import drawn

ONE, OTHER = (drawn(seed=seed) for seed in (1, 2))


@pytest.fixture(scope="module")
def services(stack: Stack) -> Iterator[Services]:
    """Real services."""
    built = build_services(
        Settings(
            supabase_url=stack.environment["SUPABASE_URL"],
            supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
            namespace=NAMESPACE,
            staging_url=stack.environment["CONCEPT_STAGING_URL"],
        )
    )
    yield built
    built.close()


def test_the_bucket_stands_in_for_staging(services: Services, user_id: UUID) -> None:
    """With the very bytes the reference was made for."""
    images, task_id = services.image_service, uuid4()
    staged = images.stage_image(ONE, task_id=task_id, name=StagedName.BASE)
    content = images.staged_image(staged)
    services.image_persistence_service.store_image(content, user_id=user_id, task_id=task_id, name="base.png")
    images.discard_staged(task_id)
    assert images.base_image(staged, user_id=user_id) == content


@pytest.mark.parametrize("where", ["staging", "bucket"])
def test_another_picture_is_not_taken_for_it(services: Services, user_id: UUID, where: str) -> None:
    """Palettes, variations and base of one concept are of one picture."""
    images, task_id = services.image_service, uuid4()
    staged = images.stage_image(ONE, task_id=task_id, name=StagedName.BASE)
    images.discard_staged(task_id)
    if where == "staging":
        images.stage_image(OTHER, task_id=task_id, name=StagedName.BASE)
    else:
        services.image_persistence_service.store_image(OTHER, user_id=user_id, task_id=task_id, name="base.png")
    with pytest.raises(StagedImageLost):
        images.base_image(staged, user_id=user_id)


def test_everything_that_waits_for_a_task_is_let_go_of(services: Services) -> None:
    """A refinement's original and palettes too."""
    images, task_id = services.image_service, uuid4()
    for name in StagedName:
        images.stage_image(ONE, task_id=task_id, name=name)
    images.discard_staged(task_id)
    assert [images.find_staged(task_id=task_id, name=name) for name in StagedName] == [None] * 3


def test_staged_bytes_do_not_stay_for_ever(services: Services, stack: Stack) -> None:
    """Whoever forgets them."""
    task_id = uuid4()
    services.image_service.stage_image(ONE, task_id=task_id, name=StagedName.BASE)
    with Redis.from_url(stack.environment["CONCEPT_STAGING_URL"]) as redis:
        assert 0 < redis.ttl(f"{PREFIX}concept-worker:staging:{task_id}:base") <= 86_400


def test_storing_twice_stores_once(services: Services, user_id: UUID) -> None:
    """The second time is no error, and its bytes are there."""
    images, task_id = services.image_persistence_service, uuid4()
    for content in (ONE, OTHER):
        images.store_image(content, user_id=user_id, task_id=task_id, name="base.png")
    assert images.load_image(user_id=user_id, task_id=task_id, name="base.png") == OTHER


def test_what_is_not_there_has_no_link(services: Services, user_id: UUID) -> None:
    """And no bytes."""
    images, path = services.image_persistence_service, f"{user_id}/{uuid4()}/base.png"
    assert (images.sign([path], 60), images.load_path(path)) == ({}, None)
