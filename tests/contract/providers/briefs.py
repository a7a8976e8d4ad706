"""What the adapters are asked for."""

from __future__ import annotations

from concept_worker.payloads import Aspect, Brief, Wish

BRIEF = Brief(logo_description="a fox reading a book", theme_description="calm nordic morning")
WISH = Wish(
    refinement_prompt="make the fox blue",
    logo_description=BRIEF.logo_description,
    theme_description=BRIEF.theme_description,
    preserve_aspects=(Aspect.LAYOUT,),
)
