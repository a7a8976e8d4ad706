"""A refinement: the picture is decoded, changed as the wishes say, and encoded again."""

from __future__ import annotations

from PIL import Image

from concept_worker.imaging.codec import decode_image
from concept_worker.offline.raster import encode_png
from concept_worker.offline.refinement.colors import Flat, flats_of, recolored, repaint
from concept_worker.offline.refinement.forms import REFORMS, reform
from concept_worker.offline.refinement.layout import FRAMES, LAYOUTS, enframe_picture, rearrange
from concept_worker.offline.refinement.wishes import Change, Wishes, wishes_of

_LARGEST = 2048  # pixels a side that are worked on; larger pictures are reduced first


def refine(original: bytes, prompt: str, preserve_aspects: tuple[str, ...], seed: int) -> bytes:
    """Change the picture as `prompt` asks; return PNG bytes. The same arguments give the same bytes.

    Raises:
        InvalidImage: `original` is not a picture we can read.
    """
    picture = _decode_on_white(original)
    wishes = wishes_of(prompt, preserve_aspects, seed)
    flats = flats_of(picture)
    for change in LAYOUTS:
        if wishes.has(change):
            picture = rearrange(picture, flats[0], change)
    for change in REFORMS:
        if wishes.has(change):
            picture = reform(picture, flats, change)
    frame = next((change for change in FRAMES if wishes.has(change)), None)
    if frame is not None:
        picture = enframe_picture(picture, flats, frame)
    return encode_png(_recolored(picture, flats, wishes))


def _recolored(picture: Image.Image, flats: list[Flat], wishes: Wishes) -> Image.Image:
    targets = recolored(flats, wishes)
    if targets != [flat.rgb for flat in flats]:
        picture = repaint(picture, flats, targets)
    return picture.convert("L").convert("RGB") if wishes.has(Change.GREY) else picture


def _decode_on_white(original: bytes) -> Image.Image:
    """Decode as RGB on white, with no side longer than `_LARGEST`."""
    picture = decode_image(original)
    if picture.mode == "RGBA":
        opaque = Image.new("RGB", picture.size, (255, 255, 255))
        opaque.paste(picture, mask=picture.getchannel("A"))
        picture = opaque
    picture = picture.convert("RGB")
    picture.thumbnail((_LARGEST, _LARGEST))
    return picture
