"""Plan once, paint many times: a picture is analysed once; each palette then only fills a table of 256 colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concept_worker.imaging.codec import DEFAULT_LIMITS, ImageLimits, decode_image, fit_png
from concept_worker.imaging.recolor.cells import words_of
from concept_worker.imaging.recolor.colors import parse_hex
from concept_worker.imaging.recolor.inks import Inks, find_inks
from concept_worker.imaging.recolor.layout import lay_out, noise_radii
from concept_worker.imaging.recolor.mixing import unmix
from concept_worker.imaging.recolor.picture import OpenPicture, open_picture
from concept_worker.imaging.recolor.roles import Marks, match_roles, read_marks
from concept_worker.imaging.recolor.survey import survey


@dataclass(frozen=True)
class RecolorPlan:
    """A picture taken apart into inks and mixes; `paint` is cheap, pure, and may be called from any thread."""

    width: int  # pixels
    height: int
    inks: Inks
    _marks: Marks
    _picture: OpenPicture
    _limits: ImageLimits

    def paint(self, colors: Sequence[str]) -> bytes:
        """Return the picture as PNG in the palette's colours: "#RRGGBB" by role position.

        Raises:
            ValueError: a colour in another notation, or no colour at all.
        """
        if not colors:
            raise ValueError("a palette needs a color")
        palette = np.array([parse_hex(color) for color in colors], float)
        return fit_png(self._picture.png(match_roles(self._marks, palette)), self._limits)


def plan_recolor(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> RecolorPlan:
    """Analyse a PNG, JPEG or WebP picture so that it can be painted in any palette.

    Raises:
        InvalidImage: as `codec.decode_image`.
    """
    image = decode_image(data, limits)
    words = words_of(image)
    seen = survey(image, words)
    inks = find_inks(seen)
    mixes = unmix(words, inks, seen, noise_radii(seen, inks))
    layout = lay_out(words, image.mode == "RGBA", inks, seen.noise, mixes)
    alphas = (words >> 24).astype(np.uint8) if image.mode == "RGBA" else None
    return RecolorPlan(
        image.width, image.height, inks, read_marks(inks, layout), open_picture(mixes, alphas, len(inks)), limits
    )
