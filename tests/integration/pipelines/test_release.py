"""Bytes of runs that are over do not stay in staging; what was paid for is kept where a retry finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis import Redis

from concept_worker.bootstrap import build_services
from concept_worker.devstack import PREFIX, Stack
from concept_worker.devstack.acl import NAMESPACE
from concept_worker.errors import (
    AbandonedRun,
    InvalidImage,
    ProviderRefused,
    StagingFull,
    StoreRefused,
    StoreUnavailable,
)
from concept_worker.models import Origin, Palette, RunReference, StagedImage, StagedName, TaskRow, TaskStatus, TaskType
from concept_worker.offline.generator import OfflineGenerator
from concept_worker.palettes.harmony import harmonize
from concept_worker.payloads import Brief, GenerationPayload
from concept_worker.pipelines.execution import run_once, run_step
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.services import Services
from concept_worker.services.concept_generator import Picture
from concept_worker.services.concept_service import _PALETTES
from concept_worker.services.image_persistence_service import BASE_NAME
from concept_worker.services.seal import SealedAs, Sealer
from concept_worker.services.staging import RedisStaging, StagingLimits, staging_key
from concept_worker.settings import Settings
from tests.drawing import drawn
from tests.integration.conftest import run_sql
from tests.waiting import until

PAYLOAD = GenerationPayload(logo_description="a heron", theme_description="quiet lake", num_palettes=1)
PICTURE, OTHER = (drawn(seed=seed) for seed in (1, 2))

BASE = GenerationTaskProcessor.generate_base_image

Build = Callable[..., Services]
Generator = OfflineGenerator


class Sends(Generator):
    """A provider that sends these bytes, and counts; what it is asked beside that, it refuses."""

    def __init__(self, picture: bytes = PICTURE) -> None:
        super().__init__(size=64)
        self.picture, self.paid = picture, 0

    def draw(self, brief: Brief, *, seed: int) -> Picture:
        self.paid += 1
        return Picture(self.picture, Origin(provider="sends"))


class Refuses(Generator):
    """A provider that draws nothing."""

    def draw(self, brief: Brief, *, seed: int) -> Picture:
        raise ProviderRefused("not this one")


@pytest.fixture
def staging_url(brokers: Iterator[str]) -> str:
    """A database that no worker's housekeeping looks at."""
    return next(brokers)


@pytest.fixture
def redis(staging_url: str) -> Iterator[Redis]:
    """What a neighbour sees there."""
    with Redis.from_url(staging_url) as client:
        yield client


@pytest.fixture
def build(stack: Stack, staging_url: str) -> Iterator[Build]:
    """Real services with another provider or other settings."""
    built: list[Services] = []

    def make(generator: Generator | None = None, **settings: object) -> Services:
        base = Settings(
            supabase_url=stack.environment["SUPABASE_URL"],
            supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
            namespace=NAMESPACE,
            staging_url=staging_url,
        )
        built.append(build_services(base.model_copy(update=settings), generator=generator or Sends()))
        return built[-1]

    yield make
    for services in built:
        services.close()


def new_run(services: Services, user_id: UUID) -> TaskRow:
    """A claimed row."""
    row = services.task_service.create_task(user_id, TaskType.GENERATION, PAYLOAD.model_dump(mode="json"))
    claimed = services.task_service.claim_task_if_pending(row.id, user_id)
    assert claimed is not None
    return claimed


def paid(services: Services, task: TaskRow) -> StagedImage:
    """Its base image, paid, staged and checkpointed."""
    step = GenerationTaskProcessor.generate_base_image
    return run_step(services, RunReference.of(task), GenerationTaskProcessor, step, owner="one")


def process(services: Services, user_id: UUID) -> TaskRow:
    """The row of a whole run, whatever its end."""
    row = services.task_service.create_task(user_id, TaskType.GENERATION, PAYLOAD.model_dump(mode="json"))
    with suppress(InvalidImage, ProviderRefused, StoreRefused):
        GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).process()
    return services.task_service.get_task(row.id, user_id)


def left_of(redis: Redis, task: TaskRow) -> list[bytes]:
    """The keys of what waits in staging for a task, reservations included, and the index's word for it."""
    indexed = [
        member for member in redis.smembers(f"{PREFIX}concept-worker:staging-index") if str(task.id).encode() in member
    ]
    return sorted([*redis.scan_iter(f"*{task.id}*"), *indexed])


def kept(services: Services, task: TaskRow) -> bytes | None:
    """What lies at the base image's place in the bucket."""
    return services.image_persistence_service.load_image(user_id=task.user_id, task_id=task.id, name=BASE_NAME)


class TestAFailedRun:
    """`fail_run`, and steps that come after it."""

    def test_what_is_no_picture_is_dropped(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """From staging, and nothing of it goes to the bucket."""
        services = build(Sends(b"\x89PNG\r\n\x1a\n" + b"junk" * 1000))
        task = process(services, user_id)
        assert (task.status, left_of(redis, task), kept(services, task)) == (TaskStatus.FAILED, [], None)

    def test_a_provider_that_refuses_leaves_no_reservation(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """Though room was reserved before it was asked."""
        task = process(build(Refuses()), user_id)
        assert (task.status, left_of(redis, task)) == (TaskStatus.FAILED, [])

    def test_a_paid_picture_moves_to_the_bucket_for_a_retry(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """Which goes on from the checkpoint, and pays nothing again."""
        provider = Sends()
        services = build(provider, storage_bucket_palette="no-such-bucket")
        task = process(services, user_id)
        assert (task.status, left_of(redis, task)) == (TaskStatus.FAILED, [])
        fresh = services.task_service.retry_task(task.id, user_id, ["generate_base_image", "generate_palettes"])
        mended = build(provider)
        assert GenerationTaskProcessor(fresh.id, user_id, PAYLOAD, mended).process() is not None
        assert provider.paid == 1

    def test_a_picture_that_was_never_uploaded_moves_too(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """The run failed between its checkpoint and its upload."""
        services = build()
        task = new_run(services, user_id)
        staged = paid(services, task)
        services.task_service.update_task_status(task.id, TaskStatus.FAILED, error_message="no")
        assert services.housekeeping_service.release_ended() == 1
        assert left_of(redis, task) == []
        assert kept(services, task) is not None
        assert services.image_service.base_image(staged, user_id=user_id) == kept(services, task)

    def test_a_bucket_that_is_away_is_waited_for(
        self, build: Build, redis: Redis, user_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The bytes stay until housekeeping can store them."""
        services = build(storage_bucket_palette="no-such-bucket")
        with monkeypatch.context() as patched:
            patched.setattr(services.image_service, "release_failed", raising(StoreUnavailable("away")))
            task = process(services, user_id)
        assert len(left_of(redis, task)) > 0
        services.housekeeping_service.release_ended()
        assert left_of(redis, task) == []
        assert kept(services, task) is not None

    def test_a_bucket_that_refuses_keeps_nothing(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """No retry could store it either."""
        task = process(build(storage_bucket_concept="no-such-bucket"), user_id)
        assert (task.status, left_of(redis, task)) == (TaskStatus.FAILED, [])

    def test_a_step_that_comes_late_leaves_nothing(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """Its run failed beside it."""
        services = build()
        task = new_run(services, user_id)

        def late(*_: object) -> StagedImage:
            services.task_service.update_task_status(task.id, TaskStatus.FAILED, error_message="no")
            return services.image_service.stage_image(PICTURE, task_id=task.id, name=StagedName.BASE)

        with pytest.raises(Exception, match="over or was replaced"):
            run_once(services, RunReference.of(task), BASE, late, owner="late", needs=())
        assert left_of(redis, task) == []


class TestHousekeeping:
    """`release_ended`: ends that no step wrote."""

    def test_rows_that_the_database_failed(self, build: Build, stack: Stack, redis: Redis, user_id: UUID) -> None:
        """Past their deadline, or out of runs."""
        services = build()
        expired, interrupted = new_run(services, user_id), new_run(services, user_id)
        for task in (expired, interrupted):
            paid(services, task)
        run_sql(
            stack,
            f"update public.tasks set created_at = now() - interval '7 hours' where id = '{expired.id}'",
            f"update public.tasks set run = 10, lease_expires_at = now() where id = '{interrupted.id}'",
        )
        services.task_service.expire(21_600.0)
        services.task_service.resume([interrupted], 1.0)
        assert services.housekeeping_service.release_ended() == 2
        for task in (expired, interrupted):
            assert services.task_service.get_task(task.id, user_id).status is TaskStatus.FAILED
            assert left_of(redis, task) == []
            assert kept(services, task) is not None

    def test_canceled_and_deleted_runs_keep_nothing(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """Their user did not want it."""
        services = build()
        canceled, deleted = new_run(services, user_id), new_run(services, user_id)
        for task in (canceled, deleted):
            paid(services, task)
            services.task_service.cancel_task(task.id, user_id)
        services.task_service.delete_task(deleted.id, user_id)
        services.housekeeping_service.release_ended()
        for task in (canceled, deleted):
            assert (left_of(redis, task), kept(services, task)) == ([], None)

    def test_open_runs_keep_theirs(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """However often it looks."""
        services = build()
        task = new_run(services, user_id)
        staged = paid(services, task)
        assert services.housekeeping_service.release_ended() == 0
        assert services.image_service.staged_image(staged)

    def test_what_another_deployment_staged_stays(
        self, build: Build, redis: Redis, staging_url: str, user_id: UUID
    ) -> None:
        """Its rows are in another database; its seals are made with another secret. Bytes and reserved room."""
        services, theirs = (
            build(),
            RedisStaging.connect(staging_url, 600, prefix=PREFIX, sealer=Sealer.derived_from("another secret")),
        )
        staged, reserved, gone = (staging_key(uuid4(), StagedName.BASE) for _ in range(3))
        theirs.store(staged, b"a paid picture")
        theirs.reserve(reserved)
        theirs.store(gone, b"bytes that expire")
        redis.delete(f"{PREFIX}concept-worker:staging:{gone}")
        run = RunReference(task_id=UUID(staged.partition(":")[0]), number=1, type=TaskType.GENERATION)
        with pytest.raises(AbandonedRun):
            run_once(services, run, BASE, lambda *_: pytest.fail("done"), owner="one", needs=())
        services.housekeeping_service.release_ended()
        assert theirs.find(staged) == b"a paid picture"
        assert redis.exists(f"{PREFIX}concept-worker:staging:{reserved}:room") == 1
        assert set(redis.smembers(f"{PREFIX}concept-worker:staging-index")) == {staged.encode(), reserved.encode()}
        theirs.remove(staged, reserved)
        theirs.close()

    def test_what_stays_does_not_stand_before_what_goes(
        self, build: Build, redis: Redis, staging_url: str, user_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """More bytes of another deployment than a round looks at, in the order of their ids before ours."""
        services, theirs = (
            build(),
            RedisStaging.connect(staging_url, 600, prefix=PREFIX, sealer=Sealer.derived_from("another secret")),
        )
        monkeypatch.setattr("concept_worker.services.housekeeping_service._BATCH", 2)
        keys = [staging_key(UUID(int=number), StagedName.BASE) for number in range(5)]
        for key in keys:
            theirs.store(key, b"a paid picture")
        task = new_run(services, user_id)
        paid(services, task)
        services.task_service.cancel_task(task.id, user_id)
        until(lambda: services.housekeeping_service.release_ended() == 1, "ours to be among those that are looked at")
        assert left_of(redis, task) == []
        assert all(theirs.find(key) for key in keys)
        theirs.remove(*keys)
        theirs.close()

    def test_what_others_wrote_into_the_index_goes(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """It is no staging key of ours."""
        services = build()
        odd: list[Any] = ["", "odd", "odd:base", f"{uuid4()}", f"{uuid4()}:odd", f"{{{uuid4()}}}:base", b"\xff\xfe"]
        redis.sadd(f"{PREFIX}concept-worker:staging-index", *odd)
        services.housekeeping_service.release_ended()
        assert redis.smembers(f"{PREFIX}concept-worker:staging-index") == set()


class TestPlanted:
    """What a neighbour puts under a staging key does not become a user's concept."""

    def test_a_picture(self, build: Build, redis: Redis, user_id: UUID) -> None:
        """The provider is asked, and its picture taken."""
        provider = Sends(PICTURE)
        services = build(provider)
        task = new_run(services, user_id)
        redis.set(f"{PREFIX}concept-worker:staging:{task.id}:base", OTHER)
        staged = paid(services, task)
        assert provider.paid == 1
        assert services.image_service.staged_image(staged) == PICTURE

    @pytest.mark.parametrize("content", [_PALETTES.dump_json(tuple(harmonize("a", "b", 1))), b"[" * 100_000, b"\xff"])
    def test_palettes(self, build: Build, redis: Redis, user_id: UUID, content: bytes) -> None:
        """Nor do they end a run."""
        services = build()
        task = new_run(services, user_id)
        redis.set(f"{PREFIX}concept-worker:staging:{task.id}:palettes", content)
        assert services.concept_service.find_palettes(task.id) is None

    @pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff", b"{}", b'[{"name": 5}]'])
    def test_sealed_nonsense(self, build: Build, staging_url: str, stack: Stack, user_id: UUID, content: bytes) -> None:
        """As another version of us may have left it: not found, no crash."""
        services, task_id = build(), uuid4()
        sealer = Sealer.derived_from(stack.environment["SUPABASE_SECRET_KEY"])
        staging = RedisStaging.connect(staging_url, 60, prefix=PREFIX, sealer=sealer)
        staging.store(staging_key(task_id, StagedName.PALETTES), content, SealedAs.ARRIVED)
        staging.close()
        assert services.concept_service.find_palettes(task_id) is None


def test_without_room_nobody_is_paid(build: Build, redis: Redis, staging_url: str, user_id: UUID) -> None:
    """The step waits first."""
    provider = Sends()
    services = build(provider, staging_budget_mb=30)
    other = RedisStaging(redis, 60, prefix=PREFIX, limits=StagingLimits(budget=10**9, picture=20_000_000))
    other.reserve(staging_key(uuid4(), StagedName.BASE))
    with pytest.raises(StagingFull):
        paid(services, new_run(services, user_id))
    assert provider.paid == 0


def test_palettes_do_not_wait_for_room(build: Build, redis: Redis, user_id: UUID) -> None:
    """They are small."""
    services = build(staging_budget_mb=1)
    palettes: tuple[Palette, ...] = tuple(harmonize("a", "b", 1))
    tasks = [uuid4() for _ in range(100)]
    for task_id in tasks:
        services.concept_service.keep_palettes(task_id, palettes)
    assert [services.concept_service.find_palettes(task_id) for task_id in tasks] == [palettes] * 100


def raising(error: Exception) -> Callable[..., None]:
    """A call that fails."""

    def call(*_: object, **__: object) -> None:
        raise error

    return call
