"""A survey of a picture: which colours occur, how often, how noisy they are, and what lies around the drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from concept_worker.imaging.recolor.cells import CELLS, RGB, Words, cell_of, channels_of, words_of

# Enough to see a mark of 0.05 % of the area 20 times; more samples change no ink and cost 60 ns each.
SAMPLES = 60_000
# Neighbours in one flat area differ by at most this; the steps of a soft edge differ by more.
FLAT_STEP = 8
# Above this standard deviation a picture is surveyed shrunk by four, where its noise is a quarter.
NOISY = 3.0
# Median of |a - b| of two normal values, in standard deviations: 0.6745 x sqrt(2).
_MEDIAN_STEP = 0.954
# A pixel fainter than this shows too little of its colour to vote.
VISIBLE_ALPHA = 32
# The part of a side that is the border; the part of the border that must be see-through for there to be no ground.
_BORDER = 0.01
_OPEN_BORDER = 0.5
_RIM_SAMPLES = 20_000


@dataclass(frozen=True)
class Survey:
    """The findings from the sampled pixels. Counts are per colour cell (`cell_of`), arrays of shape (CELLS,)."""

    everywhere: NDArray[np.int64]  # all visible samples
    flat: NDArray[np.int64]  # samples that look like their neighbours: never an edge
    visible: Words  # the visible samples themselves, 0x00BBGGRR
    rim: Words  # pixels along the border; none when most of it is see-through
    samples: Words  # the flat samples
    noise: float  # standard deviation in levels, 0 for a clean drawing
    sample_noise: float  # the same of the samples, which come from a shrunk copy when the picture is noisy


def survey(image: Image.Image, words: Words) -> Survey:
    """Sample a regular grid of the picture's pixels; of a shrunk copy when they are noisy."""
    noise = _noise_of(grid_of(words))
    shrunk = noise >= NOISY and min(image.size) >= 64
    if shrunk:
        words = words_of(image.reduce(4))
    with_alpha = image.mode == "RGBA"
    grid = grid_of(words)
    here, right, below = (part.ravel() for part in grid)
    flat = _alike(here, right) & _alike(here, below)
    if with_alpha:
        visible = here >> 24 >= VISIBLE_ALPHA
        flat &= visible
        here_visible = here[visible]
    else:
        here_visible = here
    samples = here[flat]
    return Survey(
        np.bincount(cell_of(here_visible), minlength=CELLS),
        np.bincount(cell_of(samples), minlength=CELLS),
        here_visible & RGB,
        _rim(words, with_alpha) & RGB,
        samples & RGB,
        noise,
        noise / 4 if shrunk else noise,
    )


def grid_of(words: Words, offset: int = 1) -> tuple[Words, Words, Words]:
    """Return every n-th pixel in both axes, and the pixels `offset` to its right and below (at the rim: the last)."""
    step = max(1, int(np.ceil(np.sqrt(words.size / SAMPLES))))
    height, width = words.shape
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    here = words[::step, ::step]
    right = words[::step, np.minimum(columns + offset, width - 1)]
    below = words[np.minimum(rows + offset, height - 1), ::step]
    return here, right, below


def _noise_of(grid: tuple[Words, Words, Words]) -> float:
    """Estimate the standard deviation of green between neighbours by the median, which edges do not change."""
    here, right, _ = grid
    step = np.abs((here >> 8 & 0xFF).astype(np.int16) - (right >> 8 & 0xFF).astype(np.int16))
    counts = np.cumsum(np.bincount(step.ravel(), minlength=256))
    return float(np.searchsorted(counts, counts[-1] / 2, side="right")) / _MEDIAN_STEP if counts[-1] else 0.0


def _alike(first: Words, second: Words) -> NDArray[np.bool_]:
    """Tell for each pixel whether no channel differs by more than the step of a flat area."""
    alike = np.ones(first.shape, bool)
    for one, other in zip(channels_of(first), channels_of(second), strict=True):
        alike &= np.abs(one - other) <= FLAT_STEP
    return alike


def _rim(words: Words, with_alpha: bool) -> Words:
    """Return the opaque pixels along the border; none when most of the border is see-through."""
    height, width = words.shape
    deep = max(1, round(min(height, width) * _BORDER))
    rim = np.concatenate(
        [words[:deep].ravel(), words[-deep:].ravel(), words[:, :deep].ravel(), words[:, -deep:].ravel()]
    )
    if with_alpha:
        opaque = rim[rim >> 24 >= 255 - VISIBLE_ALPHA]
        return opaque if len(opaque) >= len(rim) * (1 - _OPEN_BORDER) else opaque[:0]
    return rim[:: max(1, len(rim) // _RIM_SAMPLES)]
