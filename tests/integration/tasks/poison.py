"""concept_worker's Celery app as it is when some rows kill whatever process works on them: broken from outside."""

from __future__ import annotations

import functools
import os
import signal
from typing import Any

from concept_worker.celery import app
from concept_worker.imaging.codec import CleanImage, ImageLimits, to_clean_png
from concept_worker.pipelines.concept import ConceptTaskProcessor
from concept_worker.services import image_service

__all__ = ["KILLS_DECODER", "KILLS_PAINTER", "app"]

KILLS_DECODER = b"this picture kills its decoder"  # somewhere in its bytes
KILLS_PAINTER = "a brief whose variations kill their worker"

_create_variations = ConceptTaskProcessor.create_variations


def _die() -> None:
    """As when the kernel takes the process for its memory, or native code breaks it."""
    os.kill(os.getpid(), signal.SIGKILL)


def _decoding(data: bytes, limits: ImageLimits) -> CleanImage:
    if KILLS_DECODER in data:
        _die()
    return to_clean_png(data, limits)


@functools.wraps(_create_variations)
def _painting(self: ConceptTaskProcessor[Any], *args: Any) -> Any:
    if self.payload.logo_description == KILLS_PAINTER:
        _die()
    return _create_variations(self, *args)


image_service.to_clean_png = _decoding  # type: ignore[attr-defined]  # imported there
ConceptTaskProcessor.create_variations = _painting  # type: ignore[method-assign]
