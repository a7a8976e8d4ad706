"""The generation pipeline through a real worker process, a real broker and the embedded Supabase."""

from __future__ import annotations

from uuid import UUID

from celery.result import AsyncResult

from concept_worker.client import ConceptClient
from concept_worker.imaging.recolor import plan_recolor
from concept_worker.models import TaskRow, TaskStatus
from concept_worker.services.concept_service import seed_of
from tests.conftest import StartSystem, System
from tests.drawing import drawn
from tests.waiting import until

LOGO, THEME = "an owl reading a book", "calm nordic morning"


def looks_until_the_end(client: ConceptClient, row: TaskRow) -> list[TaskRow]:
    """Every different look at a row until it is terminal."""
    looks = [row]

    def ended() -> bool:
        look = client.get_task(row.id, row.user_id)
        if look.updated_at != looks[-1].updated_at:
            looks.append(look)
        return look.status.is_terminal

    until(ended, "the row to end")
    return looks


def finished(client: ConceptClient, row: TaskRow) -> TaskRow:
    """The last look."""
    return looks_until_the_end(client, row)[-1]


class TestARunThatGoesWell:
    """What the user sees of it, and what is stored."""

    def test_states_come_in_order_and_progress_rises(self, system: System, user_id: UUID) -> None:
        """Seen from outside: pending, processing, completed, and progress never falls."""
        row = system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME)
        looks = looks_until_the_end(system.client, row)
        states = list(dict.fromkeys(look.status for look in looks))
        assert states == [TaskStatus.PENDING, TaskStatus.PROCESSING, TaskStatus.COMPLETED]
        progress = [look.progress for look in looks]
        assert progress == sorted(progress)
        assert progress[-1] == 100
        assert len(set(progress)) > 3

    def test_one_id_names_row_celery_result_and_concept(self, system: System, user_id: UUID) -> None:
        """The Celery result under the row's id is the concept's id."""
        row = finished(
            system.client, system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME)
        )
        result: AsyncResult[str] = AsyncResult(str(row.id), app=system.app)
        until(lambda: result.state == "SUCCESS", "the last step's result")
        concept = system.client.get_concept(row.id, user_id)
        assert concept is not None
        assert (result.result, concept.task_id) == (str(concept.id), row.id)

    def test_stored_pictures_are_the_drawn_and_recolored_ones(self, system: System, user_id: UUID) -> None:
        """The base is what the generator draws for this task; each variation is the base in its palette's colours."""
        row = finished(
            system.client,
            system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=3),
        )
        concept = system.client.get_concept(row.id, user_id)
        assert concept is not None
        base = drawn(LOGO, THEME, seed=seed_of(row.id), size=1024)
        plan = plan_recolor(base)
        assert system.client.load_image(concept.image_path, user_id) == base
        assert [variation.position for variation in concept.variations] == [1, 2, 3]
        for variation in concept.variations:
            assert system.client.load_image(variation.image_path, user_id) == plan.paint(variation.colors)

    def test_links_open_without_a_key(self, system: System, user_id: UUID) -> None:
        """A signed link for each picture, and nothing but the picture behind it."""
        import httpx

        row = finished(
            system.client,
            system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1),
        )
        concept = system.client.get_concept(row.id, user_id)
        assert concept is not None
        links = system.client.get_links(concept, user_id)
        assert len(links) == 2
        for path, link in links.items():
            assert httpx.get(link).content == system.client.load_image(path, path.partition("/")[0])


class TestARunThatFails:
    """Whichever step fails, the row says which, and no concept row is left."""

    def failed_row(self, system: System, user_id: UUID, logo: str = LOGO) -> TaskRow:
        row = finished(
            system.client,
            system.client.generate(user_id=user_id, logo_description=logo, theme_description=THEME, num_palettes=2),
        )
        result: AsyncResult[str] = AsyncResult(str(row.id), app=system.app)
        until(lambda: result.state == "FAILURE", "Celery to know the run failed")
        return row

    def test_failing_header_step(self, start_system: StartSystem, user_id: UUID) -> None:
        """A base image that cannot be stored fails the run with the header's sentence."""
        system = start_system(CONCEPT_STORAGE_BUCKET_CONCEPT="no-such-bucket")
        row = self.failed_row(system, user_id)
        assert (row.status, row.result_id) == (TaskStatus.FAILED, None)
        assert row.error_message is not None
        assert row.error_message.startswith("Error in generation task processing: Storing base image failed: ")

    def test_failing_body(self, start_system: StartSystem, user_id: UUID) -> None:
        """Variations that cannot be stored fail the run with the body's sentence."""
        system = start_system(CONCEPT_STORAGE_BUCKET_PALETTE="no-such-bucket")
        row = self.failed_row(system, user_id)
        assert (row.status, row.result_id) == (TaskStatus.FAILED, None)
        assert row.error_message is not None
        assert "Failed to create palette variations: " in row.error_message

    def test_failing_last_step(self, system: System, user_id: UUID, refused_logo: str) -> None:
        """A concept that the database refuses fails the run with the last step's sentence and leaves no concept."""
        row = self.failed_row(system, user_id, refused_logo)
        assert (row.status, row.result_id) == (TaskStatus.FAILED, None)
        assert row.error_message is not None
        assert "Storing concept data failed: " in row.error_message

    def test_image_that_is_too_large(self, start_system: StartSystem, user_id: UUID) -> None:
        """An image beyond the limits fails the run before anything is stored."""
        system = start_system(CONCEPT_MAX_IMAGE_PIXELS="1000")
        row = self.failed_row(system, user_id)
        assert row.error_message is not None
        assert "Error getting image data: " in row.error_message

    def test_a_clean_picture_may_be_larger_than_what_may_come(self, start_system: StartSystem, user_id: UUID) -> None:
        """Staging gives it back, however little a foreign file may hold; else each run would pay for it again."""
        system = start_system(CONCEPT_MAX_IMAGE_BYTES="1024")
        row = system.client.generate(user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=1)
        last = finished(system.client, row)
        assert (last.status, last.run) == (TaskStatus.COMPLETED, 1)
