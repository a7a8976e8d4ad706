"""One decoding process, from its owner's side: started on demand, ended when a picture takes too many resources."""

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

# The only variables it inherits: some Python builds find their own library through them.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_START = 60.0  # seconds until it is ready on a loaded machine; 0.2 is usual
_WORN_OUT = 300.0  # seconds at work, then a new process replaces it: the kernel ends it at 600 s of CPU time
_LAST_WORDS = 200  # characters of its standard error that are logged


class PictureEndedProcess(Exception):
    """An error: the process ended while it decoded. `is_certain` when only the picture can be the reason."""

    def __init__(self, reason: str, *, is_certain: bool = False) -> None:
        super().__init__(reason)
        self.is_certain = is_certain


class DecoderProcess:
    """A decoding process, for one thread at a time; any thread may call `close`."""

    def __init__(self, command: Sequence[str], longest: float) -> None:
        self._command = command
        self._longest = longest
        self._process: subprocess.Popen[bytes] | None = None
        self._worked = 0.0  # seconds
        self._in_use = Lock()

    def to_clean_png(self, content: bytes) -> CleanImage:
        """Decode the picture in the process.

        Raises:
            InvalidImage: as `codec.to_clean_png`.
            PictureEndedProcess: see its docstring.
            DecoderLost: no process could be started.
        """
        with self._in_use:
            return self._decode(self.running(), content)

    def close(self) -> None:
        """End the process. Any thread may call this; a caller that waits for an answer gets an error."""
        process = self._process
        if process is not None:
            process.kill()
        with self._in_use:
            self._end()

    def running(self) -> subprocess.Popen[bytes]:
        """Return the process, ready for a picture.

        Raises:
            DecoderLost: it could not be started.
        """
        if self._process is None or self._process.poll() is not None or self._worked > _WORN_OUT:
            self._end()
            return self._start_process()
        return self._process

    def _decode(self, process: subprocess.Popen[bytes], content: bytes) -> CleanImage:
        started = monotonic()
        try:
            with _time_limit(process, self._longest):
                clean = wire.ask(*_pipes(process), content)
        except InvalidImage:
            raise  # the answer was read to its end
        except wire.TooMuchMemory as exc:
            self._end()
            raise PictureEndedProcess("The image takes too much memory to decode.") from exc
        except (OSError, EOFError) as exc:
            raise self._explain_end() from exc
        except BaseException:
            self._end()  # a part of the answer may be left in the pipe; the next caller would get it
            raise
        finally:
            self._worked += monotonic() - started
        return clean

    def _end(self) -> int | None:
        """End the process; return its exit code, if there was a process."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        _, words = process.communicate()
        log.info("decoder ended", code=process.returncode, words=_last_line(words))
        return process.returncode

    def _start_process(self) -> subprocess.Popen[bytes]:
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
            with _time_limit(process, _START):
                wire.wait_until_ready(_pipes(process)[1])
        except EOFError as exc:
            self._end()
            raise DecoderLost("the process that decodes pictures could not be started") from exc
        return process

    def _explain_end(self) -> PictureEndedProcess:
        """Return why the process ended. SIGPROF counts CPU time, which other load does not use up."""
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(1.0)
        if self._end() == -signal.SIGPROF:  # only the timer of the CPU time sends it
            return PictureEndedProcess("The image takes too long to decode.", is_certain=True)
        return PictureEndedProcess("The image ended the process that decoded it.")


@contextmanager
def _time_limit(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """Kill the process when the body takes longer than `seconds`."""
    overdue = Timer(seconds, process.kill)
    overdue.start()
    try:
        yield
    finally:
        overdue.cancel()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[BinaryIO, BinaryIO]:
    return cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)


def _last_line(words: bytes) -> str | None:
    lines = words.decode(errors="replace").split("\n") if words else []
    return next((line[:_LAST_WORDS] for line in reversed(lines) if line), None)
