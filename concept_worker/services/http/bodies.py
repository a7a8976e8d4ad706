"""Take in what a foreign server sends, within bounds that hold before anything is decoded or parsed.

The bounds are chosen by time: parsing JSON and decoding base64 hold the interpreter's lock, and with it every other
thread of a worker, the heartbeats of its leases included.
"""

from __future__ import annotations

import binascii
import json
import zlib
from collections.abc import Iterable, Iterator
from http.cookiejar import CookieJar
from typing import Any

VALUES_MAX = 20_000  # of one JSON answer, counted by its punctuation; an honest one has hundreds
ESCAPES_MAX = 2_000_000  # of one JSON answer: base64 with escaped slashes and line breaks has some 800,000
PIECES_MAX = 100_000  # of one body: an honest server sends a kilobyte or more at a time
_SLICE = 1_048_576  # bytes decoded at a time while the interpreter is held; a multiple of four
_PUNCTUATION = b"[{,:"
_BLANKS = b" \t\r\n\f\v"
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Unacceptable(ValueError):
    """A body out of bounds, or in a form that cannot be read; the text says which, and holds none of it."""


class TooLarge(Unacceptable):
    """A body of too many bytes or pieces."""


class NoCookies(CookieJar):
    """A jar that takes nothing: no answer changes a later request."""

    def extract_cookies(self, *_: object) -> None:
        """Overlook what a server wants remembered, without parsing it."""


def collected(pieces: Iterable[bytes], most: int) -> bytes:
    """Join the pieces of a body.

    Raises:
        TooLarge: more than `most` bytes, or in too many pieces.
    """
    body = bytearray()
    for number, piece in enumerate(pieces):
        body += piece
        if len(body) > most or number >= PIECES_MAX:
            raise TooLarge("the body is too large")
    return bytes(body)


def unpacked(body: bytes, coding: str, most: int) -> bytes:
    """Undo a `content-encoding`, a bounded slice at a time: one packed kilobyte may stand for a megabyte.

    Raises:
        Unacceptable: an encoding other than gzip and deflate, broken data, or more than `most` bytes.
    """
    if coding in ("", "identity"):
        return body
    if coding not in _PACKED:
        raise Unacceptable("the body has an encoding that nobody asked for")
    try:
        return collected(_inflated(body), most)
    except zlib.error as exc:
        raise Unacceptable("the packed body is broken") from exc


def _inflated(body: bytes) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=47)  # finds out by itself whether it is gzip or zlib
    while body and not inflater.eof:
        yield inflater.decompress(body, _SLICE)
        body = inflater.unconsumed_tail
    if not inflater.eof:
        raise Unacceptable("the packed body is cut")


def parse_json(body: bytes) -> Any:
    """Parse a JSON body whose number of values is bounded; one long text, such as an image, is cheap.

    Raises:
        Unacceptable: no JSON in UTF-8, too many values, or nested too deeply.
    """
    if len(body) - len(body.translate(None, _PUNCTUATION)) > VALUES_MAX or body.count(b"\\") > ESCAPES_MAX:
        raise Unacceptable("the JSON has too many values")
    try:
        return json.loads(body.strip().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unacceptable("the body is no JSON") from None  # the parser's error holds the whole text


def decode_base64(text: str) -> bytes:
    """Decode strict base64, with blanks and line breaks if it likes, a slice at a time.

    Raises:
        Unacceptable: it is something else.
    """
    try:
        packed = text.encode("ascii").translate(None, _BLANKS)
        if len(packed) % 4:
            raise binascii.Error("cut")
        slices = (packed[at : at + _SLICE] for at in range(0, len(packed), _SLICE))
        return b"".join(_whole_slices(slices))
    except (UnicodeEncodeError, binascii.Error):
        raise Unacceptable("the text is no base64") from None


def _whole_slices(slices: Iterable[bytes]) -> Iterator[bytes]:
    """Decode slices; padding ends the text, so that only the last one may have it."""
    is_padded = False
    for piece in slices:
        if is_padded:
            raise binascii.Error("more text after the padding")
        is_padded = piece.endswith(b"=")
        yield binascii.a2b_base64(piece, strict_mode=True)
