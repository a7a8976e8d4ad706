"""The door for image bytes."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import CleanImage, ImageFacts, ImageLimits, decode_image, inspect_image, to_clean_png


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(clean: CleanImage) -> Image.Image:
    image = Image.open(io.BytesIO(clean.data))
    image.load()
    return image


def claiming(width: int, height: int) -> bytes:
    """A PNG that claims a size it does not have."""
    data = bytearray(saved(Image.new("RGB", (4, 4))))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


RAMP = Image.linear_gradient("L").resize((8, 6))
COLOR = Image.merge("RGB", (RAMP, RAMP.rotate(180), RAMP.point(lambda level: level // 3)))


def pixel(image: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    """The channels of a pixel."""
    found = image.getpixel(at)
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_format_and_size_are_told_by_content(kind: Any) -> None:
    """The three formats are recognised from their bytes."""
    assert inspect_image(saved(COLOR, kind)) == ImageFacts(kind, 8, 6)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exact": True, "lossless": True}])
def test_every_flavour_of_webp_tells_its_size(options: dict[str, bool]) -> None:
    """Lossy, lossless and extended WebP keep their size in different places."""
    soft = COLOR.resize((70, 33))
    soft.putalpha(RAMP.resize((70, 33)))
    assert inspect_image(saved(soft, "WEBP", **options)).width == 70
    assert inspect_image(saved(COLOR.resize((70, 33)), "WEBP", **options)).height == 33


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "ICO"])
def test_other_formats_are_refused(kind: str) -> None:
    """Only PNG, JPEG and WebP come in."""
    with pytest.raises(InvalidImage, match="not a PNG, JPEG or WebP"):
        inspect_image(saved(COLOR.resize((16, 16)), kind))


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"<svg/>", b"RIFF0000WEBP", b"\xff\xd8\xff"])
def test_scraps_are_refused(data: bytes) -> None:
    """Bytes that end before the size is told are no image."""
    with pytest.raises(InvalidImage):
        to_clean_png(data)


def test_bytes_are_counted_before_anything_else() -> None:
    """A file over the limit is refused whatever is in it."""
    with pytest.raises(InvalidImage, match="larger than 1 MB"):
        inspect_image(bytes(1_000_001), ImageLimits(max_bytes=1_000_000))


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (8193, 1), (4097, 4096), (0, 5)])
def test_claimed_size_is_checked_before_decoding(width: int, height: int) -> None:
    """A bomb is refused by its header."""
    with pytest.raises(InvalidImage):
        inspect_image(claiming(width, height))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_truncated_files_are_refused(kind: str) -> None:
    """Half a file is not an image."""
    data = saved(COLOR.resize((200, 150)), kind)
    with pytest.raises(InvalidImage, match="damaged or incomplete"):
        to_clean_png(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    """A moving picture is not a logo."""
    data = saved(COLOR, kind, save_all=True, append_images=[COLOR.rotate(90)])
    with pytest.raises(InvalidImage, match="animated"):
        inspect_image(data)


def test_a_text_bomb_is_left_as_it_is() -> None:
    """Compressed text that would unfold to 80 MB never does: no decoder sees it."""
    body = b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = saved(COLOR)
    assert to_clean_png(data[:33] + chunk + data[33:]) == to_clean_png(data)


def test_a_clean_png_passes_unchanged() -> None:
    """What is already plain keeps its bytes."""
    data = saved(COLOR)
    assert to_clean_png(data) == CleanImage(data, 8, 6)


def test_metadata_is_left_behind() -> None:
    """Text, EXIF and profiles do not reach the output."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "somebody private")
    exif = Image.Exif()
    exif[0x010E] = "somewhere private"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    clean = to_clean_png(saved(COLOR, pnginfo=text, exif=exif, icc_profile=profile, dpi=(300, 300)))
    assert b"private" not in clean.data
    assert opened(clean).info == {}
    assert opened(clean).tobytes() == COLOR.tobytes()


def test_bytes_after_the_end_are_left_behind() -> None:
    """What hides behind the last chunk is not copied."""
    assert to_clean_png(saved(COLOR) + b"hidden") == to_clean_png(saved(COLOR))


def test_exif_orientation_is_applied() -> None:
    """A picture that says "turn me" is turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    clean = to_clean_png(saved(Image.new("RGB", (64, 32)), "JPEG", exif=exif))
    assert (clean.width, clean.height) == (32, 64)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    """Levels above 255 of deep grey stay distinct."""
    deep = Image.new("I;16", (256, 1))
    for column in range(256):
        deep.putpixel((column, 0), column * 257)
    image = opened(to_clean_png(saved(deep)))
    assert [pixel(image, (column, 0))[0] for column in range(256)] == list(range(256))


def test_deep_grey_keeps_its_see_through_level() -> None:
    """The one transparent level of a 16-bit grey PNG becomes alpha."""
    deep = Image.new("I;16", (2, 1), 1000)
    deep.putpixel((1, 0), 65535)
    image = opened(to_clean_png(saved(deep, transparency=65535)))
    assert (image.mode, pixel(image, (0, 0))[3], pixel(image, (1, 0))[3]) == ("RGBA", 255, 0)


def test_a_palette_with_transparency_becomes_alpha() -> None:
    """A hidden palette entry is see-through, not its colour."""
    flat = Image.new("P", (2, 1))
    flat.putpalette([255, 0, 0, 0, 0, 255])
    flat.putpixel((1, 0), 1)
    image = opened(to_clean_png(saved(flat, transparency=1)))
    assert (pixel(image, (0, 0)), pixel(image, (1, 0))[3]) == ((255, 0, 0, 255), 0)


def test_cmyk_becomes_rgb() -> None:
    """Printers' inks become light."""
    image = opened(to_clean_png(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")))
    red, green, blue = pixel(image, (4, 4))
    assert image.mode == "RGB"
    assert (red > 200, green < 80, blue < 80) == (True, True, True)


def test_a_profile_is_applied() -> None:
    """A profile whose red and green change places is seen in the result; alpha is not touched by it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    profile = profile.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    red = Image.new("RGBA", (2, 2), (250, 20, 20, 128))
    level = pixel(decode_image(saved(red, icc_profile=profile)), (0, 0))
    assert (level[0] < level[1], level[3]) == (True, 128)


def test_a_profile_for_other_pixels_is_ignored() -> None:
    """A profile that does not fit the picture's kind of pixel does not cost the picture."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert decode_image(saved(COLOR, icc_profile=profile)).tobytes() == COLOR.tobytes()


def test_a_broken_profile_is_ignored() -> None:
    """Nonsense instead of a profile does not cost the picture."""
    assert decode_image(saved(COLOR, icc_profile=b"nonsense" * 40)).tobytes() == COLOR.tobytes()


def test_alpha_that_hides_nothing_is_dropped() -> None:
    """An opaque RGBA picture is an RGB picture."""
    assert decode_image(saved(COLOR.convert("RGBA"))).mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_ends_as_rgb_or_rgba(mode: str) -> None:
    """Whatever is stored, eight-bit RGB or RGBA comes out."""
    assert opened(to_clean_png(saved(COLOR.convert(mode)))).mode in ("RGB", "RGBA")


def test_importing_the_codec_does_not_import_numpy() -> None:
    """Those who only check an image do not pay for array arithmetic."""
    code = "import sys, concept_worker.imaging.codec; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
