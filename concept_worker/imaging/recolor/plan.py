"""Plan once, paint many: a picture is understood once, and a palette then only fills a table of 256 colours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from concept_worker.imaging.codec import DEFAULT_LIMITS, ImageLimits, decode_image
from concept_worker.imaging.recolor.colors import Floats, parse_hex
from concept_worker.imaging.recolor.inks import Inks, find_inks
from concept_worker.imaging.recolor.mixing import unmix
from concept_worker.imaging.recolor.png import indexed_pixels, indexed_png
from concept_worker.imaging.recolor.roles import match_roles
from concept_worker.imaging.recolor.survey import survey, words_of
from concept_worker.imaging.recolor.tables import Table, make_table

_DEFLATE_LEVEL = 6


@dataclass(frozen=True)
class RecolorPlan:
    """What a picture is made of; `paint` is cheap, pure, and may be called from any thread."""

    width: int
    height: int
    inks: Inks
    _table: Table
    _pixels: bytes
    _see_through: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def paint(self, colors: Sequence[str]) -> bytes:
        """The picture as PNG in the palette's colours: "#RRGGBB" by role position.

        Raises:
            ValueError: a colour in another notation, or none.
        """
        palette = np.array([parse_hex(color) for color in colors], float)
        targets = match_roles(self.inks, palette)
        if self._see_through:
            indices, alphas = self._see_through
            colors_ = _mix(self._table, targets)[indices]
            buffer = io.BytesIO()
            Image.fromarray(np.dstack([colors_, alphas])).save(buffer, "PNG")
            return buffer.getvalue()
        return indexed_png(self.width, self.height, _mix(self._table, targets), b"", self._pixels)


def plan_recolor(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> RecolorPlan:
    """Understand a PNG, JPEG or WebP picture so that it can be painted in any palette.

    Raises:
        InvalidImage: as `codec.decode_image`.
    """
    image = decode_image(data, limits)
    words = words_of(image)
    seen = survey(image, words)
    inks = find_inks(seen)
    mixes = unmix(words, inks, seen.noise, np.full(len(inks), 0.5 + 2 * seen.noise))
    table = make_table(mixes, len(inks))
    indices = np.take(table.entry_of_key, mixes.keys)
    if image.mode == "RGBA":
        alphas = (words >> 24).astype(np.uint8)
        return RecolorPlan(image.width, image.height, inks, table, b"", (indices, alphas))
    return RecolorPlan(image.width, image.height, inks, table, indexed_pixels(indices, _DEFLATE_LEVEL))


def _mix(table: Table, targets: Floats) -> NDArray[np.uint8]:
    share = table.share[:, None]
    colors = targets[table.first] * (1 - share) + targets[table.second] * share
    return np.rint(colors).astype(np.uint8)
