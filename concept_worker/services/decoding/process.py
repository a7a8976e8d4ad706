"""One process that decodes, as its owner sees it: started at need, ended when a picture takes too much of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from time import monotonic
from typing import BinaryIO, cast

from concept_worker.errors import DecoderLost, InvalidImage
from concept_worker.imaging.codec import CleanImage
from concept_worker.logging import get_logger
from concept_worker.services.decoding import child as wire

log = get_logger(__name__)

# All that it may know of our environment: where a Python that was built so finds its own library.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_START = 60.0  # seconds until it is ready on a loaded machine; 0.2 otherwise
_WORN_OUT = 300.0  # seconds at work, then a fresh one follows: its kernel ends it at 600 s of CPU time
_LAST_WORDS = 200  # characters of its standard error that are logged


class PictureEndedProcess(Exception):
    """The process ended at the picture; `is_certain` when the picture alone is to blame."""

    def __init__(self, reason: str, *, is_certain: bool = False) -> None:
        super().__init__(reason)
        self.is_certain = is_certain


class DecoderProcess:
    """For one thread at a time, but for `close`."""

    def __init__(self, command: Sequence[str], longest: float) -> None:
        self._command = command
        self._longest = longest
        self._process: subprocess.Popen[bytes] | None = None
        self._worked = 0.0  # seconds
        self._in_use = Lock()

    def to_clean_png(self, content: bytes) -> CleanImage:
        """Have the picture decoded.

        Raises:
            InvalidImage: as `codec.to_clean_png`.
            PictureEndedProcess: as its docstring says.
            DecoderLost: no process could be started.
        """
        with self._in_use:
            return self._asked(self.running(), content)

    def close(self) -> None:
        """End the process, also from another thread: a caller who waits for its answer sees it end."""
        process = self._process
        if process is not None:
            process.kill()
        with self._in_use:
            self._end()

    def running(self) -> subprocess.Popen[bytes]:
        """The process, ready for a picture.

        Raises:
            DecoderLost: it could not be started.
        """
        if self._process is None or self._process.poll() is not None or self._worked > _WORN_OUT:
            self._end()
            return self._started()
        return self._process

    def _asked(self, process: subprocess.Popen[bytes], content: bytes) -> CleanImage:
        started = monotonic()
        try:
            with _ending(process, self._longest):
                clean = wire.ask(*_pipes(process), content)
        except InvalidImage:
            raise  # its answer was read to the end
        except wire.TooMuchMemory as exc:
            self._end()
            raise PictureEndedProcess("The image takes too much memory to decode.") from exc
        except (OSError, EOFError) as exc:
            raise self._ended() from exc
        except BaseException:
            self._end()  # a part of the answer may be left in the pipe, and would be the next caller's
            raise
        finally:
            self._worked += monotonic() - started
        return clean

    def _end(self) -> int | None:
        """End the process; the code it ended with, if there was one."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        _, words = process.communicate()
        log.info("decoder ended", code=process.returncode, words=_last(words))
        return process.returncode

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd="/",
            )
        except OSError as exc:
            raise DecoderLost("the process that decodes pictures could not be started") from exc
        self._process, self._worked = process, 0.0
        try:
            with _ending(process, _START):
                wire.wait_until_ready(_pipes(process)[1])
        except EOFError as exc:
            self._end()
            raise DecoderLost("the process that decodes pictures could not be started") from exc
        return process

    def _ended(self) -> PictureEndedProcess:
        """Why it ended. SIGPROF counts CPU time, which nobody else's load takes from a picture."""
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(1.0)
        if self._end() == -signal.SIGPROF:  # nobody else sends it
            return PictureEndedProcess("The image takes too long to decode.", is_certain=True)
        return PictureEndedProcess("The image ended the process that decoded it.")


@contextmanager
def _ending(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """Kill the process when the block takes longer."""
    overdue = Timer(seconds, process.kill)
    overdue.start()
    try:
        yield
    finally:
        overdue.cancel()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[BinaryIO, BinaryIO]:
    return cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)


def _last(words: bytes) -> str | None:
    lines = words.decode(errors="replace").split("\n") if words else []
    return next((line[:_LAST_WORDS] for line in reversed(lines) if line), None)
