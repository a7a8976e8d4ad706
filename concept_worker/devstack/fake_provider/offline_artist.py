"""Real logos from the fake: the offline generator draws the brief."""

from __future__ import annotations

from concept_worker.devstack.fake_provider.pictures import PlainArtist
from concept_worker.offline.generator import OfflineGenerator
from concept_worker.payloads import Aspect, Brief, Wish
from concept_worker.services.providers.briefs import CHANGE_LINE, KEEP_LINE, LOGO_LINE, THEME_LINE


class OfflineArtist:
    """An artist of real logos in squares; other formats go to the plain artist."""

    def __init__(self) -> None:
        self._plain = PlainArtist()

    def draw(self, prompt: str, seed: int, width: int, height: int) -> bytes:
        if width != height:
            return self._plain.draw(prompt, seed, width, height)
        logo, theme = _line(prompt, LOGO_LINE) or prompt, _line(prompt, THEME_LINE)
        brief = Brief.model_construct(logo_description=logo, theme_description=theme)  # a provider takes any text
        return OfflineGenerator(size=width).draw(brief, seed=seed).content

    def redraw(self, original: bytes, prompt: str, seed: int, width: int, height: int) -> bytes:
        named = {part.strip() for part in _line(prompt, KEEP_LINE).split(",")}
        wish = Wish.model_construct(
            refinement_prompt=_line(prompt, CHANGE_LINE) or prompt,
            theme_description=_line(prompt, THEME_LINE),
            preserve_aspects=tuple(aspect for aspect in Aspect if aspect in named),
        )
        return OfflineGenerator(size=width).refine(original, wish, seed=seed).content


def _line(prompt: str, lead: str) -> str:
    """Return the rest of the line that begins with `lead`; empty when there is none."""
    return next((line.removeprefix(lead) for line in prompt.splitlines() if line.startswith(lead)), "")
