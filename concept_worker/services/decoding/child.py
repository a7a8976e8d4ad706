"""A process of its own for `to_clean_png` on untrusted bytes: a file that kills the decoder kills nothing else.

The process reads pictures from standard input and answers on standard output, one after another, until its input ends.
The wire, in network order: first the process sends 1 byte, "ready". A request is a length (8 bytes) and so many bytes.
An answer is a kind (1 byte), width and height (4 each), a length (8) and so many bytes: a PNG or a sentence.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Sequence
from enum import Enum
from importlib.util import find_spec
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
    """An error: the picture needs more memory than the process may take."""


class _Kind(Enum):
    CLEAN = b"C"
    INVALID = b"I"
    TOO_LARGE = b"M"


def command(limits: ImageLimits, memory_mb: int, cpu_seconds: float, start: Path = START) -> tuple[str, ...]:
    """Return the command of such a process. It imports only the standard library, Pillow and this package."""
    folders = (Path(__file__).parents[2], Path(PIL.__file__).parent, _folder_of("resvg_py"))
    sizes = (limits.max_bytes, limits.max_pixels, limits.max_side, limits.max_clean_bytes, limits.drawing_side)
    figures = (*sizes, memory_mb, cpu_seconds)
    return (sys.executable, "-I", "-S", "-B", str(start), *map(str, folders), *map(str, figures))


def _folder_of(package: str) -> Path:
    """Find a package without importing it here."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(package)
    return Path(spec.origin).parent


def wait_until_ready(back: BinaryIO) -> None:
    """Wait until the process has given up the rights it does not need.

    Raises:
        EOFError: the process ended before.
    """
    _read_exactly(back, len(_READY))


def ask(to: BinaryIO, back: BinaryIO, content: bytes) -> CleanImage:
    """Send a picture to such a process and wait for its answer.

    Raises:
        InvalidImage: as `to_clean_png`.
        TooMuchMemory: see its docstring.
        EOFError: the process ended before its answer did.
        OSError: the process was gone already.
    """
    to.write(_REQUEST.pack(len(content)))
    to.write(content)
    to.flush()
    kind, width, height, length = _ANSWER.unpack(_read_exactly(back, _ANSWER.size))
    body = _read_exactly(back, length)
    match _Kind(kind):
        case _Kind.CLEAN:
            return CleanImage(body, width, height)
        case _Kind.INVALID:
            raise InvalidImage(body.decode())
        case _Kind.TOO_LARGE:
            raise TooMuchMemory


def serve(requests: BinaryIO, answers: BinaryIO, limits: ImageLimits, cpu_seconds: float) -> None:
    """Answer requests until the input ends. A picture that takes more CPU time ends the process (SIGPROF)."""
    answers.write(_READY)
    answers.flush()
    while head := requests.read(_REQUEST.size):
        (length,) = _REQUEST.unpack(head)
        content = _read_exactly(requests, length)
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


def _read_exactly(source: BinaryIO, length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise EOFError("the other side is gone")
    return content


def main(arguments: Sequence[str]) -> None:
    """Run the process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the owner may still need this process, which ends with the owner
        signal.signal(number, signal.SIG_IGN)
    max_bytes, max_pixels, max_side, max_clean_bytes, drawing_side, megabytes = map(int, arguments[:6])
    limits = ImageLimits(max_bytes, max_pixels, max_side, max_clean_bytes, drawing_side)
    rehearse(limits)
    os.set_blocking(sys.stderr.fileno(), False)  # the owner reads it only at the end
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keep what a library prints out of the answers
        isolate(megabytes)
        rehearse(limits)  # a call that the isolation forbids fails here, not at a user's picture
        serve(sys.stdin.buffer, answers, limits, float(arguments[6]))
