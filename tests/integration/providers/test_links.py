"""A refinement whose original lies behind a link, as the original's producers ask for it."""

from __future__ import annotations

from uuid import UUID

import pytest

from concept_worker.models import ConceptRow, TaskStatus, TaskType
from concept_worker.routing import Queue, TaskName
from tests.integration.providers.wired import LOGO, THEME, WISH, Wired

pytestmark = pytest.mark.parametrize("wires", ["links_worker"], indirect=True)


@pytest.fixture
def link(wires: Wired, original: ConceptRow) -> str:
    """A signed link to a stored picture."""
    return wires.system.client.get_links(original, original.user_id)[original.image_path]


def test_an_original_behind_a_link_is_refined(wires: Wired, user_id: UUID, link: str) -> None:
    """On an allowed host: completed, without descriptions, because there is no concept to take them from."""
    concept = wires.concept(wires.refine_link(user_id, link))
    assert (concept.refinement_prompt, concept.logo_description, concept.theme_description) == (WISH, "", "")


def test_the_stored_link_has_no_signature(wires: Wired, user_id: UUID, link: str) -> None:
    """The concept remembers where its original came from, and not the secret that opened it."""
    concept = wires.concept(wires.refine_link(user_id, link))
    assert concept.original_image_url == link.partition("?")[0]


def test_palettes_without_a_theme_are_made_for_the_wish(wires: Wired, user_id: UUID, link: str) -> None:
    """Something has to say what the colours are like."""
    wires.refine_link(user_id, link, num_palettes=1)
    (call,) = [call for call in wires.fake.calls if call.endpoint == "palettes"]
    assert WISH in call.body["messages"][-1]["content"]


def test_a_link_whose_signature_is_wrong_fails_the_row(wires: Wired, user_id: UUID, link: str) -> None:
    """Nothing is asked of the provider."""
    row = wires.refine_link(user_id, link[:-3])
    assert (row.status, wires.fake.calls) == (TaskStatus.FAILED, [])
    assert row.error_message == (
        "Error in refinement task processing: Failed to download original image: "
        "The link does not lead to an image any more."
    )


def test_a_link_to_something_else_fails_the_row(wires: Wired, user_id: UUID) -> None:
    """A page on an allowed host is no image, and nothing is asked of the provider."""
    row = wires.refine_link(user_id, f"{wires.fake.url}/__calls")
    assert (row.status, wires.fake.calls) == (TaskStatus.FAILED, [])
    assert row.error_message is not None
    assert "Error getting image data: " in row.error_message


def test_the_originals_message_is_run(wires: Wired, user_id: UUID, link: str) -> None:
    """`dispatch` takes a refinement as the original's producer sends it, and nothing of it is dropped."""
    tasks = wires.system.client._records.task_service
    row = tasks.create_task(user_id, TaskType.REFINEMENT)
    message = {
        "task_id": str(row.id),
        "user_id": str(user_id),
        "task_type": "concept_refinement",
        "refinement_prompt": WISH,
        "original_image_url": link,
        "logo_description": LOGO,
        "theme_description": THEME,
    }
    wires.system.app.send_task(TaskName.DISPATCH.value, args=[message], queue=Queue.CONCEPTS.value)
    concept = wires.concept(wires.ended(row))
    kept = (concept.refinement_prompt, concept.logo_description, concept.theme_description, concept.original_image_url)
    assert kept == (WISH, LOGO, THEME, link.partition("?")[0])
