"""Contact sheets: a concept with its variations on one page, and rows of pictures side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from concept_worker.cli.writing import write_line
from concept_worker.imaging.codec import ImageLimits, decode_image

# Pixels. The page is twice as wide as most screens show it, so that it stays sharp when zoomed.
_PAGE = 2000
_MARGIN = 96
_GAP = 40
_COLUMNS = 4  # the base image takes two columns and two rows
_CAPTION = 104
_SWATCH = 40
_RADIUS = 14
_ROW_LABEL = 260  # of a comparison sheet
# All pictures of a page have a frame of one shape, the base image's within these bounds; others are fitted into it.
_SHAPE_MIN, _SHAPE_MAX = 0.5, 2.0  # height by width
_CHECKER = 16
_PAPER, _CARD, _SHADE, _LINE = "#F5F4F1", "#FFFFFF", "#ECEBE8", "#DEDCD7"
_TEXT, _QUIET = "#1C1B1A", "#77736D"
_ASCENT = 0.95  # em

Missing = frozenset[str]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class SheetEntry:
    """A variation on a sheet: its picture (PNG, JPEG or WebP bytes), its palette's name and "#RRGGBB" colours."""

    image: bytes
    name: str
    colors: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonRow:
    """A row of a comparison: its label, and its pictures from left to right."""

    label: str
    images: tuple[bytes, ...]


def contact_sheet(title: str, subtitle: str, base: bytes, variations: Sequence[SheetEntry]) -> bytes:
    """Draw a page (PNG bytes): the base image large, and each variation with its palette's name and swatches.

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
    missing = _write_header(page, title, subtitle)
    width = 2 * cell + _GAP
    large = (_MARGIN, top, _MARGIN + width, top + width * frame // cell)
    _place(page, picture, large)
    _write(page, (_MARGIN, large[3] + 22), "Base image", size=30, room=width)
    for entry, (column, row) in zip(variations, _seats(len(variations)), strict=True):
        left, upper = _MARGIN + column * (cell + _GAP), top + row * step
        _place(page, _read(entry.image), (left, upper, left + cell, upper + frame))
        missing |= _write_caption(page, entry, (left, upper + frame, left + cell, upper + frame + _CAPTION))
    _write_missing(page, missing)
    return _png(page)


def comparison_sheet(title: str, subtitle: str, headings: Sequence[str], rows: Sequence[ComparisonRow]) -> bytes:
    """Draw a page (PNG bytes) of labelled rows of pictures, with a heading above each column.

    Raises:
        InvalidImage: a picture cannot be read.
    """
    columns = max([len(headings), *(len(row.images) for row in rows)])
    cell = (_PAGE - 2 * _MARGIN - _ROW_LABEL - (columns - 1) * _GAP // 2) // max(columns, 1)
    top = 350
    page = Image.new("RGB", (_PAGE, top + len(rows) * (cell + _GAP // 2) + _MARGIN), _PAPER)
    _write_header(page, title, subtitle)
    for column, heading in enumerate(headings):
        left = _MARGIN + _ROW_LABEL + column * (cell + _GAP // 2)
        _write(page, (left, top - 46), heading, size=24, room=cell, color=_QUIET)
    for index, row in enumerate(rows):
        upper = top + index * (cell + _GAP // 2)
        _write_label(page, row.label, upper + cell // 2)
        for column, image in enumerate(row.images):
            left = _MARGIN + _ROW_LABEL + column * (cell + _GAP // 2)
            _place(page, _read(image), (left, upper, left + cell, upper + cell))
    return _png(page)


def _seats(count: int) -> list[tuple[int, int]]:
    """Return column and row of each variation: four beside the base image, the others below."""
    beside = [(2, 0), (3, 0), (2, 1), (3, 1)]
    below = [(index % _COLUMNS, 2 + index // _COLUMNS) for index in range(max(0, count - 4))]
    return [*beside, *below][:count]


def _read(data: bytes) -> Image.Image:
    return decode_image(data, ImageLimits(max_bytes=200_000_000))  # our own pictures, validated before they were stored


def _place(page: Image.Image, picture: Image.Image, box: Box) -> None:
    """Fit the picture into a white card with rounded corners; a checkerboard shows through where it is transparent."""
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


def _write_header(page: Image.Image, title: str, subtitle: str) -> Missing:
    room = page.width - 2 * _MARGIN
    missing = _write(page, (_MARGIN, 88), title, size=72, room=room)
    return missing | _write(page, (_MARGIN, 192), subtitle, size=32, room=room, color=_QUIET)


def _write_caption(page: Image.Image, entry: SheetEntry, box: Box) -> Missing:
    """Write the palette's name over its swatches; return the scripts that no font here has."""
    missing = _write(page, (box[0], box[1] + 14), entry.name, size=26, room=box[2] - box[0])
    pen, top = ImageDraw.Draw(page), box[1] + 56
    for index, color in enumerate(entry.colors):
        left = box[0] + index * (_SWATCH + 6)
        pen.rounded_rectangle((left, top, left + _SWATCH, top + _SWATCH - 8), 8, fill=color, outline=_LINE)
    return missing


def _write_label(page: Image.Image, label: str, middle: int) -> None:
    """Write a row's label, its lines centred on the row."""
    lines = label.split("\n")
    for index, line in enumerate(lines):
        at = (_MARGIN, middle - 18 * len(lines) + index * 38)
        size, color = (30, _TEXT) if index == 0 else (22, _QUIET)
        _write(page, at, line, size=size, room=_ROW_LABEL - 20, color=color)


def _write(page: Image.Image, at: tuple[int, int], words: str, *, size: int, room: int, color: str = _TEXT) -> Missing:
    """Write one line, with the top of its capitals a little below `at`; return the scripts that no font here has."""
    line = write_line(words, size=size, color=color, room=room)
    page.paste(line.image, (at[0], at[1] + round(size * _ASCENT) - line.baseline), line.image)
    return line.missing


def _write_missing(page: Image.Image, scripts: Missing) -> None:
    """Write at the foot of the page why it shows boxes in place of letters."""
    if scripts:
        words = f"No font here has letters of: {', '.join(sorted(scripts)).lower()}."
        _write(page, (_MARGIN, page.height - 64), words, size=26, room=page.width - 2 * _MARGIN, color=_QUIET)


def _png(page: Image.Image) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()
