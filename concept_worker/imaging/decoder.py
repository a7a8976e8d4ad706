"""`to_clean_png` in a process of its own, for bytes of unknown origin: what kills a decoder kills nothing else.

`python -m concept_worker.imaging.decoder BYTES PIXELS SIDE MEGABYTES` takes pictures from standard input and answers on
standard output, one after the other, until its input ends. The wire, in network order: a length (8 bytes) and so many
bytes; back come a kind (1 byte), width and height (4 each), and a length and so many bytes: a PNG or a sentence.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from enum import Enum
from typing import BinaryIO

from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import CleanImage, ImageLimits, to_clean_png
from concept_worker.imaging.memory import limit_memory

_REQUEST = struct.Struct(">Q")
_ANSWER = struct.Struct(">cIIQ")


class _Kind(Enum):
    CLEAN = b"C"
    INVALID = b"I"
    TOO_LARGE = b"M"


def ask(to: BinaryIO, back: BinaryIO, content: bytes) -> CleanImage:
    """Send a picture to such a process and wait for its answer.

    Raises:
        InvalidImage, MemoryError: as `to_clean_png`.
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
            raise MemoryError


def serve(requests: BinaryIO, answers: BinaryIO, limits: ImageLimits) -> None:
    """Answer until there is nothing more to read."""
    while head := requests.read(_REQUEST.size):
        (length,) = _REQUEST.unpack(head)
        kind, width, height, body = _answer(_exactly(requests, length), limits)
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


def main() -> None:
    """The process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # its owner may still need it; it ends with its owner
        signal.signal(number, signal.SIG_IGN)
    max_bytes, max_pixels, max_side, megabytes = map(int, sys.argv[1:])
    limit_memory(megabytes)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
        serve(sys.stdin.buffer, answers, ImageLimits(max_bytes, max_pixels, max_side))


if __name__ == "__main__":
    main()
