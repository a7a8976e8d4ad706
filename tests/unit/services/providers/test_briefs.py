"""What models are asked, in words."""

from __future__ import annotations

from concept_worker.models import PALETTE_ROLES
from concept_worker.payloads import Aspect, Brief, Wish
from concept_worker.services.providers.briefs import PALETTE_TASK, logo_brief, refinement_brief


def test_a_logo_brief_holds_both_descriptions() -> None:
    """And stays far below the provider's 5,000 characters at the longest inputs."""
    brief = logo_brief(Brief(logo_description="l" * 500, theme_description="t" * 500))
    assert "l" * 500 in brief
    assert "t" * 500 in brief
    assert len(brief) < 2500


def test_a_refinement_brief_drops_nothing() -> None:
    """Change, what to keep, logo and theme."""
    brief = refinement_brief(
        Wish(
            refinement_prompt="make it blue",
            logo_description="a fox",
            theme_description="calm",
            preserve_aspects=(Aspect.LAYOUT, Aspect.STYLE),
        )
    )
    for part in ("make it blue", "a fox", "calm", "layout, style"):
        assert part in brief


def test_a_refinement_brief_keeps_everything_else_by_default() -> None:
    """Without aspects and descriptions there are no empty lines."""
    brief = refinement_brief(Wish(refinement_prompt="make it blue"))
    assert "everything the change does not touch" in brief
    assert "\n\n" not in brief


def test_the_palette_task_has_one_variable() -> None:
    """The count; the five roles are spelled out."""
    task = PALETTE_TASK.format(count=7)
    assert "exactly 7" in task
    assert all(role in task for role in PALETTE_ROLES)
