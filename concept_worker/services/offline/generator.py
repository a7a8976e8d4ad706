"""The generator that needs no account: logos drawn from their description, palettes from their theme."""

from __future__ import annotations

import threading

from concept_worker.errors import PictureGone
from concept_worker.imaging.harmony import harmonize
from concept_worker.imaging.oklch import hex_to_rgb
from concept_worker.models import Palette, Receipt
from concept_worker.services.offline.composition import compose
from concept_worker.services.offline.drawing import Dice, Ink
from concept_worker.services.offline.lettering import typeset
from concept_worker.services.offline.raster import Caption, rasterize
from concept_worker.services.offline.reading import read
from concept_worker.services.offline.refinement import refine

# A picture in work takes some 60 MB: worker threads that draw wait for one another beyond this many.
_AT_ONCE = threading.BoundedSemaphore(2)
_MARK = (13.0, 13.0, 87.0, 87.0)  # where the mark goes on the picture, in hundredths
_MARK_ABOVE_NAME = (18.0, 8.0, 82.0, 72.0)


class OfflineGenerator:
    """A `ConceptGenerator` that draws: same words and seed, same bytes. No network, no state of its own."""

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
        with _AT_ONCE:
            return rasterize(mark, colors, self._size, caption)

    def collect(self, receipt: Receipt) -> bytes:
        raise PictureGone("The illustrator gives no receipts.")

    def abandon(self, receipt: Receipt) -> None:
        """Do nothing: nothing is ordered here."""

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
        with _AT_ONCE:
            return refine(original, refinement_prompt, preserve_aspects, seed)

    def close(self) -> None:
        """Nothing to let go of."""
