"""A check that a provider's answer is an image: by its bytes, never by the status or the declared type."""

from __future__ import annotations

from concept_worker.errors import BadProviderAnswer, DownloadRefused, PictureGone
from concept_worker.imaging.codec import ImageLimits, inspect_image, is_accepted_drawing
from concept_worker.services.http.bodies import Unacceptable, decode_base64
from concept_worker.services.http.download import NO_IMAGE, GuardedDownloader
from concept_worker.settings import Settings

NOT_AN_IMAGE = "The image provider answered with something that is not an image."
BAD_LINK = "The image provider's link cannot be followed; the operator must check the hosts that downloads may reach."

LINK_GONE = "The image provider's link has expired or leads to no image."

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def image_limits(settings: Settings) -> ImageLimits:
    """Return the limits of pictures for `settings`; drawings are accepted where they ask for them."""
    return ImageLimits(
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
        drawing_side=settings.image_size if settings.accept_svg else 0,
    )


def checked_image(content: bytes, limits: ImageLimits) -> bytes:
    """Return `content` if it begins like a PNG, JPEG or WebP of acceptable size; a later stage decodes it.

    Raises:
        BadProviderAnswer: another kind of content, such as a web page or a vector drawing.
        InvalidImage: an image, but too large, animated, or cut within its header.
    """
    if is_accepted_drawing(content, limits):
        return content
    if not content.startswith(_SIGNATURES) and not (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        raise BadProviderAnswer(NOT_AN_IMAGE)
    inspect_image(content, limits)
    return content


def decoded_base64(text: str) -> bytes:
    """Decode base64, with or without line breaks, or a `data:` URL of it.

    Raises:
        BadProviderAnswer: it is neither.
    """
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return decode_base64(encoded)
    except Unacceptable as exc:
        raise BadProviderAnswer(NOT_AN_IMAGE) from exc


def download_result(downloader: GuardedDownloader, url: str) -> bytes:
    """Download the picture behind a provider's own link.

    Raises:
        BadProviderAnswer: the link is not one we download from; the log names its host.
        PictureGone: the link leads to no image any more.
        ProviderUnavailable: the link's server is unavailable or slow.
    """
    try:
        return downloader.download(url)
    except DownloadRefused as exc:
        if str(exc) == NO_IMAGE:
            raise PictureGone(LINK_GONE) from exc
        raise BadProviderAnswer(BAD_LINK) from exc


def json_budget(limits: ImageLimits) -> int:
    """Return the largest size, in bytes, of a JSON answer with one acceptable image as base64 and some fields."""
    return limits.max_bytes * 4 // 3 + 65_536
