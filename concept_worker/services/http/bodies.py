"""Reading of a foreign server's bodies, within bounds that hold before anything is decoded or parsed.

The bounds are chosen by time: parsing JSON and decoding base64 hold the interpreter's lock. That stops every other
thread of a worker, including the heartbeats of its leases.
"""

from __future__ import annotations

import binascii
import json
import zlib
from collections.abc import Iterable, Iterator
from http.cookiejar import CookieJar
from typing import Any

VALUES_MAX = 20_000  # of one JSON answer, counted by its punctuation; a normal one has hundreds
ESCAPES_MAX = 2_000_000  # of one JSON answer: base64 with escaped slashes and line breaks has some 800,000
PIECES_MAX = 100_000  # of one body; a normal server sends a kilobyte or more at a time
_SLICE = 1_048_576  # bytes decoded while the interpreter's lock is held; a multiple of four
_PUNCTUATION = b"[{,:"
_BLANKS = b" \t\r\n\f\v"
_STANDARD = bytes.maketrans(b"-_", b"+/")  # from base64 for addresses, which JSON of Protocol Buffers may have
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Unacceptable(ValueError):
    """An error: the body is out of bounds or cannot be read. The text says which, and holds nothing of the body."""


class TooLarge(Unacceptable):
    """An error: the body has too many bytes or pieces."""


class NoCookies(CookieJar):
    """A jar that keeps no cookies: no answer changes a later request."""

    def extract_cookies(self, *_: object) -> None:
        """Ignore the cookies of an answer, without parsing them."""


def collected(pieces: Iterable[bytes], most: int) -> bytes:
    """Join the pieces of a body.

    Raises:
        TooLarge: it has more than `most` bytes, or too many pieces.
    """
    body = bytearray()
    for number, piece in enumerate(pieces):
        body += piece
        if len(body) > most or number >= PIECES_MAX:
            raise TooLarge("the body is too large")
    return bytes(body)


def unpacked(body: bytes, coding: str, most: int) -> bytes:
    """Undo a `content-encoding`, one bounded slice at a time: a packed kilobyte may stand for a megabyte.

    Raises:
        Unacceptable: an encoding other than gzip and deflate, broken data, or more than `most` bytes.
    """
    if coding in ("", "identity"):
        return body
    if coding not in _PACKED:
        raise Unacceptable("the body has an encoding that we did not ask for")
    try:
        return collected(_inflated(body), most)
    except zlib.error as exc:
        raise Unacceptable("the packed body is broken") from exc


def _inflated(body: bytes) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=47)  # detects gzip or zlib
    while body and not inflater.eof:
        yield inflater.decompress(body, _SLICE)
        body = inflater.unconsumed_tail
    if not inflater.eof:
        raise Unacceptable("the packed body is cut")


def parse_json(body: bytes) -> Any:
    """Parse a JSON body with a bounded number of values. One long text, such as an image, is cheap.

    Raises:
        Unacceptable: it is no JSON in UTF-8, has too many values, or is nested too deeply.
    """
    if len(body) - len(body.translate(None, _PUNCTUATION)) > VALUES_MAX or body.count(b"\\") > ESCAPES_MAX:
        raise Unacceptable("the JSON has too many values")
    try:
        return json.loads(body.strip().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unacceptable("the body is no JSON") from None  # the parser's error holds the whole text


def decode_base64(text: str) -> bytes:
    """Decode strict base64 one slice at a time; blanks and line breaks are allowed.

    Raises:
        Unacceptable: it is no base64.
    """
    try:
        packed = text.encode("ascii").translate(_STANDARD, _BLANKS)
        if len(packed) % 4:
            raise binascii.Error("cut")
        slices = (packed[at : at + _SLICE] for at in range(0, len(packed), _SLICE))
        return b"".join(_decode_slices(slices))
    except (UnicodeEncodeError, binascii.Error):
        raise Unacceptable("the text is no base64") from None


def _decode_slices(slices: Iterable[bytes]) -> Iterator[bytes]:
    """Decode slices. Padding ends the text, so only the last slice may have it."""
    is_padded = False
    for piece in slices:
        if is_padded:
            raise binascii.Error("more text after the padding")
        is_padded = piece.endswith(b"=")
        yield binascii.a2b_base64(piece, strict_mode=True)
