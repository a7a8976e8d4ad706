"""Bodies of foreign servers: bounded before they are unpacked, parsed or decoded."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
import zlib

import pytest

from concept_worker.services.http.bodies import (
    PIECES_MAX,
    VALUES_MAX,
    TooLarge,
    Unacceptable,
    collected,
    decode_base64,
    parse_json,
    unpacked,
)


def test_the_largest_picture_as_base64_is_parsed() -> None:
    """One long text is one value, however long; escaped slashes and a byte order mark are usual."""
    text = base64.b64encode(bytes(range(256)) * 40_000).decode()
    body = b"\xef\xbb\xbf" + json.dumps({"data": [{"b64_json": text}]}).replace("/", "\\/").encode()
    assert parse_json(body)["data"][0]["b64_json"] == text


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 500_000 + b"1]",
        b"[" + b"1," * 500_000 + b"1]",
        b"{" + b",".join(b'"%d":1' % number for number in range(VALUES_MAX)) + b"}",
        b"[" * 19_000,
        b"1" * 100_000,
        b"\xff\xfe[\x001\x00]\x00",  # UTF-16
        b"",
        b"{",
    ],
    ids=["lists", "numbers", "fields", "deep", "digits", "utf-16", "empty", "cut"],
)
def test_json_of_too_many_values_is_refused(body: bytes) -> None:
    """And what is no JSON, without a word of it in the error or behind it."""
    with pytest.raises(Unacceptable) as caught:
        parse_json(body)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_refusing_costs_no_memory() -> None:
    """Nine million lists were 4.9 GB."""
    body = b"[" + b"[]," * 3_000_000 + b"1]"
    tracemalloc.start()
    with pytest.raises(Unacceptable):
        parse_json(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(body)


def test_a_packed_body_is_unpacked() -> None:
    """Some gateways pack whatever is asked for."""
    body = bytes(range(256)) * 20_000
    assert unpacked(gzip.compress(body), "gzip", len(body)) == body
    assert unpacked(zlib.compress(body), "deflate", len(body)) == body


def test_a_bomb_is_unpacked_up_to_the_limit() -> None:
    """A kilobyte that stands for a megabyte, and so on."""
    packed = gzip.compress(bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        unpacked(packed, "gzip", 5_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


CUT = gzip.compress(b"x" * 99, mtime=0)[:-9]


@pytest.mark.parametrize(
    ("body", "coding"),
    [(b"x", "br"), (b"x", "zstd"), (b"x", "gzip, gzip"), (b"no gzip", "gzip"), (CUT, "gzip")],
)
def test_other_packings_are_refused(body: bytes, coding: str) -> None:
    """Those that nobody asked for, and those that are broken or cut."""
    with pytest.raises(Unacceptable):
        unpacked(body, coding, 1000)


def test_a_body_in_crumbs_is_left() -> None:
    """Each piece costs Python's time, whatever its size."""
    with pytest.raises(TooLarge):
        collected((b"" for _ in range(PIECES_MAX + 1)), 10)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 786_431, 786_432, 786_433, 3_000_000])
def test_base64_in_slices_is_base64(size: int) -> None:
    """At and around the edges of a slice; blanks and line breaks are usual."""
    content = bytes(number % 251 for number in range(size))
    assert decode_base64(base64.encodebytes(content).decode()) == content
    assert decode_base64(base64.b64encode(content).decode()) == content
    assert decode_base64(base64.urlsafe_b64encode(content).decode()) == content


@pytest.mark.parametrize(
    "text",
    ["A", "A===", "AAAA=", "AA==AAAA", "QQ==" + "A" * 2_000_000, "Ä" * 4, "A~*A", "!" * 4],
    ids=lambda text: text[:9],
)
def test_other_text_is_no_base64(text: str) -> None:
    """Padding in the middle, another alphabet, cut."""
    with pytest.raises(Unacceptable):
        decode_base64(text)
