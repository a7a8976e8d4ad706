"""The entry for image bytes: everything but a sound PNG, JPEG or WebP within the limits is refused as `InvalidImage`.

Order matters: bytes are counted first, the header is read by plain Python, the claimed size is checked, and only then
does a decoder see the file.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from concept_worker.errors import InvalidImage
from concept_worker.imaging.fitting import fit
from concept_worker.imaging.headers import PNG_SIGNATURE, Header, ImageFormat, png_chunks, read_header
from concept_worker.imaging.lean import strip
from concept_worker.imaging.profiles import without_chains
from concept_worker.imaging.vector import is_svg, rasterize

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsProfile

# The turn that makes a stored picture upright, by EXIF orientation (JEITA CP-3451, table 4.6.5); 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DEEP = 65535  # the highest level of a 16-bit channel
# Chunks of a PNG that holds only pixels.
_PLAIN_CHUNKS = frozenset({b"IHDR", b"IDAT", b"IEND"})
_PLAIN_DEPTHS = (b"\x08\x02", b"\x08\x06")  # 8 bits a channel, RGB or RGBA


@dataclass(frozen=True)
class ImageLimits:
    """The largest file and picture that we accept, and the largest that we make. 4096 x 4096 RGBA is 67 MB decoded."""

    max_bytes: int = 20_000_000
    max_pixels: int = 16_777_216  # 4096 x 4096
    max_side: int = 8192
    max_clean_bytes: int = 20_000_000  # of a PNG that we make; the buckets take 20,971,520
    drawing_side: int = 0  # pixels of the longer side that an SVG drawing gets; 0: drawings are refused


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True)
class ImageFacts:
    """The claims of a header. Sides in pixels as stored: an EXIF orientation may still swap them."""

    format: ImageFormat
    width: int
    height: int


@dataclass(frozen=True)
class CleanImage:
    """An upright 8-bit sRGB RGB or RGBA picture as PNG bytes without metadata; sides in pixels.

    A picture whose PNG would be larger than the limit is scaled down until the PNG fits.
    """

    data: bytes
    width: int
    height: int


def rehearse(limits: ImageLimits = DEFAULT_LIMITS) -> None:
    """Read and write a picture of each format, so that every import is done and every codec is known to work."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP"):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, kind, icc_profile=profile)
        to_clean_png(buffer.getvalue())
    if limits.drawing_side:
        to_clean_png(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M1 1h6v6z"/></svg>', limits)


def is_accepted_drawing(data: bytes, limits: ImageLimits) -> bool:
    """Return whether the bytes begin like an SVG drawing, and drawings are accepted."""
    return limits.drawing_side > 0 and is_svg(data)


def inspect_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> ImageFacts:
    """Read format and size from the content, without decoding; takes microseconds.

    Raises:
        InvalidImage: another format, animated, too many bytes or pixels, or cut before its size is told.
    """
    header = _checked_header(data, limits)
    return ImageFacts(header.format, header.width, header.height)


def decode_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> Image.Image:
    """Decode fully to an upright 8-bit sRGB picture of mode RGB, or RGBA when any pixel is not opaque.

    Colour profiles are applied, or ignored when broken; 16-bit levels are scaled, not clipped. The result carries no
    metadata.

    Raises:
        InvalidImage: as `inspect_image`, and for anything that does not decode to its last row.
    """
    header = _checked_header(data, limits)
    try:
        lean = strip(data, header.format)
        with Image.open(io.BytesIO(lean.data), formats=(header.format,)) as image:
            _check_size(image.width, image.height, limits)
            if header.format != "JPEG" and getattr(image, "is_animated", False):
                raise InvalidImage("The image is animated; send a still picture.")
            image.load()
            return _remove_metadata(_drop_idle_alpha(_to_srgb(_turn_upright(image, lean.orientation))))
    except (InvalidImage, MemoryError):
        raise
    except Exception as exc:  # Pillow raises OSError, ValueError, SyntaxError, EOFError, struct and zlib errors
        raise InvalidImage("The image is damaged or incomplete and cannot be read.") from exc


def to_clean_png(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> CleanImage:
    """Decode fully and return an 8-bit sRGB PNG without metadata; bytes that are such a PNG stay unchanged.

    Raises:
        InvalidImage: as `decode_image`.
    """
    if is_accepted_drawing(data, limits):
        data = rasterize(data, limits.drawing_side)
    image = decode_image(data, limits)
    if _is_plain_png(data) and len(data) <= limits.max_clean_bytes:
        return CleanImage(data, image.width, image.height)
    return CleanImage(*fit(image, limits.max_clean_bytes))


def fit_png(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> bytes:
    """Return a PNG of our own unchanged when it is small enough; else scale the picture down until its PNG is."""
    if len(data) <= limits.max_clean_bytes:
        return data
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return fit(_to_srgb(image), limits.max_clean_bytes)[0]


def _checked_header(data: bytes, limits: ImageLimits) -> Header:
    # Accept our own clean PNG of an accepted picture, though the PNG may be larger than the original.
    if len(data) > limits.max_bytes and not (len(data) <= limits.max_clean_bytes and _is_plain_png(data)):
        raise InvalidImage(f"The image is larger than {limits.max_bytes / 1e6:g} MB.")
    header = read_header(data)
    if header is None:
        raise InvalidImage("The file is not a PNG, JPEG or WebP image, or its beginning is damaged.")
    _check_size(header.width, header.height, limits)
    if header.animated:
        raise InvalidImage("The image is animated; send a still picture.")
    return header


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if width < 1 or height < 1:
        raise InvalidImage("The image has no pixels.")
    if max(width, height) > limits.max_side:
        raise InvalidImage(f"The image is longer than {limits.max_side} pixels on a side.")
    if width * height > limits.max_pixels:
        raise InvalidImage(f"The image has more than {limits.max_pixels / 1e6:.1f} million pixels.")


def _turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn the picture as its EXIF orientation asks; ignore an unknown orientation."""
    turn = _UPRIGHT.get(orientation)
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.info = dict(image.info)
    return turned


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert to RGB or RGBA in sRGB, through the picture's own profile when that is sound."""
    if image.mode.startswith(("I", "F")):
        return _from_deep_grey(image)
    see_through = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    mode = "RGBA" if see_through else "RGB"
    profile = image.info.get("icc_profile")
    if profile:
        if image.mode not in ("L", "RGB", "RGBA", "CMYK"):
            image = image.convert(mode)
        image = _through_profile(image, profile)
    return image if image.mode == mode else image.convert(mode)


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits (a plain conversion clips at 255); keep its one see-through level, if any."""
    deep = image.convert("I")
    grey = deep.point([(level * 255 + _DEEP // 2) // _DEEP for level in range(_DEEP + 1)], "L")
    hidden = image.info.get("transparency")
    if not isinstance(hidden, int):
        return grey.convert("RGB")
    alpha = deep.point([0 if level == hidden else 255 for level in range(_DEEP + 1)], "L")
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB; leave the picture as it is when the profile is sRGB, broken, or for another kind of pixel."""
    from PIL import ImageCms  # loads LittleCMS, which most pictures do not need

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(without_chains(profile)))
        if _is_srgb(source):
            return image
        target = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=target)
    except Exception:  # a wrong profile is common and harmless: the plain reading of the pixels is the fallback
        return image
    if converted is None:
        return image
    converted.info = dict(image.info)
    return converted


def _is_srgb(profile: ImageCmsProfile) -> bool:
    """Tell whether a profile calls itself sRGB; this commonest case saves transforming a whole picture."""
    return "srgb" in (profile.profile.profile_description or "").lower()


def _drop_idle_alpha(image: Image.Image) -> Image.Image:
    """Convert RGBA to RGB when every pixel is opaque."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image


def _remove_metadata(image: Image.Image) -> Image.Image:
    """Remove everything that a writer might copy: text, profile, resolution, EXIF."""
    image.info = {}
    return image


def _is_plain_png(data: bytes) -> bool:
    """Tell whether the bytes are an 8-bit RGB or RGBA PNG with only pixel chunks and no bytes behind IEND."""
    if data[:8] != PNG_SIGNATURE or data[24:26] not in _PLAIN_DEPTHS:
        return False
    chunks = list(png_chunks(data))
    return (
        chunks[-1].kind == b"IEND"
        and chunks[-1].end + 4 == len(data)
        and {chunk.kind for chunk in chunks} <= _PLAIN_CHUNKS
    )
