"""The decoder's process as it is when some pictures kill it."""

from __future__ import annotations

from concept_worker.imaging import decoder
from concept_worker.imaging.codec import CleanImage, ImageLimits, to_clean_png
from tests.integration.tasks.poison import KILLS_DECODER, die


def _decoding(data: bytes, limits: ImageLimits) -> CleanImage:
    if KILLS_DECODER in data:
        die()
    return to_clean_png(data, limits)


decoder.to_clean_png = _decoding  # type: ignore[attr-defined]  # imported there

if __name__ == "__main__":
    decoder.main()
