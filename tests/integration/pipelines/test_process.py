"""`process()`: the same stages in one process, without a broker, with the same outcome as the canvas."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from concept_worker.bootstrap import build_services
from concept_worker.devstack import Stack
from concept_worker.errors import ProviderUnavailable, StaleRun, StoreRefused
from concept_worker.imaging.recolor import plan_recolor
from concept_worker.models import (
    ConceptRow,
    Palette,
    PaletteSource,
    RunReference,
    StagedImage,
    StagedName,
    TaskRow,
    TaskStatus,
    TaskType,
)
from concept_worker.offline.generator import OfflineGenerator
from concept_worker.palettes.harmony import harmonize
from concept_worker.payloads import Brief, GenerationPayload, RefinementPayload, Wish
from concept_worker.pipelines.concept import StoredBase
from concept_worker.pipelines.execution import run_once
from concept_worker.pipelines.failure import fail_run
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.refinement import RefinementTaskProcessor
from concept_worker.pipelines.services import Services
from concept_worker.services.concept_generator import Picture
from concept_worker.settings import Settings
from tests.conftest import System
from tests.drawing import drawn
from tests.integration.conftest import run_sql
from tests.waiting import until

PAYLOAD = GenerationPayload(logo_description="a heron in reeds", theme_description="quiet lake", num_palettes=4)

BASE, STORE, PALETTES, LAST = (
    GenerationTaskProcessor.generate_base_image,
    GenerationTaskProcessor.store_base_image,
    GenerationTaskProcessor.generate_palettes,
    GenerationTaskProcessor.store_concept,
)


class AwayForPalettes(OfflineGenerator):
    """A provider that draws but has no palettes today."""

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        raise ProviderUnavailable("the provider does not answer")


class AwayForImages(OfflineGenerator):
    """A provider that must not be asked for a picture."""

    def draw(self, brief: Brief, *, seed: int) -> Picture:
        raise ProviderUnavailable("the provider was asked")

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture:
        raise ProviderUnavailable("the provider was asked")


def settings_of(stack: Stack) -> Settings:
    """The stack's."""
    return Settings(
        supabase_url=stack.environment["SUPABASE_URL"],
        supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
        redis_url=stack.environment["REDIS_URL"],
        staging_url=stack.environment["CONCEPT_STAGING_URL"],
    )


@pytest.fixture
def services(stack: Stack) -> Iterator[Services]:
    """Real services over the embedded stack."""
    built = build_services(settings_of(stack))
    yield built
    built.close()


def new_row(services: Services, user_id: UUID) -> TaskRow:
    """A pending row with the payload."""
    return services.task_service.create_task(user_id, TaskType.GENERATION, PAYLOAD.model_dump(mode="json"))


def shape(concept: ConceptRow) -> dict[str, object]:
    """What two runs of one payload must have in common: all but ids, paths and times."""
    return concept.model_dump(
        exclude={"id": True, "task_id": True, "image_path": True, "image_url": True, "created_at": True}
        | {"variations": {"__all__": {"image_path", "image_url"}}}
    )


def test_process_and_canvas_store_the_same_concept(system: System, services: Services, user_id: UUID) -> None:
    """Same payload, same row, same palettes, pictures made the same way."""
    here = new_row(services, user_id)
    assert GenerationTaskProcessor(here.id, user_id, PAYLOAD, services).process() is not None
    there = system.client.generate(user_id=user_id, **PAYLOAD.model_dump())
    until(lambda: system.client.get_task(there.id, user_id).status.is_terminal, "the canvas to end")

    concepts = [system.client.get_concept(row.id, user_id) for row in (here, there)]
    assert concepts[0] is not None
    assert concepts[1] is not None
    assert shape(concepts[0]) == shape(concepts[1])
    ends = [
        (row.status, row.progress, row.stage, row.run)
        for row in (system.client.get_task(row.id, user_id) for row in (here, there))
    ]
    assert ends[0] == ends[1]
    for concept in filter(None, concepts):
        base = system.client.load_image(concept.image_path, user_id)
        assert base is not None
        plan = plan_recolor(base)
        for variation in concept.variations:
            assert system.client.load_image(variation.image_path, user_id) == plan.paint(variation.colors)


def test_a_row_somebody_else_has_is_left_alone(stack: Stack, services: Services, user_id: UUID) -> None:
    """No run of another user's row, no second run of a claimed row."""
    row = new_row(services, user_id)
    assert GenerationTaskProcessor(row.id, stack.create_user(), PAYLOAD, services).process() is None
    assert services.task_service.claim_task_if_pending(row.id, user_id) is not None
    assert GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).process() is None


def test_staging_is_empty_in_the_end(services: Services, user_id: UUID) -> None:
    """What is stored does not wait any more."""
    row = new_row(services, user_id)
    assert GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).process() is not None
    assert services.image_service.find_staged(task_id=row.id, name=StagedName.BASE) is None


def test_a_late_failure_of_an_older_run_is_not_the_rows(stack: Stack, services: Services, user_id: UUID) -> None:
    """The newer run goes on."""
    row = new_row(services, user_id)
    older = services.task_service.claim_task_if_pending(row.id)
    run_sql(stack, f"update public.tasks set lease_expires_at = now() where id = '{row.id}'")
    newer = services.task_service.claim_task_if_pending(row.id)
    assert older is not None
    fail_run(services.task_service, RunReference.of(older), "late")
    assert services.task_service.get_task(row.id, user_id) == newer


def test_a_finished_step_is_not_done_again(services: Services, user_id: UUID) -> None:
    """Whoever comes again is answered from its checkpoint."""
    task = services.task_service.claim_task_if_pending(new_row(services, user_id).id)
    assert task is not None
    palettes = iter([harmonize("warm", "a fox", 1)])
    outputs = [
        run_once(services, RunReference.of(task), PALETTES, lambda *_: tuple(next(palettes)), owner=owner, needs=())
        for owner in ("one", "two")
    ]
    assert outputs[0] == outputs[1]


def test_of_two_executions_the_first_output_counts(services: Services, user_id: UUID) -> None:
    """Both go on with the same palettes, whichever was paid last."""
    row = new_row(services, user_id)
    task = services.task_service.claim_task_if_pending(row.id)
    assert task is not None
    run, (first, second) = RunReference.of(task), harmonize("warm", "a fox", 2)

    def overtaken(*_: object) -> tuple[Palette, ...]:
        services.task_service.finish_step(run, PALETTES.name, PALETTES.dump((first,)), 75)
        return (second,)

    assert run_once(services, run, PALETTES, overtaken, owner="late", needs=()) == (first,)


def test_trouble_ends_in_the_row_and_is_raised(stack: Stack, services: Services, user_id: UUID) -> None:
    """The row says what failed in the seeds' words."""
    broken = build_services(settings_of(stack).model_copy(update={"storage_bucket_palette": "no-such-bucket"}))
    row = new_row(services, user_id)
    with pytest.raises(StoreRefused):
        GenerationTaskProcessor(row.id, user_id, PAYLOAD, broken).process()
    broken.close()
    failed = services.task_service.get_task(row.id, user_id)
    assert failed.status is TaskStatus.FAILED
    assert failed.error_message is not None
    assert failed.error_message.startswith("Error in generation task processing: Failed to create palette variations: ")


def test_palettes_that_cannot_be_had_are_made_here_and_say_so(stack: Stack, user_id: UUID) -> None:
    """The paid image is not thrown away."""
    services = build_services(settings_of(stack), generator=AwayForPalettes())
    row = new_row(services, user_id)
    concept_id = GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).process()
    assert concept_id is not None
    concept = services.concept_persistence_service.get_concept(concept_id, user_id)
    services.close()
    assert concept is not None
    assert [variation.palette_source for variation in concept.variations] == [PaletteSource.LOCAL] * 4


def test_palettes_that_wait_in_staging_are_not_paid_again(stack: Stack, user_id: UUID) -> None:
    """Their checkpoint could not be written; whoever takes the step over finds them, and the end leaves nothing."""
    services = build_services(settings_of(stack))
    row = new_row(services, user_id)
    paid = GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).generate_palettes()
    services.close()
    services = build_services(settings_of(stack), generator=AwayForPalettes())
    assert GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).generate_palettes() == paid
    assert GenerationTaskProcessor(row.id, user_id, PAYLOAD, services).process() is not None
    assert services.concept_service.find_palettes(row.id) is None
    services.close()


def test_what_a_step_stores_after_a_cancel_is_removed(services: Services, user_id: UUID) -> None:
    """The user's own removal came before it, so the step that finds itself abandoned tidies up."""
    row = new_row(services, user_id)
    task = services.task_service.claim_task_if_pending(row.id, user_id)
    assert task is not None
    images = services.image_persistence_service

    def store_late(*_: object) -> StoredBase:
        services.task_service.cancel_task(row.id, user_id)
        picture = drawn(seed=1)
        staged = services.image_service.stage_image(picture, task_id=row.id, name=StagedName.BASE)
        stored = images.store_image(picture, user_id=user_id, task_id=row.id, name="base.png")
        return StoredBase(staged=staged, stored=stored)

    with pytest.raises(StaleRun):
        run_once(services, RunReference.of(task), STORE, store_late, owner="late", needs=())
    assert images.load_image(user_id=user_id, task_id=row.id, name="base.png") is None
    assert services.image_service.find_staged(task_id=row.id, name=StagedName.BASE) is None


def test_what_a_step_stages_after_the_end_is_removed(services: Services, user_id: UUID) -> None:
    """It slept while another execution brought the run to its end."""
    row = new_row(services, user_id)
    task = services.task_service.claim_task_if_pending(row.id, user_id)
    assert task is not None

    def stage_late(*_: object) -> StagedImage:
        services.task_service.update_task_status(row.id, TaskStatus.COMPLETED, result_id=uuid4())
        picture = drawn(seed=1)
        return services.image_service.stage_image(picture, task_id=row.id, name=StagedName.BASE)

    run_once(services, RunReference.of(task), BASE, stage_late, owner="late", needs=())
    assert services.image_service.find_staged(task_id=row.id, name=StagedName.BASE) is None


@pytest.mark.parametrize("deleted", [False, True])
def test_a_step_that_comes_after_a_cancel_removes_what_earlier_ones_left(
    services: Services, user_id: UUID, deleted: bool
) -> None:
    """Bytes in staging, which the user's own removal does not reach; and it is not done."""
    row = new_row(services, user_id)
    task = services.task_service.claim_task_if_pending(row.id, user_id)
    assert task is not None
    picture = drawn(seed=1)
    services.image_service.stage_image(picture, task_id=row.id, name=StagedName.BASE)
    services.task_service.cancel_task(row.id, user_id)
    if deleted:
        services.task_service.delete_task(row.id, user_id)
    with pytest.raises(StaleRun):
        run_once(services, RunReference.of(task), STORE, lambda *_: pytest.fail("done"), owner="late", needs=())
    assert services.image_service.find_staged(task_id=row.id, name=StagedName.BASE) is None


def test_a_concept_outlives_a_task_that_is_deleted_before_its_last_step_ends(services: Services, user_id: UUID) -> None:
    """The rows are stored, the task is deleted, then the checkpoint is written: pictures of a concept stay."""
    row = new_row(services, user_id)
    task = services.task_service.claim_task_if_pending(row.id, user_id)
    assert task is not None
    images, concepts = services.image_persistence_service, services.concept_persistence_service
    base = images.store_image(drawn(seed=1), user_id=user_id, task_id=row.id, name="base.png")
    stored: list[UUID] = []

    def store_and_lose(*_: object) -> UUID:
        stored.append(
            concepts.store_concept(RunReference.of(task), user_id=user_id, payload=PAYLOAD, base=base, variations=[])
        )
        services.task_service.delete_task(row.id, user_id)
        return stored[0]

    with pytest.raises(StaleRun):
        run_once(services, RunReference.of(task), LAST, store_and_lose, owner="late", needs=())
    concept = concepts.get_concept(stored[0], user_id)
    assert concept is not None
    assert images.load_path(concept.image_path) is not None


def test_a_picture_that_waits_in_staging_is_not_paid_again(stack: Stack, user_id: UUID) -> None:
    """Its checkpoint could not be written; the bytes are there, and the provider is not asked."""
    services = build_services(settings_of(stack), generator=AwayForImages())
    task_id = uuid4()
    picture = drawn(seed=1)
    waiting = services.image_service.stage_image(picture, task_id=task_id, name=StagedName.BASE)
    wish = RefinementPayload(refinement_prompt="bolder", original_image_path="of/no/matter.png")
    run = RunReference(task_id=task_id, number=1, type=TaskType.GENERATION)
    paid = PaidCall(services.task_service, run, BASE.name, "one", None)
    found = [
        GenerationTaskProcessor(task_id, user_id, PAYLOAD, services).generate_base_image(paid),
        RefinementTaskProcessor(task_id, user_id, wish, services).refine_image(waiting, paid),
    ]
    services.close()
    assert found == [waiting, waiting]
