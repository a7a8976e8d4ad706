"""The name below a mark, set in the font that comes with Pillow."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MISSING = "\ufffe"  # a noncharacter that no font has: its picture is the font's missing glyph


@lru_cache(maxsize=8)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _drawable(character: str, font: Font) -> bool:
    if character == " ":
        return True
    try:
        glyph = bytes(font.getmask(character))
        return any(glyph) and glyph != bytes(font.getmask(_MISSING))
    except (UnicodeError, ValueError, OSError):
        return False


def typeset(name: str) -> str:
    """Return `name` in capitals that the font has; other letters lose their accents or are dropped."""
    font = _font(40)
    kept = []
    for character in unicodedata.normalize("NFC", name.upper()):
        plain = unicodedata.normalize("NFKD", character)[:1]
        kept.append(next((one for one in (character, plain) if _drawable(one, font)), ""))
    return " ".join("".join(kept).split())[:28]


def letter(
    canvas: Image.Image, text: str, middle: float, height: float, width: float, color: tuple[int, int, int]
) -> None:
    """Set `text` on one spaced line, centred at `middle`; capitals of `height` and at most `width`, in pixels."""
    size = round(height / 0.72)  # capitals of the font are 0.72 of its size
    spacing = 0.16
    while size > 12 and _width(text, size, spacing) > width:
        size = round(size * 0.93)
    font, pen = _font(size), ImageDraw.Draw(canvas)
    x, weight = (canvas.width - _width(text, size, spacing)) / 2, max(1, size // 40)
    for character in text:
        pen.text((x, middle), character, fill=color, font=font, anchor="lm", stroke_width=weight)
        x += font.getlength(character) + size * spacing


def _width(text: str, size: int, spacing: float) -> float:
    font = _font(size)
    return sum(font.getlength(character) for character in text) + size * spacing * (len(text) - 1)
