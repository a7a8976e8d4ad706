"""concept_worker's Celery app as it is when some rows kill whatever process works on them: broken from outside."""

from __future__ import annotations

import functools
import os
import signal
from pathlib import Path
from typing import Any

from concept_worker.celery import app
from concept_worker.imaging.codec import CleanImage
from concept_worker.pipelines.concept import ConceptTaskProcessor
from concept_worker.services.decoding import decoder
from concept_worker.services.decoding.decoder import IsolatedDecoder

__all__ = ["KILLS_DECODER", "KILLS_PAINTER", "KILLS_WORKER", "app"]

# Somewhere in a picture's bytes
KILLS_DECODER = b"this picture kills its decoder"  # see deadly_decoder.py
KILLS_WORKER = b"this picture kills whoever has it in hand"
KILLS_PAINTER = "a brief whose variations kill their worker"

_create_variations = ConceptTaskProcessor.create_variations.method
_to_clean_png = IsolatedDecoder.to_clean_png


def die() -> None:
    """As when the kernel takes the process for its memory, or native code breaks it."""
    os.kill(os.getpid(), signal.SIGKILL)


@functools.wraps(_to_clean_png)
def _giving_to_decode(self: IsolatedDecoder, content: bytes, **whose: Any) -> CleanImage:
    if KILLS_WORKER in content:
        die()
    return _to_clean_png(self, content, **whose)


@functools.wraps(_create_variations)
def _painting(self: ConceptTaskProcessor[Any], *args: Any) -> Any:
    if self.payload.logo_description == KILLS_PAINTER:
        die()
    return _create_variations(self, *args)


IsolatedDecoder.to_clean_png = _giving_to_decode  # type: ignore[method-assign]
decoder.START = Path(__file__).with_name("deadly_decoder.py")
step: Any = ConceptTaskProcessor.create_variations
step.method = _painting
