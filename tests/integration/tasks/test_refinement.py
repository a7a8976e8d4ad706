"""The refinement pipeline through a real worker process, a real broker and the embedded Supabase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery.result import AsyncResult

from concept_worker.bootstrap import build_services
from concept_worker.devstack import Stack
from concept_worker.errors import InvalidRequest
from concept_worker.imaging.recolor import plan_recolor
from concept_worker.models import ConceptRow, TaskRow, TaskStatus, TaskType
from concept_worker.offline.generator import OfflineGenerator
from concept_worker.payloads import Aspect, RefinementPayload, Wish
from concept_worker.pipelines.refinement import RefinementTaskProcessor
from concept_worker.pipelines.services import Services
from concept_worker.routing import Queue, TaskName
from concept_worker.services.concept_service import seed_of
from concept_worker.services.task_service import TaskService
from tests.conftest import System
from tests.integration.conftest import run_sql
from tests.waiting import until

LOGO, THEME = "an owl reading a book", "calm nordic morning"
WISH = "bolder, inside a round badge"
FAILED = "Error in refinement task processing: Failed to download original image: "


@pytest.fixture
def tasks(system: System) -> TaskService:
    """Rows as a foreign producer would write them, without our client's checks."""
    return system.client._records.task_service


@pytest.fixture(scope="module")
def original(system: System, stack: Stack) -> ConceptRow:
    """A concept with one variation, of a user of its own; no test changes it."""
    return generated(system, stack.create_user())


@pytest.fixture(scope="module")
def plain(system: System, original: ConceptRow) -> TaskRow:
    """A refinement with a wish and nothing else, completed; no test changes it."""
    return refined(system, original)


def generated(system: System, user_id: UUID) -> ConceptRow:
    """A fresh concept."""
    row = system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1)
    return concept_of(system, ended(system, row))


def ended(system: System, row: TaskRow) -> TaskRow:
    """The row when it is terminal."""
    until(lambda: system.client.get_task(row.id, row.user_id).status.is_terminal, "the row to end")
    return system.client.get_task(row.id, row.user_id)


def concept_of(system: System, row: TaskRow) -> ConceptRow:
    """What a completed row made."""
    concept = system.client.get_concept(row.id, row.user_id)
    assert concept is not None, row.error_message
    return concept


def refined(system: System, original: ConceptRow, **changes: Any) -> TaskRow:
    """A refinement of the concept, or of what `changes` name in its place, at its end."""
    named = {} if any(name.startswith("original_") for name in changes) else {"original_concept_id": original.id}
    wanted: dict[str, Any] = {"user_id": original.user_id, "refinement_prompt": WISH, **named, **changes}
    return ended(system, system.client.refine(**wanted))


def started(system: System, row: TaskRow) -> TaskRow:
    """A row that somebody else wrote, started and at its end."""
    system.app.send_task(TaskName.START_REFINEMENT.value, task_id=str(row.id), queue=Queue.CONCEPTS.value)
    return ended(system, row)


def picture(system: System, path: str) -> bytes:
    """A stored picture."""
    content = system.client.load_image(path, path.partition("/")[0])
    assert content is not None
    return content


def drawn_again(original: bytes, wish: Wish, row: TaskRow) -> bytes:
    """Draw what a worker draws for the row."""
    return OfflineGenerator().refine(original, wish, seed=seed_of(row.id)).content


class TestARunThatGoesWell:
    """What it makes, and what it remembers."""

    def test_the_stored_picture_is_the_original_changed(self, system: System, original: ConceptRow) -> None:
        """Exactly what the generator makes of the original's bytes, the wish, what has to stay, and the task."""
        row = refined(system, original, preserve_aspects=["colors", "shapes"])
        expected = drawn_again(
            picture(system, original.image_path),
            Wish(
                refinement_prompt=WISH,
                logo_description=LOGO,
                theme_description=THEME,
                preserve_aspects=(Aspect.COLORS, Aspect.SHAPES),
            ),
            row,
        )
        assert picture(system, concept_of(system, row).image_path) == expected

    def test_states_end_as_a_generations_do(self, system: System, plain: TaskRow) -> None:
        """Completed, at a hundred percent, and Celery's result under the row's id is the concept's id."""
        result: AsyncResult[str] = AsyncResult(str(plain.id), app=system.app)
        until(lambda: result.state == "SUCCESS", "the last step's result")
        assert (plain.status, plain.progress, result.result) == (TaskStatus.COMPLETED, 100, str(plain.result_id))

    def test_nothing_that_was_passed_in_is_dropped(self, system: System, original: ConceptRow) -> None:
        """The stored concept has the wish, what had to stay, the description given, and the link to its original."""
        row = refined(
            system,
            original,
            logo_description="an owl, older",
            preserve_aspects=["layout", "style"],
            is_anonymous=False,
        )
        concept = concept_of(system, row)
        assert concept.model_dump(
            include={
                *("task_id", "refinement_prompt", "original_concept_id", "preserve_aspects"),
                *("logo_description", "theme_description", "is_anonymous"),
            }
        ) == {
            "task_id": row.id,
            "refinement_prompt": WISH,
            "original_concept_id": original.id,
            "preserve_aspects": ("layout", "style"),
            "logo_description": "an owl, older",
            "theme_description": THEME,
            "is_anonymous": False,
        }

    def test_descriptions_left_out_are_the_originals(self, system: System, plain: TaskRow) -> None:
        """Whoever refines a concept need not describe it again."""
        concept = concept_of(system, plain)
        assert (concept.logo_description, concept.theme_description) == (LOGO, THEME)

    def test_no_palettes_means_no_variations(self, system: System, plain: TaskRow) -> None:
        """As in the seeds: a refinement is one picture unless more is asked for."""
        assert concept_of(system, plain).variations == ()

    def test_three_palettes_make_three_variations(self, system: System, original: ConceptRow) -> None:
        """In order, each the refined picture in its palette's colours."""
        concept = concept_of(system, refined(system, original, num_palettes=3))
        plan = plan_recolor(picture(system, concept.image_path))
        stored = [(variation.position, picture(system, variation.image_path)) for variation in concept.variations]
        painted = [plan.paint(variation.colors) for variation in concept.variations]
        assert stored == list(enumerate(painted, start=1))

    def test_an_own_path_is_refined(self, system: System, original: ConceptRow) -> None:
        """A variation, by the path in its row, which the refined concept remembers."""
        path = original.variations[0].image_path
        row = refined(system, original, original_image_path=path)
        concept = concept_of(system, row)
        expected = drawn_again(picture(system, path), Wish(refinement_prompt=WISH), row)
        assert concept.original_image_path == path
        assert picture(system, concept.image_path) == expected

    def test_a_refinement_can_be_refined(self, system: System, plain: TaskRow) -> None:
        """It is a concept like any other."""
        once = concept_of(system, plain)
        twice = concept_of(system, refined(system, once, refinement_prompt="thinner"))
        assert twice.original_concept_id == once.id

    def test_a_refinement_outlives_its_original(self, system: System, stack: Stack, user_id: UUID) -> None:
        """When the original is deleted, the link is empty, and the concept is there."""
        source = generated(system, user_id)
        row = refined(system, source)
        run_sql(stack, f"delete from public.concepts where id = '{source.id}'")
        concept = concept_of(system, row)
        assert (concept.original_concept_id, concept.refinement_prompt) == (None, WISH)


PATHS_ELSEWHERE = [
    "{theirs}",
    "{user}/../{theirs}",
    "{user}/x/../../{theirs}",
    "{user}/{task}/../base.png",
    "{user}/./base.png",
    "/{theirs}",
    "{user}//base.png",
    "{user}/{task}/base.png/more",
    "base.png",
]


class TestOriginalsThatAreNotThere:
    """Somebody else's, deleted, or behind an address that is not fetched: the row says which field, and why."""

    def test_the_client_refuses_another_users_concept(
        self, system: System, original: ConceptRow, user_id: UUID
    ) -> None:
        """As if there were none; no row is made."""
        with pytest.raises(InvalidRequest, match="original_concept_id: no such concept"):
            system.client.refine(user_id=user_id, refinement_prompt=WISH, original_concept_id=original.id)
        assert list(system.client.get_tasks(user_id)) == []

    def test_a_row_with_another_users_concept_fails(
        self, system: System, tasks: TaskService, original: ConceptRow, user_id: UUID
    ) -> None:
        """Whoever wrote the row: the worker looks again."""
        inputs = {"refinement_prompt": WISH, "original_concept_id": str(original.id)}
        row = started(system, tasks.create_task(user_id, TaskType.REFINEMENT, inputs))
        assert (row.status, row.error_message) == (TaskStatus.FAILED, f"{FAILED}original_concept_id: no such concept")

    @pytest.mark.parametrize("path", PATHS_ELSEWHERE)
    def test_the_client_refuses_a_path_outside_the_users_own_folder(
        self, system: System, original: ConceptRow, user_id: UUID, path: str
    ) -> None:
        """Another user's, or one that climbs; no row is made."""
        tried = path.format(user=user_id, task=original.task_id, theirs=original.image_path)
        with pytest.raises(InvalidRequest, match="original_image_path: must be an image path of one of your own"):
            system.client.refine(user_id=user_id, refinement_prompt=WISH, original_image_path=tried)
        assert list(system.client.get_tasks(user_id)) == []

    @pytest.mark.parametrize("path", PATHS_ELSEWHERE)
    def test_a_row_with_a_path_outside_the_users_own_folder_fails(
        self, system: System, tasks: TaskService, original: ConceptRow, user_id: UUID, path: str
    ) -> None:
        """Whoever wrote the row: the field is named, and the path is not repeated."""
        tried = path.format(user=user_id, task=original.task_id, theirs=original.image_path)
        inputs = {"refinement_prompt": WISH, "original_image_path": tried}
        row = started(system, tasks.create_task(user_id, TaskType.REFINEMENT, inputs))
        sentence = f"{FAILED}original_image_path: must be an image path of one of your own concepts"
        assert (row.status, row.error_message) == (TaskStatus.FAILED, sentence)

    def test_an_own_path_without_a_picture_fails(self, system: System, original: ConceptRow, user_id: UUID) -> None:
        """It lies in the right folder, and there is nothing."""
        row = refined(system, original, user_id=user_id, original_image_path=f"{user_id}/{uuid4()}/base.png")
        assert row.error_message == f"{FAILED}original_image_path: its image is no longer stored"

    def test_an_original_deleted_meanwhile_fails(
        self, system: System, stack: Stack, tasks: TaskService, user_id: UUID
    ) -> None:
        """Between asking and starting."""
        source = generated(system, user_id)
        inputs = {"refinement_prompt": WISH, "original_concept_id": str(source.id)}
        row = tasks.create_task(user_id, TaskType.REFINEMENT, inputs)
        run_sql(stack, f"delete from public.concepts where id = '{source.id}'")
        assert started(system, row).error_message == f"{FAILED}original_concept_id: no such concept"

    def test_an_original_whose_picture_was_deleted_fails(self, system: System, stack: Stack, user_id: UUID) -> None:
        """The concept is there, its picture is not."""
        source = generated(system, user_id)
        run_sql(stack, f"delete from storage.objects where name = '{source.image_path}'")
        row = refined(system, source)
        assert row.error_message == f"{FAILED}original_concept_id: its image is no longer stored"

    @pytest.mark.parametrize(
        "url",
        [
            "https://images.example/logo.png",
            "http://account.r2.cloudflarestorage.com/logo.png",
            "https://user@account.r2.cloudflarestorage.com/logo.png",
            "https://127.0.0.1/logo.png",
            "https://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
        ],
    )
    def test_an_address_that_is_not_fetched_fails(self, system: System, original: ConceptRow, url: str) -> None:
        """Another host, another scheme, a private address: refused in one sentence that repeats nothing of it."""
        row = refined(system, original, original_image_url=url)
        assert row.status is TaskStatus.FAILED
        assert row.error_message == f"{FAILED}This image link is not one we download from."


BAD: list[tuple[dict[str, Any], str]] = [
    ({"refinement_prompt": ""}, "refinement_prompt: "),
    ({"refinement_prompt": " \n "}, "refinement_prompt: "),
    ({"refinement_prompt": "x" * 501}, "refinement_prompt: "),
    ({"refinement_prompt": "a\x00b"}, "refinement_prompt: "),
    ({"logo_description": "x" * 501}, "logo_description: "),
    ({"theme_description": "a\x07b"}, "theme_description: "),
    ({"num_palettes": -1}, "num_palettes: "),
    ({"num_palettes": 21}, "num_palettes: "),
    ({"num_palettes": "seven"}, "num_palettes: "),
    ({"preserve_aspects": ["mood"]}, "preserve_aspects.0: "),
    ({"preserve_aspects": ["colors"] * 5}, "preserve_aspects: "),
    ({"original_concept_id": "no-uuid"}, "original_concept_id: "),
    ({"original_concept_id": None}, "give exactly one of them"),
    ({"original_image_url": "https://images.example/logo.png"}, "give exactly one of them"),
    ({"original_image_path": "x" * 301}, "original_image_path: "),
    ({"strength": 0.5}, "strength: unknown field, leave it out"),
]


class TestBadInput:
    """Named to whoever can mend it, at each of the three doors."""

    @pytest.mark.parametrize(("change", "says"), BAD)
    def test_the_client_refuses_it(
        self, system: System, original: ConceptRow, user_id: UUID, change: dict[str, Any], says: str
    ) -> None:
        """The field is named, and no row is made."""
        good: dict[str, Any] = {"refinement_prompt": WISH, "original_concept_id": original.id}
        with pytest.raises(InvalidRequest) as refused:
            system.client.refine(user_id=user_id, **(good | change))
        assert says in str(refused.value)
        assert list(system.client.get_tasks(user_id)) == []

    @pytest.mark.parametrize(
        ("inputs", "says"),
        [
            ({}, "refinement_prompt: required, but missing"),
            ({"refinement_prompt": WISH}, "give exactly one of them"),
            ({"refinement_prompt": WISH, "original_concept_id": 7}, "original_concept_id: "),
            ({"refinement_prompt": WISH, "original_image_path": "a", "size": 3}, "size: unknown field, leave it out"),
        ],
    )
    def test_a_row_fails_at_its_start(
        self, system: System, tasks: TaskService, user_id: UUID, inputs: dict[str, Any], says: str
    ) -> None:
        """A producer that writes rows itself hears of its mistake in the row."""
        row = started(system, tasks.create_task(user_id, TaskType.REFINEMENT, inputs))
        assert row.status is TaskStatus.FAILED
        assert says in (row.error_message or "")

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"refinement_prompt": None}, "Missing prompt/original URL for refinement task."),
            ({"original_image_url": ""}, "Missing prompt/original URL for refinement task."),
            ({"preserve_aspects": ["mood"]}, "Invalid request: preserve_aspects.0: "),
            ({"task_type": "concept_generation"}, "Invalid request: task_type: is not the type of this task"),
        ],
    )
    def test_a_message_of_the_original_fails_its_row(
        self, system: System, tasks: TaskService, user_id: UUID, change: dict[str, Any], sentence: str
    ) -> None:
        """In the original's own words where it had some; the row was never claimed."""
        row = tasks.create_task(user_id, TaskType.REFINEMENT)
        message = {
            "task_id": str(row.id),
            "user_id": str(user_id),
            "task_type": "concept_refinement",
            "refinement_prompt": WISH,
            "original_image_url": "https://account.r2.cloudflarestorage.com/logo.png",
            **change,
        }
        system.app.send_task(TaskName.DISPATCH.value, args=[message], queue=Queue.CONCEPTS.value)
        last = ended(system, row)
        assert (last.status, last.run) == (TaskStatus.FAILED, 0)
        assert (last.error_message or "").startswith(sentence)


class TestInOneProcess:
    """`process()`: the same stages without a broker."""

    @pytest.fixture
    def services(self, system: System) -> Iterator[Services]:
        """Real services over the embedded stack."""
        built = build_services(system.settings)
        yield built
        built.close()

    def test_process_and_canvas_store_the_same_concept(
        self, system: System, services: Services, original: ConceptRow
    ) -> None:
        """Same inputs, same row, same palettes; the pictures differ by the task's seed alone."""
        payload = RefinementPayload(
            refinement_prompt=WISH, original_concept_id=original.id, preserve_aspects=("layout",), num_palettes=2
        )
        inputs = payload.model_dump(mode="json", exclude_none=True)
        here = services.task_service.create_task(original.user_id, TaskType.REFINEMENT, inputs)
        there = services.task_service.create_task(original.user_id, TaskType.REFINEMENT, inputs)
        assert RefinementTaskProcessor(here.id, original.user_id, payload, services).process() is not None
        ends = [system.client.get_task(here.id, original.user_id), started(system, there)]
        concepts = [_shape(concept_of(system, row)) for row in ends]
        assert concepts[0] == concepts[1]
        states = [(row.status, row.progress, row.stage, row.run) for row in ends]
        assert states[0] == states[1]

    def test_trouble_ends_in_the_row_and_is_raised(
        self, system: System, services: Services, original: ConceptRow, user_id: UUID
    ) -> None:
        """The row says what failed in the words that a worker uses."""
        payload = RefinementPayload(refinement_prompt=WISH, original_concept_id=original.id)
        inputs = payload.model_dump(mode="json", exclude_none=True)
        row = services.task_service.create_task(user_id, TaskType.REFINEMENT, inputs)
        with pytest.raises(InvalidRequest):
            RefinementTaskProcessor(row.id, user_id, payload, services).process()
        assert ended(system, row).error_message == f"{FAILED}original_concept_id: no such concept"


def _shape(concept: ConceptRow) -> dict[str, Any]:
    """What two runs of the same inputs must have in common: all but ids, paths and times."""
    return concept.model_dump(
        exclude={"id": True, "task_id": True, "image_path": True, "image_url": True, "created_at": True}
        | {"variations": {"__all__": {"image_path", "image_url"}}}
    )
