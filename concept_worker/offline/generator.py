"""The generator that needs no account: it draws logos from their description and palettes from their theme."""

from __future__ import annotations

import threading

from concept_worker.models import Origin, Palette
from concept_worker.offline.composition import compose
from concept_worker.offline.drawing import Dice, Ink
from concept_worker.offline.lettering import typeset
from concept_worker.offline.raster import Caption, rasterize
from concept_worker.offline.reading import read
from concept_worker.offline.refinement import refine
from concept_worker.palettes.harmony import harmonize
from concept_worker.palettes.oklch import hex_to_rgb
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import ConceptGenerator, Picture

# Drawing a picture takes some 60 MB: further worker threads wait.
_AT_ONCE = threading.BoundedSemaphore(2)
_ORIGIN = Origin(provider="offline", cost=0.0)
_MARK = (13.0, 13.0, 87.0, 87.0)  # the mark's box on the picture, in hundredths
_MARK_ABOVE_NAME = (18.0, 8.0, 82.0, 72.0)


class OfflineGenerator(ConceptGenerator):
    """A `ConceptGenerator` that draws: the same words and seed give the same bytes. It has no network and no state."""

    def __init__(self, *, size: int = 1024) -> None:
        self._size = size

    def draw(self, brief: Brief, *, seed: int) -> Picture:
        reading = read(brief.logo_description)
        colors = [
            hex_to_rgb(color) for color in harmonize(brief.theme_description, brief.logo_description, 1)[0].colors
        ]
        name = typeset(reading.wordmark)
        mark = compose(reading, Dice(brief.logo_description, brief.theme_description, seed))
        mark = mark.fit(*(_MARK_ABOVE_NAME if name else _MARK))
        caption = Caption(name, middle=84.0, height=6.4, width=82.0, ink=Ink.PRIMARY) if name else None
        with _AT_ONCE:
            return Picture(rasterize(mark, colors, self._size, caption), _ORIGIN)

    @property
    def proposes_palettes(self) -> bool:
        return True

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        return harmonize(brief.theme_description, brief.logo_description, count)

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture:
        with _AT_ONCE:
            return Picture(refine(original, wish.refinement_prompt, wish.preserve_aspects, seed), _ORIGIN)

    def close(self) -> None:
        """Do nothing: there are no connections."""
