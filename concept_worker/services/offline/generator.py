"""The generator that needs no account: logos drawn from their description, palettes from their theme."""

from __future__ import annotations

from concept_worker.imaging.harmony import harmonize
from concept_worker.imaging.oklch import hex_to_rgb
from concept_worker.models import Palette
from concept_worker.services.offline.composition import compose
from concept_worker.services.offline.drawing import Dice, Ink
from concept_worker.services.offline.lettering import typeset
from concept_worker.services.offline.raster import Caption, rasterize
from concept_worker.services.offline.reading import read
from concept_worker.services.offline.refinement import refine

_MARK = (13.0, 13.0, 87.0, 87.0)  # where the mark goes on the picture, in hundredths
_MARK_ABOVE_NAME = (18.0, 8.0, 82.0, 72.0)


class OfflineGenerator:
    """A `ConceptGenerator` that draws. Same words and seed, same bytes; no network, no state, safe between threads."""

    name = "offline"

    def __init__(self, *, size: int = 1024) -> None:
        self._size = size

    def generate_image(self, logo_description: str, theme_description: str, *, seed: int) -> bytes:
        reading = read(logo_description)
        colors = [hex_to_rgb(color) for color in harmonize(theme_description, logo_description, 1)[0].colors]
        name = typeset(reading.wordmark)
        mark = compose(reading, Dice(logo_description, theme_description, seed))
        mark = mark.fit(*(_MARK_ABOVE_NAME if name else _MARK))
        caption = Caption(name, middle=84.0, height=6.4, width=82.0, ink=Ink.PRIMARY) if name else None
        return rasterize(mark, colors, self._size, caption)

    def generate_palettes(self, theme_description: str, logo_description: str, count: int) -> list[Palette]:
        return harmonize(theme_description, logo_description, count)

    def refine_image(
        self,
        original: bytes,
        refinement_prompt: str,
        *,
        logo_description: str,
        theme_description: str,
        preserve_aspects: tuple[str, ...],
        seed: int,
    ) -> bytes:
        return refine(original, refinement_prompt, preserve_aspects, seed)

    def close(self) -> None:
        """Nothing to let go of."""
