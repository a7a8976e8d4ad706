"""Pages to look at: a concept with its variations, and rows of pictures side by side."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from concept_worker.imaging.codec import ImageLimits, decode_image

# Pixels. The page is twice as wide as most screens show it, so that it stays sharp when looked into.
_PAGE = 2000
_MARGIN = 96
_GAP = 40
_COLUMNS = 4  # the base takes two of them, and two rows
_CAPTION = 104
_SWATCH = 40
_RADIUS = 14
_ROW_LABEL = 260  # of a comparison sheet
# Pictures of one page share a frame; longer ones than this are fitted into it, not followed.
_SHAPE_MIN, _SHAPE_MAX = 0.5, 2.0  # height by width
_CHECKER = 16
_PAPER, _CARD, _SHADE, _LINE = "#F5F4F1", "#FFFFFF", "#ECEBE8", "#DEDCD7"
_TEXT, _QUIET = "#1C1B1A", "#77736D"
_ELLIPSIS = "…"
# Pillow's typeface has the letters A to Z and a few signs; these have no decomposition in Unicode.
_REPLACED = {"–": "-", "—": "-", "−": "-", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "ł": "l"}
_NO_CHARACTER = "\uffff"  # never assigned, so it is drawn as the box for missing glyphs

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class SheetEntry:
    """One variation on a sheet: its picture (PNG, JPEG or WebP bytes), the palette's name and "#RRGGBB" colors."""

    image: bytes
    name: str
    colors: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonRow:
    """One row of a comparison: what it shows, and its pictures from left to right."""

    label: str
    images: tuple[bytes, ...]


def contact_sheet(title: str, subtitle: str, base: bytes, variations: Sequence[SheetEntry]) -> bytes:
    """A page as PNG bytes: the base image large, and each variation with its palette's name and swatches.

    Raises:
        InvalidImage: a picture cannot be read.
    """
    picture = _read(base)
    cell = (_PAGE - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
    frame = round(cell * min(max(picture.height / picture.width, _SHAPE_MIN), _SHAPE_MAX))
    step = frame + _CAPTION + _GAP
    rows = max(2, 2 + -(-(len(variations) - 4) // _COLUMNS))
    top = 300
    page = Image.new("RGB", (_PAGE, top + rows * step - _GAP + _MARGIN), _PAPER)
    _write_header(page, title, subtitle)
    width = 2 * cell + _GAP
    large = (_MARGIN, top, _MARGIN + width, top + width * frame // cell)
    _place(page, picture, large)
    ImageDraw.Draw(page).text((_MARGIN, large[3] + 22), "Base image", fill=_TEXT, font=_font(30))
    for entry, (column, row) in zip(variations, _seats(len(variations)), strict=True):
        left, upper = _MARGIN + column * (cell + _GAP), top + row * step
        _place(page, _read(entry.image), (left, upper, left + cell, upper + frame))
        _write_caption(page, entry, (left, upper + frame, left + cell, upper + frame + _CAPTION))
    return _png(page)


def comparison_sheet(title: str, subtitle: str, headings: Sequence[str], rows: Sequence[ComparisonRow]) -> bytes:
    """A page as PNG bytes: one labelled row of pictures each, under common headings.

    Raises:
        InvalidImage: a picture cannot be read.
    """
    columns = max([len(headings), *(len(row.images) for row in rows)])
    cell = (_PAGE - 2 * _MARGIN - _ROW_LABEL - (columns - 1) * _GAP // 2) // max(columns, 1)
    top = 350
    page = Image.new("RGB", (_PAGE, top + len(rows) * (cell + _GAP // 2) + _MARGIN), _PAPER)
    _write_header(page, title, subtitle)
    pen = ImageDraw.Draw(page)
    for column, heading in enumerate(headings):
        left = _MARGIN + _ROW_LABEL + column * (cell + _GAP // 2)
        pen.text((left, top - 46), _fit(heading, _font(24), cell), fill=_QUIET, font=_font(24))
    for index, row in enumerate(rows):
        upper = top + index * (cell + _GAP // 2)
        _write_label(pen, row.label, upper + cell // 2)
        for column, image in enumerate(row.images):
            left = _MARGIN + _ROW_LABEL + column * (cell + _GAP // 2)
            _place(page, _read(image), (left, upper, left + cell, upper + cell))
    return _png(page)


def _seats(count: int) -> list[tuple[int, int]]:
    """Column and row of each variation: four beside the base, the others below."""
    beside = [(2, 0), (3, 0), (2, 1), (3, 1)]
    below = [(index % _COLUMNS, 2 + index // _COLUMNS) for index in range(max(0, count - 4))]
    return [*beside, *below][:count]


def _read(data: bytes) -> Image.Image:
    return decode_image(data, ImageLimits(max_bytes=200_000_000))  # our own pictures; the door was elsewhere


def _place(page: Image.Image, picture: Image.Image, box: Box) -> None:
    """The picture fitted into a white card with rounded corners; a checkerboard shows through where it has alpha."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    fitted = picture.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)
    card = Image.new("RGB", (width, height), _CARD)
    at = ((width - size[0]) // 2, (height - size[1]) // 2)
    if fitted.mode == "RGBA":
        card.paste(_checkerboard(size), at)
        card.paste(fitted, at, fitted)
    else:
        card.paste(fitted, at)
    page.paste(card, box[:2], _rounded(width, height))
    ImageDraw.Draw(page).rounded_rectangle(box, _RADIUS, outline=_LINE, width=2)


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    tile = Image.new("RGB", (2, 2), _CARD)
    tile.putpixel((0, 1), (236, 235, 232))
    tile.putpixel((1, 0), (236, 235, 232))
    board = Image.new("RGB", (-(-size[0] // _CHECKER), -(-size[1] // _CHECKER)))
    for x in range(0, board.width, 2):
        for y in range(0, board.height, 2):
            board.paste(tile, (x, y))
    return board.resize((board.width * _CHECKER, board.height * _CHECKER), Image.Resampling.NEAREST).crop((0, 0, *size))


def _rounded(width: int, height: int) -> Image.Image:
    mask = Image.new("L", (width * 2, height * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 2 - 1, height * 2 - 1), _RADIUS * 2, fill=255)
    return mask.reduce(2)


def _write_header(page: Image.Image, title: str, subtitle: str) -> None:
    pen = ImageDraw.Draw(page)
    room = page.width - 2 * _MARGIN
    pen.text((_MARGIN, 88), _fit(title, _font(72), room), fill=_TEXT, font=_font(72))
    pen.text((_MARGIN, 192), _fit(subtitle, _font(32), room), fill=_QUIET, font=_font(32))


def _write_caption(page: Image.Image, entry: SheetEntry, box: Box) -> None:
    """Name over swatches; the swatches touch, as on a printer's strip."""
    pen = ImageDraw.Draw(page)
    pen.text((box[0], box[1] + 14), _fit(entry.name, _font(26), box[2] - box[0]), fill=_TEXT, font=_font(26))
    top = box[1] + 56
    for index, color in enumerate(entry.colors):
        left = box[0] + index * (_SWATCH + 6)
        pen.rounded_rectangle((left, top, left + _SWATCH, top + _SWATCH - 8), 8, fill=color, outline=_LINE)


def _write_label(pen: ImageDraw.ImageDraw, label: str, middle: int) -> None:
    """A row's label, its lines centred on the row."""
    lines = label.split("\n")
    for index, line in enumerate(lines):
        font = _font(30 if index == 0 else 22)
        y = middle - 18 * len(lines) + index * 38
        pen.text((_MARGIN, y), _fit(line, font, _ROW_LABEL - 20), fill=_TEXT if index == 0 else _QUIET, font=font)


def _fit(words: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    """The words on one line, cut with an ellipsis where they would not fit."""
    line = " ".join("".join(_drawable(character) for character in words).split())
    if font.getlength(line) <= room:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(line[:middle].rstrip() + _ELLIPSIS) <= room:
            low = middle
        else:
            high = middle - 1
    return line[:low].rstrip() + _ELLIPSIS


@lru_cache(maxsize=4096)
def _drawable(character: str) -> str:
    """The character as the typeface can write it: itself, without its accents, or a dot for what it has not got."""
    if not character.isprintable() or unicodedata.category(character).startswith("Z"):
        return " "
    if character in _REPLACED:
        return _REPLACED[character]
    bare = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    return "".join(part if _has_glyph(part) else _REPLACED.get(part, "·") for part in bare)


def _has_glyph(character: str) -> bool:
    font = _font(24)
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The typeface that ships with Pillow, so that a page looks the same on every machine."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType; its wheels are built with it")
    return font


def _png(page: Image.Image) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()
