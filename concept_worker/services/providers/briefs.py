"""The prompts for the models, in one place, so that every provider gets the same request."""

from __future__ import annotations

from concept_worker.models import PALETTE_ROLES
from concept_worker.payloads import Brief, Wish

NEGATIVE = (
    "photograph, photorealistic, 3d render, blurry, noise, watermark, signature, mockup, frame, "
    "busy background, complex gradients, illegible text, several logos"
)

# How the lines of a brief begin; the fake provider reads them back.
LOGO_LINE = "Design a logo: "
THEME_LINE = "Theme and mood of the brand: "
CHANGE_LINE = "Change: "
KEEP_LINE = "Keep: "

_STYLE = (
    "Minimal flat vector style: simple shapes, clean edges, few solid colours, strong contrast, one clear mark that "
    "still reads in a single colour and at small sizes. The mark stands alone, centred, on a plain background that is "
    "clearly set apart from it. No photographic detail and no complex gradients; lettering only if it is asked for."
)

PALETTE_TASK = (
    "You are a brand designer. Propose exactly {count} colour palettes for a logo, each different in mood. "
    "A palette is five distinct colours, one for each role: " + ", ".join(PALETTE_ROLES) + ". "
    "Colours are written #RRGGBB. Primary, secondary and accent must stand out from the background. "
    "Among the palettes, as far as their number allows: one monochromatic, one of complementary colours, one of high "
    "contrast, one on a white background and one on a dark background. "
    "Give each a short, distinct name and one sentence of description."
)


def logo_brief(brief: Brief) -> str:
    """Return the prompt for a new logo."""
    return f"{LOGO_LINE}{brief.logo_description}\n{THEME_LINE}{brief.theme_description}\n{_STYLE}"


def refinement_brief(wish: Wish) -> str:
    """Return the prompt to change an existing logo; the wire has no other way to say how much is kept."""
    keep = ", ".join(wish.preserve_aspects) if wish.preserve_aspects else "everything the change does not touch"
    lines = [
        "Refine the logo in the given image; the result must be recognisably the same logo.",
        f"{CHANGE_LINE}{wish.refinement_prompt}",
        f"{KEEP_LINE}{keep}",
        f"What the logo shows: {wish.logo_description}" if wish.logo_description else "",
        f"{THEME_LINE}{wish.theme_description}" if wish.theme_description else "",
        _STYLE,
    ]
    return "\n".join(line for line in lines if line)
