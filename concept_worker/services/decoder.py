"""The one who looks at bytes of unknown origin, in a process that nothing else depends on."""

from __future__ import annotations

import subprocess
import sys
from threading import Lock, Timer
from typing import BinaryIO, cast

from concept_worker.errors import DecoderLost, InvalidImage
from concept_worker.imaging.codec import CleanImage, ImageLimits, inspect_image
from concept_worker.logging import get_logger

log = get_logger(__name__)

MODULE = "concept_worker.imaging.decoder"
_LONGEST = 60.0  # seconds for one picture; the largest that is accepted takes about three


class IsolatedDecoder:
    """Starts its process at the first picture and when it was lost, and gives it one picture at a time: who kills it is
    known then, and nobody else loses a try. For any thread; it ends with `close`, and with the process that started it.
    """

    def __init__(self, *, limits: ImageLimits, memory_mb: int) -> None:
        self._limits = limits
        figures = (limits.max_bytes, limits.max_pixels, limits.max_side, memory_mb)
        self._command = (sys.executable, "-m", MODULE, *map(str, figures))
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def to_clean_png(self, content: bytes) -> CleanImage:
        inspect_image(content, self._limits)
        with self._lock:
            return self._asked(content)

    def close(self) -> None:
        with self._lock:
            self._end()

    def _asked(self, content: bytes) -> CleanImage:
        from concept_worker.imaging import decoder

        process = self._running()
        overdue = Timer(_LONGEST, process.kill)
        overdue.start()
        try:
            return decoder.ask(cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout), content)
        except InvalidImage:
            raise  # its answer was read to the end
        except (OSError, EOFError) as exc:
            self._end()
            raise DecoderLost("the picture ended the process that decoded it") from exc
        except BaseException:
            self._end()  # a part of the answer may be left in the pipe, and would be the next caller's
            raise
        finally:
            overdue.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            log.info("decoder ended", code=self._process.returncode)
        self._process = None
