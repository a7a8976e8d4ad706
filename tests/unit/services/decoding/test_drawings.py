"""SVG drawings in the decoder's process: drawn where the settings ask for it, hostile ones refused in bounded time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import ImageLimits, decode_image
from concept_worker.imaging.vector import DAMAGED, FOREIGN, NO_SIZE, TOO_LARGE, is_svg
from concept_worker.services.decoding.decoder import IsolatedDecoder

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{}</svg>'
LOGO = SVG.format('<rect width="100" height="100" fill="#fff"/><circle cx="50" cy="50" r="40" fill="#c03020"/>')
SIDE = 256
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))

HOSTILE = {
    "billion laughs": (f'<!DOCTYPE svg [<!ENTITY l0 "ha">{LAUGHS}]>' + SVG.format("<desc>&l9;</desc>"), None),
    "laughs behind the tag": (SVG.format(f'<!DOCTYPE svg [<!ENTITY l0 "ha">{LAUGHS}]>&l9;'), FOREIGN),
    "script": (SVG.format("<script>alert(1)</script>"), FOREIGN),
    "file": (SVG.format('<image href="file:///etc/passwd" width="9" height="9"/>'), FOREIGN),
    "address": (SVG.format('<use href="http://127.0.0.1:1/a.svg#x"/>'), FOREIGN),
    "style from elsewhere": (SVG.format("<style>@import url(http://127.0.0.1:1/)</style>"), FOREIGN),
    "paint from elsewhere": (SVG.format('<path fill="url(http://127.0.0.1:1/#a)" d="M0 0h9v9z"/>'), FOREIGN),
    "embedded page": (SVG.format("<foreignObject><p>x</p></foreignObject>"), FOREIGN),
    "text without a font": (SVG.format("<text>fox</text>"), FOREIGN),
    "endless": (LOGO.replace("0 0 100 100", "0 0 1 1e9"), NO_SIZE),
    "stretched": (LOGO.replace("0 0 100 100", "0 0 10 1000"), NO_SIZE),
    "no size": (LOGO.replace("viewBox", "data-box"), NO_SIZE),
    "not a number": (LOGO.replace("0 0 100 100", "0 0 nan nan"), NO_SIZE),
    "too many parts": (SVG.format("<g/>" * 60_000), TOO_LARGE),
    "too many bytes": (SVG.format(f"<desc>{'x' * 4_000_001}</desc>"), TOO_LARGE),
    "deep": (SVG.format("<g>" * 20_000 + "</g>" * 20_000), None),
    "cut": (LOGO[:-20], DAMAGED),
    "no utf-8": (LOGO.replace("#fff", "\udcff"), DAMAGED),
    "blur of everything": (
        SVG.format(
            '<filter id="a"><feGaussianBlur stdDeviation="99999"/></filter>'
            + '<g filter="url(#a)">' * 30
            + '<rect width="100" height="100"/>'
            + "</g>" * 30
        ),
        None,
    ),
    "uses of uses": (
        SVG.format(
            '<g id="a0"><path d="M0 0h9v9z"/></g>'
            + "".join(f'<g id="a{n}">{f"""<use href="#a{n - 1}"/>""" * 10}</g>' for n in range(1, 9))
            + '<use href="#a8"/>'
        ),
        None,
    ),
}


@pytest.fixture(scope="module")
def decoder() -> Iterator[IsolatedDecoder]:
    """A decoder of a worker that accepts drawings."""
    one = IsolatedDecoder(limits=ImageLimits(drawing_side=SIDE), memory_mb=600)
    yield one
    one.close()


def test_a_drawing_becomes_pixels(decoder: IsolatedDecoder) -> None:
    """At the side that was asked for, in its colours; a declaration before it and a size in its tag do not matter."""
    for text in (
        LOGO,
        f'<?xml version="1.0"?>\n<!-- made -->\n{LOGO}',
        LOGO.replace("<svg", '<svg width="9" height="9"'),
    ):
        clean = decoder.to_clean_png(text.encode())
        picture = decode_image(clean.data).convert("RGB")
        assert (clean.width, clean.height) == (SIDE, SIDE)
        assert (picture.getpixel((128, 128)), picture.getpixel((2, 2))) == ((192, 48, 32), (255, 255, 255))


def test_a_wide_drawing_keeps_its_shape(decoder: IsolatedDecoder) -> None:
    """Its longer side is the one that was asked for."""
    clean = decoder.to_clean_png(LOGO.replace("0 0 100 100", "0 0 100 50").encode())
    assert (clean.width, clean.height) == (SIDE, SIDE // 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_drawing_is_refused_or_drawn_in_bounded_time(decoder: IsolatedDecoder, name: str) -> None:
    """And the next picture is decoded all the same. None: refused with any sentence, or drawn."""
    text, sentence = HOSTILE[name]
    if sentence is None:
        with suppress(InvalidImage):
            decoder.to_clean_png(text.encode("utf-8", "surrogateescape"))
    else:
        with pytest.raises(InvalidImage, match=re.escape(sentence)):
            decoder.to_clean_png(text.encode("utf-8", "surrogateescape"))
    assert decoder.to_clean_png(LOGO.encode()).width == SIDE


def test_without_the_setting_a_drawing_is_no_image() -> None:
    """As before."""
    one = IsolatedDecoder(limits=ImageLimits(), memory_mb=600)
    with pytest.raises(InvalidImage, match="not a PNG, JPEG or WebP"):
        one.to_clean_png(LOGO.encode())
    one.close()


@pytest.mark.parametrize("text", ["", "<svgs>", "<html><svg>", "svg", "<!-- x --><html>", "<?xml?><a>"])
def test_other_markup_is_no_drawing(text: str) -> None:
    """A web page that holds one is none."""
    assert not is_svg(text.encode())
