"""Whether what a provider sent is an image at all: told by the bytes, never by the status or the declared type."""

from __future__ import annotations

from concept_worker.errors import BadProviderAnswer, DownloadRefused, PictureGone
from concept_worker.imaging.codec import ImageLimits, inspect_image
from concept_worker.services.http.bodies import Unacceptable, decode_base64
from concept_worker.services.http.download import NO_IMAGE, GuardedDownloader

NOT_AN_IMAGE = "The image provider answered with something that is not an image."
BAD_LINK = "The image provider's link cannot be followed; the operator must check the hosts that downloads may reach."

LINK_GONE = "The image provider's link has expired or leads to no image."

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def checked_image(content: bytes, limits: ImageLimits) -> bytes:
    """`content`, when it begins like a PNG, JPEG or WebP of acceptable size; decoding is the pipeline's business.

    Raises:
        BadProviderAnswer: another kind of content, such as a web page or a vector drawing.
        InvalidImage: an image, but too large, animated, or cut within its header.
    """
    if not content.startswith(_SIGNATURES) and not (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        raise BadProviderAnswer(NOT_AN_IMAGE)
    inspect_image(content, limits)
    return content


def decoded_base64(text: str) -> bytes:
    """The bytes in `text`: plain base64, with line breaks if it likes, or a `data:` URL of it.

    Raises:
        BadProviderAnswer: it is neither.
    """
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return decode_base64(encoded)
    except Unacceptable as exc:
        raise BadProviderAnswer(NOT_AN_IMAGE) from exc


def download_result(downloader: GuardedDownloader, url: str) -> bytes:
    """The picture behind a provider's own link.

    Raises:
        BadProviderAnswer: the link is not one we download from; the log names its host.
        PictureGone: the link leads to nothing any more.
        ProviderUnavailable: its server is away or slow.
    """
    try:
        return downloader.download(url)
    except DownloadRefused as exc:
        if str(exc) == NO_IMAGE:
            raise PictureGone(LINK_GONE) from exc
        raise BadProviderAnswer(BAD_LINK) from exc


def json_budget(limits: ImageLimits) -> int:
    """Bytes a JSON answer may have that carries one image of acceptable size as base64, and something around it."""
    return limits.max_bytes * 4 // 3 + 65_536
