"""What no row refers to goes, old concepts go with all that is theirs, and open runs are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from redis import Redis

from concept_worker.bootstrap import build_services
from concept_worker.devstack import PREFIX, Stack
from concept_worker.devstack.acl import NAMESPACE
from concept_worker.models import StagedName, TaskRow, TaskStatus, TaskType
from concept_worker.offline.generator import OfflineGenerator
from concept_worker.payloads import GenerationPayload
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.services import Services
from concept_worker.services import housekeeping_service
from concept_worker.settings import Settings
from concept_worker.tasks import housekeeping
from tests.drawing import drawn
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
            namespace=NAMESPACE,
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


def store(services: Services, user_id: UUID, task_id: UUID, name: str = "base.png") -> None:
    """An object under a task."""
    picture = drawn(seed=1)
    services.image_persistence_service.store_image(picture, user_id=user_id, task_id=task_id, name=name)


def is_stored(services: Services, user_id: UUID, task_id: UUID, name: str = "base.png") -> bool:
    """Whether it is still there."""
    return services.image_persistence_service.load_image(user_id=user_id, task_id=task_id, name=name) is not None


def has_concept(services: Services, row: TaskRow) -> bool:
    """Whether the rows of a completed task are still there."""
    assert row.result_id is not None
    return services.concept_persistence_service.get_concept(row.result_id, row.user_id) is not None


def stage(services: Services, stack: Stack, task_id: UUID) -> None:
    """Bytes that have waited for long."""
    picture = drawn(seed=1)
    services.image_service.stage_image(picture, task_id=task_id, name=StagedName.BASE)
    with Redis.from_url(stack.environment["CONCEPT_STAGING_URL"]) as redis:
        redis.expire(f"{PREFIX}concept-worker:staging:{task_id}:base", 3600)


def is_staged(services: Services, task_id: UUID) -> bool:
    """Whether they still wait."""
    return services.image_service.find_staged(task_id=task_id, name=StagedName.BASE) is not None


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
        stray, failed, pending, running = uuid4(), *(new_row(services, user_id) for _ in range(3))
        done = completed(services, user_id)
        services.task_service.update_task_status(failed.id, TaskStatus.FAILED, error_message="no")
        services.task_service.claim_task_if_pending(running.id)
        for task_id in (stray, failed.id, pending.id, running.id):
            store(services, user_id, task_id)
        age(stack, user_id, 2)
        report = services.housekeeping_service.sweep(DAY)
        tasks = (stray, failed.id, pending.id, running.id, done.id)
        assert report.objects >= 2
        assert [is_stored(services, user_id, task) for task in tasks] == [False, False, True, True, True]
        assert is_stored(services, user_id, done.id, "variation-01.png")

    def test_what_a_new_step_stores_stays_with_its_concept(
        self, services: Services, stack: Stack, user_id: UUID
    ) -> None:
        """No row names it; it goes when the concept does."""
        done = completed(services, user_id)
        store(services, user_id, done.id, "variation-99.png")
        age(stack, user_id, 2)
        services.housekeeping_service.sweep(DAY)
        assert is_stored(services, user_id, done.id, "variation-99.png")
        run_sql(stack, f"delete from public.concepts where task_id = '{done.id}'")
        services.housekeeping_service.sweep(DAY)
        assert not is_stored(services, user_id, done.id, "variation-99.png")

    def test_a_round_takes_more_than_one_request(
        self, services: Services, stack: Stack, user_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Orphans of either bucket, whatever fits into one."""
        monkeypatch.setattr(housekeeping_service, "_BATCH", 1)
        stray = uuid4()
        for name in ("base.png", "variation-01.png"):
            store(services, user_id, stray, name)
        age(stack, user_id, 2)
        services.housekeeping_service.sweep(DAY)
        assert [is_stored(services, user_id, stray, name) for name in ("base.png", "variation-01.png")] == [False] * 2

    def test_other_buckets_are_left_alone(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """The project may hold more than this worker's pictures."""
        run_sql(
            stack,
            "insert into storage.buckets (id, name) values ('others', 'others') on conflict do nothing",
            f"insert into storage.objects (bucket_id, name, version) values ('others', '{user_id}/a/base.png', 'x')",
        )
        age(stack, user_id, 2)
        found = services.image_persistence_service.orphans(DAY, 1000)
        assert "others" not in [bucket for bucket, _ in found]

    def test_what_is_young_is_left_alone(self, services: Services, user_id: UUID) -> None:
        """Its row may be about to come, its upload too."""
        stray = uuid4()
        store(services, user_id, stray)
        picture = drawn(seed=1)
        services.image_service.stage_image(picture, task_id=stray, name=StagedName.BASE)
        services.housekeeping_service.sweep(3600.0)
        assert is_stored(services, user_id, stray)
        assert is_staged(services, stray)

    def test_a_dry_run_only_counts(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """The same count, and nothing removed."""
        stray = uuid4()
        store(services, user_id, stray)
        stage(services, stack, stray)
        age(stack, user_id, 2)
        counted = services.housekeeping_service.sweep(3600.0, dry_run=True)
        assert is_stored(services, user_id, stray)
        assert is_staged(services, stray)
        assert services.housekeeping_service.sweep(3600.0) == counted

    def test_staged_bytes_without_an_open_run_go(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Those of an open run stay, whatever their age."""
        stray, ended, pending, running = uuid4(), *(new_row(services, user_id) for _ in range(3))
        services.task_service.cancel_task(ended.id, user_id)
        services.task_service.claim_task_if_pending(running.id)
        tasks = (stray, ended.id, pending.id, running.id)
        for task_id in tasks:
            stage(services, stack, task_id)
        with Redis.from_url(stack.environment["CONCEPT_STAGING_URL"]) as redis:
            redis.set(f"{PREFIX}concept-worker:staging:of nobody", b"x", ex=3600)
            services.housekeeping_service.sweep(3600.0)
            assert not redis.exists(f"{PREFIX}concept-worker:staging:of nobody")
        assert [is_staged(services, task_id) for task_id in tasks] == [False, False, True, True]


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
        assert [has_concept(services, task) for task in (old, young)] == [False, True]
        assert [is_stored(services, user_id, task.id) for task in (old, young)] == [False, True]
        assert not is_stored(services, user_id, old.id, "variation-01.png")

    def test_what_a_new_step_stores_stays_with_its_concept(
        self, services: Services, stack: Stack, user_id: UUID
    ) -> None:
        """No row names it; it goes when the concept does."""
        done = completed(services, user_id)
        store(services, user_id, done.id, "variation-99.png")
        age(stack, user_id, 2)
        services.housekeeping_service.sweep(DAY)
        assert is_stored(services, user_id, done.id, "variation-99.png")
        run_sql(stack, f"delete from public.concepts where task_id = '{done.id}'")
        services.housekeeping_service.sweep(DAY)
        assert not is_stored(services, user_id, done.id, "variation-99.png")

    def test_a_round_takes_more_than_one_request(
        self, services: Services, stack: Stack, user_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many concepts fit into one."""
        monkeypatch.setattr(housekeeping_service, "_BATCH", 1)
        old = [completed(services, user_id) for _ in range(2)]
        age(stack, user_id, 40)
        services.housekeeping_service.retain(30 * DAY)
        assert [has_concept(services, task) for task in old] == [False, False]

    def test_a_dry_run_only_counts(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Concepts and pictures."""
        old = completed(services, user_id)
        age(stack, user_id, 40)
        report = services.housekeeping_service.retain(30 * DAY, dry_run=True)
        assert (report.concepts >= 1, report.objects >= 3) == (True, True)
        assert is_stored(services, user_id, old.id)
        assert has_concept(services, old)

    def test_the_original_of_an_open_refinement_stays(self, services: Services, stack: Stack, user_id: UUID) -> None:
        """Until the refinement is over, before its first claim and after."""
        old = completed(services, user_id)
        age(stack, user_id, 40)
        refinement = services.task_service.create_task(
            user_id,
            TaskType.REFINEMENT,
            {"refinement_prompt": "bolder", "original_concept_id": str(old.result_id)},
        )
        services.housekeeping_service.retain(30 * DAY)
        assert is_stored(services, user_id, old.id)
        services.task_service.claim_task_if_pending(refinement.id)
        services.housekeeping_service.retain(30 * DAY)
        assert is_stored(services, user_id, old.id)


@pytest.mark.parametrize(("days", "is_kept"), [(30.0, False), (0.0, True)])
def test_beat_keeps_the_retention_of_the_settings(
    services: Services, stack: Stack, user_id: UUID, monkeypatch: pytest.MonkeyPatch, days: float, is_kept: bool
) -> None:
    """In days, after a sweep; without one, concepts are kept for ever."""
    monkeypatch.setattr(housekeeping, "services", lambda: services)
    monkeypatch.setattr(housekeeping, "get_settings", lambda: Settings(retention_days=days))
    young, stray = completed(services, user_id), uuid4()
    store(services, user_id, stray)
    age(stack, user_id, 29)
    old = completed(services, user_id)
    run_sql(
        stack, f"update public.concepts set created_at = created_at - interval '31 days' where id = '{old.result_id}'"
    )
    housekeeping.sweep()
    assert [has_concept(services, young), has_concept(services, old)] == [True, is_kept]
    assert not is_stored(services, user_id, stray)
