"""Pages to look at."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from concept_worker.cli.sheets import ComparisonRow, SheetEntry, comparison_sheet, contact_sheet
from concept_worker.errors import InvalidImage

COLORS = ("#112233", "#AA3344", "#33AA66", "#FFFFFF", "#FFC20E")


def picture(width: int = 40, height: int = 40, color: tuple[int, ...] = (200, 30, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA" if len(color) == 4 else "RGB", (width, height), color).save(buffer, "PNG")
    return buffer.getvalue()


def opened(page: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(page))
    image.load()
    return image


def colors_of(page: Image.Image) -> set[object]:
    """All colours of a page."""
    found = page.getcolors(page.width * page.height)
    assert found is not None
    return {color for _, color in found}


@pytest.mark.parametrize("count", [1, 4, 5, 7, 20])
def test_every_variation_is_on_the_page(count: int) -> None:
    """Each picture's own colour can be found on the page."""
    entries = [SheetEntry(picture(color=(10 * n + 5, 255 - 9 * n, 77)), f"No. {n}", COLORS) for n in range(count)]
    page = opened(contact_sheet("Title", "Subtitle", picture(), entries))
    found = colors_of(page)
    assert {(10 * n + 5, 255 - 9 * n, 77) for n in range(count)} <= found


def test_swatches_show_the_palette() -> None:
    """Every colour of a palette is on the page."""
    page = opened(contact_sheet("T", "S", picture(), [SheetEntry(picture(), "Name", COLORS)]))
    found = colors_of(page)
    assert {(0x11, 0x22, 0x33), (0xAA, 0x33, 0x44), (0x33, 0xAA, 0x66)} <= found


@pytest.mark.parametrize("title", ["", "x" * 900, "日本語のロゴ " * 30, "Größe — naïve\nline\x00two", "🦊 fox"])
def test_any_title_fits_the_page(title: str) -> None:
    """Long, foreign or odd words change neither the page's size nor its margin."""
    page = opened(contact_sheet(title, title, picture(), [SheetEntry(picture(), title, COLORS)]))
    plain = opened(contact_sheet("Title", "", picture(), [SheetEntry(picture(), "Name", COLORS)]))
    assert page.size == plain.size
    assert page.crop((page.width - 90, 0, page.width, 280)).getcolors() is not None
    assert len(colors_of(page.crop((page.width - 90, 0, page.width, 280)))) == 1


@pytest.mark.parametrize(("width", "height"), [(400, 40), (40, 400), (3, 1000), (1, 1)])
def test_pictures_of_any_shape_are_placed(width: int, height: int) -> None:
    """Long and thin pictures are fitted, not stretched over the page."""
    page = opened(contact_sheet("T", "S", picture(width, height), [SheetEntry(picture(width, height), "N", COLORS)]))
    assert page.height < 3 * page.width


def test_transparency_shows_a_checkerboard() -> None:
    """A clear picture is seen to be clear."""
    page = opened(contact_sheet("T", "S", picture(color=(0, 0, 0, 0)), [SheetEntry(picture(), "N", COLORS)]))
    assert page.getpixel((300, 400)) != page.getpixel((300, 416))


def test_a_comparison_has_a_row_for_each_thing() -> None:
    """Rows of pictures stand under common headings."""
    rows = [ComparisonRow("ours\n30 ms", (picture(), picture())), ComparisonRow("theirs", (picture(),))]
    page = opened(comparison_sheet("Title", "Subtitle", ["one", "two"], rows))
    assert page.height > opened(comparison_sheet("Title", "Subtitle", ["one", "two"], rows[:1])).height


def test_a_sheet_is_the_same_every_time() -> None:
    """Same pictures, same bytes."""
    entries = [SheetEntry(picture(), "Name", COLORS)]
    assert contact_sheet("T", "S", picture(), entries) == contact_sheet("T", "S", picture(), entries)


def test_a_broken_picture_is_named_as_such() -> None:
    """The page is not made of what cannot be read."""
    with pytest.raises(InvalidImage):
        contact_sheet("T", "S", b"no picture", [])
