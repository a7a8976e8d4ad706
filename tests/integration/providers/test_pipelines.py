"""Whole generations and refinements over HTTP: a real worker, and a provider that is a fake, on each of its wires."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.pictures import PlainArtist
from concept_worker.imaging.codec import decode_image
from concept_worker.imaging.recolor import plan_recolor
from concept_worker.models import ConceptRow, PaletteSource, TaskStatus
from concept_worker.payloads import Brief
from concept_worker.services.concept_service import seed_of
from concept_worker.services.providers.briefs import logo_brief
from concept_worker.settings import Settings
from tests.chaos.database import fetch
from tests.integration.providers.wired import LOGO, THEME, WISH, Wired

EVERY_WIRE = pytest.mark.parametrize("wires", ["jigsawstack_worker", "openai_worker", "links_worker"], indirect=True)
SIDE = 256


def pixels(content: bytes) -> tuple[int, int, bytes]:
    """What a picture shows."""
    picture = decode_image(content)
    return picture.width, picture.height, picture.convert("RGB").tobytes()


def only_call(wires: Wired, endpoint: str) -> Call:
    """The one call to an endpoint."""
    (call,) = [call for call in wires.fake.calls if call.endpoint == endpoint]
    return call


def seed_for(call: Call) -> int:
    """What the fake draws with: the seed it was given, or one made of the request."""
    return int(call.key[:7], 16) if call.seed is None else call.seed


class TestGeneration:
    """From the brief to stored pictures."""

    @EVERY_WIRE
    def test_a_generation_completes(self, wires: Wired, user_id: UUID) -> None:
        """One picture and one set of palettes are asked and paid for; every palette is the provider's."""
        row = wires.generate(user_id, num_palettes=3)
        sources = wires.sources(row)
        bill = {endpoint: cost for endpoint, cost in wires.bill().items() if endpoint != "result"}
        assert (row.status, sources) == (TaskStatus.COMPLETED, [PaletteSource.PROVIDER] * 3)
        assert bill == {"image": (1, 1), "palettes": (1, 1)}

    @EVERY_WIRE
    def test_the_stored_picture_is_the_drawn_one(self, wires: Wired, user_id: UUID) -> None:
        """What the provider drew for this prompt is what lies in the bucket, pixel by pixel."""
        concept = wires.concept(wires.generate(user_id))
        call = only_call(wires, "image")
        drawn = PlainArtist().draw(call.body["prompt"], seed_for(call), SIDE, SIDE)
        assert pixels(wires.picture(concept.image_path)) == pixels(drawn)

    @pytest.mark.parametrize("wires", ["jigsawstack_worker"], indirect=True)
    def test_the_variations_are_the_base_in_the_palettes_colours(self, wires: Wired, user_id: UUID) -> None:
        """As with the offline generator: whoever drew, the recoloring is ours."""
        concept = wires.concept(wires.generate(user_id, num_palettes=2))
        plan = plan_recolor(wires.picture(concept.image_path))
        stored = [wires.picture(variation.image_path) for variation in concept.variations]
        assert stored == [plan.paint(variation.colors) for variation in concept.variations]

    @pytest.mark.parametrize("wires", ["jigsawstack_worker"], indirect=True)
    def test_the_request_is_made_of_the_task_alone(self, wires: Wired, user_id: UUID) -> None:
        """The brief says what the user said, and the seed is the task's: a retry asks the same thing again."""
        row = wires.generate(user_id)
        call = only_call(wires, "image")
        brief = Brief(logo_description=LOGO, theme_description=THEME)
        assert (call.body["prompt"], call.seed) == (logo_brief(brief), seed_of(row.id))

    @pytest.mark.parametrize("wires", ["openai_worker", "links_worker"], indirect=True)
    def test_the_row_says_who_drew(self, wires: Wired, stack: Stack, user_id: UUID) -> None:
        """Provider and model for the user; tokens stay in the step's row, which no user reads."""
        row = wires.generate(user_id)
        concept = wires.concept(row)
        (step,) = fetch(
            stack.environment["DATABASE_URL"],
            "select output->'origin' as origin from task_steps where task_id = $1 and step = 'generate_base_image'",
            row.id,
        )
        origin = json.loads(step["origin"])
        assert (concept.provider, concept.model) == (origin["provider"], origin["model"])
        assert (concept.provider, concept.model) == ("openai", Settings(_env_file=None).openai_image_model)

    @pytest.mark.parametrize("wires", ["links_worker"], indirect=True)
    def test_a_picture_behind_a_link_is_fetched_once(self, wires: Wired, user_id: UUID) -> None:
        """The guarded download follows the provider's signed link."""
        row = wires.generate(user_id)
        assert (row.status, wires.calls("result")) == (TaskStatus.COMPLETED, 1)


class TestRefinement:
    """From a stored concept and a wish to stored pictures."""

    @EVERY_WIRE
    def test_a_refinement_completes(self, wires: Wired, original: ConceptRow) -> None:
        """One refined picture is asked and paid for, and no palettes."""
        row = wires.refine(original)
        bill = {endpoint: cost for endpoint, cost in wires.bill().items() if endpoint not in ("result", "store")}
        assert (row.status, wires.concept(row).variations) == (TaskStatus.COMPLETED, ())
        assert bill == {"refine": (1, 1)}

    @pytest.mark.parametrize("wires", ["openai_worker"], indirect=True)
    def test_palettes_of_a_refinement_are_the_providers(self, wires: Wired, original: ConceptRow) -> None:
        """Asked and paid for once, when they are wanted."""
        row = wires.refine(original, num_palettes=2)
        sources = wires.sources(row)
        assert (sources, wires.bill()["palettes"]) == ([PaletteSource.PROVIDER] * 2, (1, 1))

    @EVERY_WIRE
    def test_the_stored_picture_is_the_original_redrawn(self, wires: Wired, original: ConceptRow) -> None:
        """The provider got the original's very bytes, and its answer lies in the bucket."""
        concept = wires.concept(wires.refine(original))
        call = only_call(wires, "refine")
        source = wires.picture(original.image_path)
        drawn = PlainArtist().redraw(source, call.body["prompt"], seed_for(call), SIDE, SIDE)
        assert pixels(wires.picture(concept.image_path)) == pixels(drawn)

    @EVERY_WIRE
    def test_the_wish_and_what_has_to_stay_reach_the_provider(self, wires: Wired, original: ConceptRow) -> None:
        """In words, because the wires have no field for them; the descriptions are the original's."""
        wires.refine(original)
        lines = only_call(wires, "refine").body["prompt"].splitlines()
        assert {f"Change: {WISH}", "Keep: layout", f"What the logo shows: {LOGO}"} <= set(lines)

    @pytest.mark.parametrize("wires", ["jigsawstack_worker"], indirect=True)
    def test_the_original_does_not_stay_with_the_provider(self, wires: Wired, original: ConceptRow) -> None:
        """It goes into the provider's file store for the call, and out of it again."""
        wires.refine(original)
        assert (wires.calls("store"), wires.fake.stored_files()) == (1, [])
