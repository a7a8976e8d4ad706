"""What no row refers to goes, old concepts go with all that is theirs, and open runs are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from redis import Redis

from concept_worker.bootstrap import build_services
from concept_worker.devstack import Stack
from concept_worker.models import GenerationPayload, StagedName, TaskRow, TaskStatus, TaskType
from concept_worker.pipelines.base import Services
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.services.offline.generator import OfflineGenerator
from concept_worker.settings import Settings
from tests.integration.conftest import run_sql

PAYLOAD = GenerationPayload(logo_description="a fox", theme_description="warm", num_palettes=2)
DAY = 86_400.0


@pytest.fixture
def services(stack: Stack) -> Iterator[Services]:
    """Real services, with a database of their own for staging."""
    built = build_services(
        Settings(
            supabase_url=stack.environment["SUPABASE_URL"],
            supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
            staging_url=stack.environment["CONCEPT_STAGING_URL"],
        ),
        generator=OfflineGenerator(size=256),
    )
    yield built
    built.close()


def new_row(services: Services, user_id: UUID) -> TaskRow:
    """A pending row."""
    return services.task_service.create_task(user_id, TaskType.GENERATION, PAYLOAD.model_dump(mode="json"))


def completed(services: Services, user_id: UUID) -> TaskRow:
    """A row with its concept."""
    row = new_row(services, user_id)
    GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).process()
    return services.task_service.get_task(row.id, user_id)


def store(services: Services, user_id: UUID, task_id: UUID) -> None:
    """An object under a task."""
    services.image_persistence_service.store_image(
        OfflineGenerator(size=64).generate_image("x", "y", seed=1), user_id=user_id, task_id=task_id, name="base.png"
    )


def is_stored(services: Services, user_id: UUID, task_id: UUID) -> bool:
    """Whether it is still there."""
    images = services.image_persistence_service
    return images.load_image(user_id=user_id, task_id=task_id, name="base.png") is not None


def age(stack: Stack, user_id: UUID, days: float) -> None:
    """Make everything of a user older."""
    run_sql(
        stack,
        f"update storage.objects set created_at = created_at - interval '{days} days' where name like '{user_id}/%'",
        f"update public.concepts set created_at = created_at - interval '{days} days' where user_id = '{user_id}'",
    )


class TestSweep:
    """`sweep`"""

    def test_objects_without_a_row_go(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Of a task that never was, of one that failed; not those of a concept, nor of an open run."""
        stray, failed, open_run = uuid4(), new_row(services, user_id), new_row(services, user_id)
        done = completed(services, user_id)
        services.task_service.update_task_status(failed.id, TaskStatus.FAILED, error_message="no")
        for task_id in (stray, failed.id, open_run.id):
            store(services, user_id, task_id)
        age(stack, user_id, 2)
        report = services.housekeeping_service.sweep(DAY)
        left = [is_stored(services, user_id, task_id) for task_id in (stray, failed.id, open_run.id, done.id)]
        assert report.objects >= 2
        assert left == [False, False, True, True]

    def test_what_is_young_is_left_alone(self, services: Services, user_id: UUID) -> None:
        """Its row may be about to come."""
        stray = uuid4()
        store(services, user_id, stray)
        services.housekeeping_service.sweep(DAY)
        assert is_stored(services, user_id, stray)

    def test_a_dry_run_only_counts(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """The same count, and nothing removed."""
        stray = uuid4()
        store(services, user_id, stray)
        age(stack, user_id, 2)
        counted = services.housekeeping_service.sweep(DAY, dry_run=True)
        assert is_stored(services, user_id, stray)
        assert services.housekeeping_service.sweep(DAY).objects == counted.objects

    def test_staged_bytes_without_an_open_run_go(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Those of an open run stay, whatever their age."""
        stray, open_run = uuid4(), new_row(services, user_id)
        picture = OfflineGenerator(size=64).generate_image("x", "y", seed=1)
        for task_id in (stray, open_run.id):
            services.image_service.stage_image(picture, task_id=task_id, name=StagedName.BASE)
        with Redis.from_url(stack.environment["CONCEPT_STAGING_URL"]) as redis:
            for task_id in (stray, open_run.id):
                redis.expire(f"concept-worker:staging:{task_id}:base", 3600)  # as if it had waited for long
        services.housekeeping_service.sweep(3600.0)
        left = [services.image_service.find_staged(task_id=t, name=StagedName.BASE) for t in (stray, open_run.id)]
        assert [one is not None for one in left] == [False, True]


class TestRetention:
    """`retain`"""

    def test_old_concepts_go_with_rows_and_pictures(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """And young ones stay."""
        old = completed(services, user_id)
        age(stack, user_id, 40)
        young = completed(services, user_id)
        report = services.housekeeping_service.retain(30 * DAY)
        assert report.concepts >= 1
        assert [task.id for task in services.task_service.get_tasks_by_user(user_id)] == [young.id]
        assert [is_stored(services, user_id, task.id) for task in (old, young)] == [False, True]

    def test_a_dry_run_only_counts(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Concepts and pictures."""
        old = completed(services, user_id)
        age(stack, user_id, 40)
        report = services.housekeeping_service.retain(30 * DAY, dry_run=True)
        assert (report.concepts >= 1, report.objects >= 3) == (True, True)
        assert is_stored(services, user_id, old.id)

    def test_the_original_of_an_open_refinement_stays(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Until the refinement is over."""
        old = completed(services, user_id)
        age(stack, user_id, 40)
        services.task_service.create_task(
            user_id,
            TaskType.REFINEMENT,
            {"refinement_prompt": "bolder", "original_concept_id": str(old.result_id)},
        )
        services.housekeeping_service.retain(30 * DAY)
        assert is_stored(services, user_id, old.id)
