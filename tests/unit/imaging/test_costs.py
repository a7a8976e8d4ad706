"""What a small file may ask of whoever decodes it, and of whoever only reads its header."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from PIL import Image, ImageCms

from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import ImageLimits, decode_image, inspect_image, to_clean_png
from concept_worker.imaging.headers import png_chunks
from concept_worker.imaging.jpeg import START_OF_SCAN, segments
from concept_worker.imaging.lean import read_orientation, strip
from concept_worker.imaging.profiles import without_chains

RAMP = Image.linear_gradient("L").resize((64, 48)).convert("RGB")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The picture as a file of a kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """A sound chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunks(*chunks: bytes, data: bytes | None = None) -> bytes:
    """A PNG with these behind its header."""
    data = data or saved(RAMP)
    return data[:33] + b"".join(chunks) + data[33:]


def with_segments(*parts: bytes, data: bytes | None = None) -> bytes:
    """A JPEG with these at its start."""
    data = data or saved(RAMP, "JPEG")
    return data[:2] + b"".join(parts) + data[2:]


def segment(marker: int, content: bytes = b"") -> bytes:
    """A segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP file of these."""
    body = b"".join(kind + struct.pack("<I", len(it)) + it + b"\0" * (len(it) % 2) for kind, it in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def repeating_scans(side: int, times: int, progressive: bool) -> bytes:
    """A JPEG whose last scan comes again and again."""
    data = saved(Image.new("L", (side, side)), "JPEG", progressive=progressive)
    last = [part for part in segments(data) if part.marker == START_OF_SCAN][-1]
    return data[: last.start] + data[last.start : -2] * times + data[-2:]


def exif(orientation: int = 6, order: str = ">", kind: int = 3) -> bytes:
    """A block of EXIF with an orientation in it."""
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *([orientation, 0] if kind == 3 else [orientation]))
    beginning = (b"MM" if order == ">" else b"II") + struct.pack(order + "HIH", 42, 8, 1)
    return beginning + struct.pack(order + "HHI", 0x0112, kind, 1) + value


@pytest.mark.parametrize("progressive", [True, False])
def test_scans_that_come_again_and_again(progressive: bool) -> None:
    """Each walks all blocks, however few its bytes."""
    data = repeating_scans(2048, 40, progressive)
    with pytest.raises(InvalidImage, match="would take too long to decode"):
        to_clean_png(data)
    assert inspect_image(data).width == 2048


def test_a_small_picture_may_be_odd() -> None:
    """What is repeated there costs nothing."""
    assert to_clean_png(repeating_scans(64, 40, progressive=True)).width == 64


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_progressive_pictures_as_encoders_make_them(mode: str, subsampling: int) -> None:
    """Five or six visits of each block, at any size."""
    data = saved(Image.new(mode, (3000, 2000)), "JPEG", progressive=True, subsampling=subsampling)
    assert decode_image(data).size == (3000, 2000)


def test_many_segments_of_a_jpeg() -> None:
    """Refused before and behind the frame; as many as a photograph has are not."""
    many = segment(0xFE, b"x") * 5000
    for data in (with_segments(many), with_segments(saved(RAMP, "JPEG")[2:-2], many)):
        with pytest.raises(InvalidImage, match="too many segments"):
            to_clean_png(data)
    assert decode_image(with_segments(segment(0xE1, bytes(65_000)) * 300)).size == RAMP.size


@pytest.mark.parametrize("kind", [b"IDAT", b"tEXt", b"teSt"])
def test_many_chunks_of_a_png(kind: bytes) -> None:
    """Refused, whatever is in them."""
    with pytest.raises(InvalidImage, match="too many pieces"):
        to_clean_png(with_chunks(chunk(kind) * 5000))


def test_many_chunks_of_a_webp() -> None:
    """Refused, too."""
    data = saved(RAMP, "WEBP")
    with pytest.raises(InvalidImage, match="too many pieces"):
        to_clean_png(riff((b"VP8 ", data[20:]), *[(b"junk", b"")] * 5000))


def test_pixels_in_pieces() -> None:
    """As encoders for the web cut them."""
    data = saved(Image.effect_noise((600, 600), 90))
    raw = b"".join(data[it.start : it.end] for it in png_chunks(data) if it.kind == b"IDAT")
    cut = b"".join(chunk(b"IDAT", raw[at : at + 1024]) for at in range(0, len(raw), 1024))
    assert decode_image(data[:33] + cut + chunk(b"IEND")).tobytes() == decode_image(data).tobytes()


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt", b"eXIf", b"acTL", b"sPLT", b"hIST"])
def test_no_decoder_sees_what_is_no_pixel(kind: bytes) -> None:
    """Neither its content nor its checksum matter."""
    broken = struct.pack(">I", 9) + kind + b"\0" * 9 + b"\0\0\0\0"
    assert strip(with_chunks(broken), "PNG").data == saved(RAMP)


def test_profiles_that_come_again_and_again() -> None:
    """Each would unfold to a megabyte; the first one counts."""
    bomb = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1_000_000), 9))
    lean = strip(with_chunks(bomb * 500), "PNG").data
    assert [it.kind for it in png_chunks(lean)].count(b"iCCP") == 1


def test_metadata_of_a_jpeg_is_left_out() -> None:
    """Previews, text and other pictures; its colour profile stays."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sound = saved(RAMP, "JPEG", icc_profile=profile)
    noise = [
        segment(0xE1, b"Exif\0\0MM"),
        segment(0xE2, b"MPF\0II"),
        segment(0xED, bytes(100)),
        segment(0xFE, b"hello"),
    ]
    assert strip(with_segments(*noise, data=sound) + b"behind its end", "JPEG").data == sound


def test_metadata_of_a_webp_is_left_out() -> None:
    """As of the others."""
    plain = saved(RAMP, "WEBP", lossless=True, icc_profile=b"x" * 31)
    marked = saved(RAMP, "WEBP", lossless=True, icc_profile=b"x" * 31, exif=b"Exif\0\0" + exif(), xmp=b"<x/>")
    assert strip(marked, "WEBP").data == plain
    assert strip(marked, "WEBP").orientation == 6


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_orientation_is_read(kind: str) -> None:
    """By us, from a block that no library sees."""
    asked = Image.Exif()
    asked[0x0112] = 6
    assert decode_image(saved(RAMP, kind, exif=asked)).size == (48, 64)


@pytest.mark.parametrize("block", [exif(), exif(order="<"), exif(kind=4), b"Exif\0\0" + exif()])
def test_orientation_in_every_notation(block: bytes) -> None:
    """Both byte orders, short and long, with and without its name."""
    assert read_orientation(block) == 6


@pytest.mark.parametrize("block", [b"", b"MM", exif()[:12], exif()[:-3], b"MM\0*\xff\xff\xff\xff", bytes(64)])
def test_orientation_of_scraps(block: bytes) -> None:
    """Upright."""
    assert read_orientation(block) == 1


def test_an_orientation_in_text_turns_nothing() -> None:
    """Browsers do not read XMP for that."""
    text = b'XML:com.adobe.xmp\0\0\0\0\0<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    assert decode_image(with_chunks(chunk(b"iTXt", text))).size == RAMP.size


def test_a_block_that_asks_for_gigabytes() -> None:
    """Five thousand entries, each of them nearly the whole block."""
    entry = struct.pack(">HHII", 0x9286, 7, 60_000, 8)
    block = b"Exif\0\0MM" + struct.pack(">HIH", 42, 8, 5000) + entry * 5000
    assert decode_image(with_segments(segment(0xE1, block[:65_000]))).size == RAMP.size


def chain(elements: int) -> bytes:
    """A colour profile whose one tag is a chain of matrices, all of them the same bytes."""
    matrix = b"matf\0\0\0\0" + struct.pack(">HH12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    places = struct.pack(">II", 16 + 8 * elements, len(matrix)) * elements
    body = b"mpet\0\0\0\0" + struct.pack(">HHI", 3, 3, elements) + places + matrix
    head = struct.pack(">I4sI4s4s4s", 144 + len(body), b"none", 0x04300000, b"mntr", b"RGB ", b"XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"D2B0", 144, len(body)) + body


def test_chains_of_a_profile_are_not_followed() -> None:
    """What LittleCMS would do for seconds is not done; a profile without them stays as it is."""
    started = time.process_time()
    decode_image(saved(RAMP, "JPEG", icc_profile=chain(1000)))
    short = time.process_time() - started
    started = time.process_time()
    decode_image(saved(RAMP, "JPEG", icc_profile=chain(60_000)))
    assert time.process_time() - started < 20 * short + 1.0  # 76 s when they are followed
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert without_chains(plain) == plain


def test_pixels_that_inflate_to_more_than_there_are() -> None:
    """Nothing behind the last row is inflated."""
    rows = zlib.compress(bytes((1 + 3 * 64) * 48) + bytes(100_000_000), 1)
    data = saved(RAMP)
    assert decode_image(data[:33] + chunk(b"IDAT", rows) + chunk(b"IEND")).size == RAMP.size


HOSTILE: dict[str, Callable[[], bytes]] = {
    "fill bytes": lambda: b"\xff\xd8" + b"\xff" * 19_900_000,
    "zeros": lambda: b"\xff\xd8\xff\xe0\0\2" + bytes(19_900_000),
    "restarts": lambda: b"\xff\xd8" + b"\xff\xd0" * 9_900_000,
    "tiny segments": lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 4_900_000,
    "segments with gaps": lambda: b"\xff\xd8" + (b"\xff\xfe\0\2" + b"\xff" * 4000) * 4900,
    "tiny chunks": lambda: saved(RAMP)[:33] + chunk(b"teSt") * 1_600_000,
    "escapes in a scan": lambda: saved(RAMP, "JPEG")[:-2] + b"\xff\0" * 9_900_000,
    "restarts in a scan": lambda: saved(RAMP, "JPEG")[:-2] + b"\xff\xd0" * 9_900_000,
    "fill bytes in a scan": lambda: saved(RAMP, "JPEG")[:-2] + b"\xff" * 19_900_000,
    "tiny pieces": lambda: riff((b"VP8 ", saved(RAMP, "WEBP")[20:]), *[(b"junk", b"")] * 2_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_reading_a_header_is_bounded(name: str) -> None:
    """Threads that wait for providers do it: it takes a small part of what copying the bytes by hand would."""
    data = HOSTILE[name]()
    assert len(data) <= ImageLimits().max_bytes
    started = time.process_time()
    with suppress(InvalidImage):
        inspect_image(data)
    assert time.process_time() - started < 1.5  # 5 to 1000 times less here; a loop over all bytes takes longer
    started = time.process_time()
    with suppress(InvalidImage):
        to_clean_png(data)
    assert time.process_time() - started < 5.0  # 0.4 s at most here
