"""Decoding of untrusted images in child processes, fair between the users whose pictures they are."""

from __future__ import annotations

import os
import subprocess
from threading import Event
from uuid import UUID

from concept_worker.errors import DecoderLost, InvalidImage
from concept_worker.imaging.codec import CleanImage, ImageLimits, inspect_image, is_accepted_drawing
from concept_worker.services.decoding import child as decoder
from concept_worker.services.decoding.process import DecoderProcess, PictureEndedProcess
from concept_worker.services.decoding.turns import FairTurns

START = decoder.START  # the script that such a process runs
_LONGEST = 60.0  # seconds for one picture on a loaded machine
_CPU_SECONDS = 20.0  # for one picture; the largest that is accepted takes a quarter of that
_FEWEST, _MOST = 2, 4  # processes; from two on, one user never holds all


class IsolatedDecoder:
    """A small pool of processes that decode, one picture at a time each. They start when a picture needs them.

    Any thread may use it. The processes end with `close`, and with the process that started them.
    """

    def __init__(self, *, limits: ImageLimits, memory_mb: int, cpu_seconds: float = _CPU_SECONDS) -> None:
        self._limits = limits
        count = min(max(os.cpu_count() or 1, _FEWEST), _MOST)
        command = decoder.command(limits, memory_mb, cpu_seconds, START)
        self._processes = [DecoderProcess(command, _LONGEST) for _ in range(count)]
        self._turns = FairTurns(count)
        self._closed = Event()

    def to_clean_png(self, content: bytes, *, user_id: UUID | None = None) -> CleanImage:
        if not is_accepted_drawing(content, self._limits):
            inspect_image(content, self._limits)
        with self._turns.turn(user_id or object()) as number:
            return self._decode(self._processes[number], content)

    def close(self) -> None:
        self._closed.set()
        for process in self._processes:
            process.close()

    def _decode(self, process: DecoderProcess, content: bytes) -> CleanImage:
        """Decode the picture; try twice when the process ended for a reason other than the picture."""
        try:
            try:
                return self._decode_once(process, content)
            except PictureEndedProcess as exc:
                if exc.is_certain:
                    raise
                return self._decode_once(process, content)  # an operator or the kernel may have ended the first process
        except PictureEndedProcess as exc:
            raise InvalidImage(str(exc)) from exc

    def _decode_once(self, process: DecoderProcess, content: bytes) -> CleanImage:
        """Decode the picture once. When `close` ended the process, do not blame the picture."""
        try:
            if not self._closed.is_set():
                return process.to_clean_png(content)
        except PictureEndedProcess:
            if not self._closed.is_set():
                raise
        raise DecoderLost("the decoder was closed")

    def _running(self) -> subprocess.Popen[bytes]:
        return self._processes[0].running()
