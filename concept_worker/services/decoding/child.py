"""`to_clean_png` in a process of its own, for bytes of unknown origin: what kills a decoder kills nothing else.

The process takes pictures from standard input and answers on standard output, one after the other, until its input
ends. The wire, in network order: it says that it is ready (1 byte); then a length (8 bytes) and so many bytes go in;
back come a kind (1 byte), width and height (4 each), and a length and so many bytes: a PNG or a sentence.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import PIL

from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import CleanImage, ImageLimits, rehearse, to_clean_png
from concept_worker.services.decoding import child_start as decoder_start
from concept_worker.services.decoding.isolation import isolate

START = Path(decoder_start.__file__)
_REQUEST = struct.Struct(">Q")
_ANSWER = struct.Struct(">cIIQ")
_READY = b"R"


class TooMuchMemory(Exception):
    """The picture needs more memory than the process may take."""


class _Kind(Enum):
    CLEAN = b"C"
    INVALID = b"I"
    TOO_LARGE = b"M"


def command(limits: ImageLimits, memory_mb: int, cpu_seconds: float, start: Path = START) -> tuple[str, ...]:
    """How such a process is started: nothing is imported but the standard library, Pillow and this package."""
    folders = (Path(__file__).parents[2], Path(PIL.__file__).parent)
    figures = (limits.max_bytes, limits.max_pixels, limits.max_side, limits.max_clean_bytes, memory_mb, cpu_seconds)
    return (sys.executable, "-I", "-S", "-B", str(start), *map(str, folders), *map(str, figures))


def wait_until_ready(back: BinaryIO) -> None:
    """Wait until the process has given up what it does not need.

    Raises:
        EOFError: it ended before.
    """
    _exactly(back, len(_READY))


def ask(to: BinaryIO, back: BinaryIO, content: bytes) -> CleanImage:
    """Send a picture to such a process and wait for its answer.

    Raises:
        InvalidImage: as `to_clean_png`.
        TooMuchMemory: as its docstring says.
        EOFError: the process ended before its answer did; OSError when it is gone already.
    """
    to.write(_REQUEST.pack(len(content)))
    to.write(content)
    to.flush()
    kind, width, height, length = _ANSWER.unpack(_exactly(back, _ANSWER.size))
    body = _exactly(back, length)
    match _Kind(kind):
        case _Kind.CLEAN:
            return CleanImage(body, width, height)
        case _Kind.INVALID:
            raise InvalidImage(body.decode())
        case _Kind.TOO_LARGE:
            raise TooMuchMemory


def serve(requests: BinaryIO, answers: BinaryIO, limits: ImageLimits, cpu_seconds: float) -> None:
    """Answer until there is nothing more to read; a picture that takes more CPU time ends the process (SIGPROF)."""
    answers.write(_READY)
    answers.flush()
    while head := requests.read(_REQUEST.size):
        (length,) = _REQUEST.unpack(head)
        content = _exactly(requests, length)
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        kind, width, height, body = _answer(content, limits)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(_ANSWER.pack(kind.value, width, height, len(body)))
        answers.write(body)
        answers.flush()


def _answer(content: bytes, limits: ImageLimits) -> tuple[_Kind, int, int, bytes]:
    try:
        clean = to_clean_png(content, limits)
    except InvalidImage as exc:
        return _Kind.INVALID, 0, 0, str(exc).encode()
    except MemoryError:
        return _Kind.TOO_LARGE, 0, 0, b""
    return _Kind.CLEAN, clean.width, clean.height, clean.data


def _exactly(source: BinaryIO, length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise EOFError("the other side is gone")
    return content


def main(arguments: Sequence[str]) -> None:
    """The process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # its owner may still need it; it ends with its owner
        signal.signal(number, signal.SIG_IGN)
    max_bytes, max_pixels, max_side, max_clean_bytes, megabytes = map(int, arguments[:5])
    rehearse()
    os.set_blocking(sys.stderr.fileno(), False)  # the owner reads it at the end only
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
        isolate(megabytes)
        rehearse()  # what the isolation does not let pass fails here, and not at somebody's picture
        limits = ImageLimits(max_bytes, max_pixels, max_side, max_clean_bytes)
        serve(sys.stdin.buffer, answers, limits, float(arguments[5]))
