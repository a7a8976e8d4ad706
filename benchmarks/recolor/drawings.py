"""Logos drawn by code, four times too large and then averaged down, so that every edge is an exact mix.

Each drawing can be drawn again in other inks: that picture is the oracle a recolouring is held against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Rgb = tuple[int, int, int]
SUPERSAMPLING = 4
SIZE = 1024

PALETTES: dict[str, tuple[str, ...]] = {
    "mono": ("#1B3A6B", "#3F66A8", "#7FA3DB", "#F3F7FD", "#0B1D3A"),
    "complementary": ("#0B5FA5", "#F07F13", "#14375E", "#FFF8EE", "#C4501B"),
    "high contrast": ("#111111", "#E4002B", "#0050B5", "#FFFFFF", "#FFC20E"),
    "white background": ("#2E7D32", "#00695C", "#8D6E63", "#FFFFFF", "#AD1457"),
    "dark background": ("#FF5FA2", "#7C4DFF", "#00E5D4", "#10131F", "#FFE66D"),
    "warm": ("#B3261E", "#E8681A", "#7A2E12", "#FFF3E0", "#D99A00"),
    "pastel": ("#6C8EBF", "#D98BA3", "#7FB79A", "#FBF7F4", "#8E7CC3"),
}


@dataclass(frozen=True)
class Drawing:
    """A logo: its inks (the first is the ground, unless it has alpha), and how to draw it in any inks."""

    name: str
    inks: tuple[Rgb, ...]
    draw: Callable[[Sequence[Rgb], int], Image.Image]
    flat_ground: bool = True
    clean: bool = False  # only inks and their mixes: an oracle can be drawn

    def render(self, inks: Sequence[Rgb] | None = None, size: int = SIZE) -> Image.Image:
        """The drawing in its own or other inks, `size` pixels square."""
        return self.draw(self.inks if inks is None else inks, size)


class Board:
    """A large canvas in units of a 1024-pixel picture, averaged down at the end."""

    def __init__(self, size: int, ground: Rgb, mode: str = "RGB") -> None:
        self.size = size
        self.unit = size * SUPERSAMPLING / 1024
        self.image = Image.new(mode, (size * SUPERSAMPLING,) * 2, ground if mode == "RGB" else (*ground, 0))
        self.pen = ImageDraw.Draw(self.image)

    def _box(self, numbers: Sequence[float]) -> list[float]:
        return [number * self.unit for number in numbers]

    def disc(self, x: float, y: float, radius: float, ink: Rgb) -> None:
        self.pen.ellipse(self._box((x - radius, y - radius, x + radius, y + radius)), fill=ink)

    def ring(self, x: float, y: float, radius: float, width: float, ink: Rgb) -> None:
        box = self._box((x - radius, y - radius, x + radius, y + radius))
        self.pen.ellipse(box, outline=ink, width=max(1, round(width * self.unit)))

    def box(self, left: float, top: float, right: float, bottom: float, ink: Rgb, radius: float = 0) -> None:
        self.pen.rounded_rectangle(self._box((left, top, right, bottom)), radius * self.unit, fill=ink)

    def shape(self, points: Sequence[tuple[float, float]], ink: Rgb) -> None:
        self.pen.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=ink)

    def wedge(self, x: float, y: float, radius: float, start: float, end: float, ink: Rgb) -> None:
        self.pen.pieslice(self._box((x - radius, y - radius, x + radius, y + radius)), start, end, fill=ink)

    def line(self, points: Sequence[tuple[float, float]], width: float, ink: Rgb) -> None:
        scaled = [(x * self.unit, y * self.unit) for x, y in points]
        self.pen.line(scaled, fill=ink, width=max(1, round(width * self.unit)), joint="curve")

    def text(self, x: float, y: float, words: str, height: float, ink: Rgb) -> None:
        font = ImageFont.load_default(height * self.unit)
        self.pen.text((x * self.unit, y * self.unit), words, fill=ink, font=font, anchor="mm")

    def done(self) -> Image.Image:
        return self.image.reduce(SUPERSAMPLING)


def _star(x: float, y: float, outer: float, inner: float, points: int) -> list[tuple[float, float]]:
    corners = []
    for index in range(points * 2):
        angle, radius = math.pi * index / points - math.pi / 2, inner if index % 2 else outer
        corners.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    return corners


def _flat(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    board.disc(512, 400, 260, inks[1])
    board.shape(_star(512, 400, 190, 85, 5), inks[2])
    board.box(240, 620, 784, 664, inks[3], 20)
    board.text(512, 790, "NORTHWIND", 130, inks[1])
    board.text(512, 905, "COFFEE ROASTERS SINCE 1987", 36, inks[3])
    return board.done()


def _word(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    board.text(512, 440, "meridian", 210, inks[1])
    board.box(130, 570, 894, 574, inks[3])
    board.text(512, 640, "architecture & interiors", 62, inks[2])
    return board.done()


def _blend(colors: Sequence[Rgb], along: np.ndarray) -> np.ndarray:
    stops = np.linspace(0, 1, len(colors))
    channels = [np.interp(along, stops, [color[c] for color in colors]) for c in range(3)]
    return np.stack(channels, -1)


def _grad(inks: Sequence[Rgb], size: int) -> Image.Image:
    mask = Board(size, (0, 0, 0))
    hexagon = [(512 + 380 * math.cos(math.pi * k / 3), 500 + 380 * math.sin(math.pi * k / 3)) for k in range(6)]
    mask.shape(hexagon, (255, 255, 255))
    mask.disc(512, 500, 150, (0, 0, 0))
    rows, columns = np.mgrid[0:size, 0:size] * (1024 / size)
    fill = _blend(inks[1:4], np.clip((rows + columns - 400) / 1250, 0, 1))
    share = np.asarray(mask.done())[..., :1] / 255.0
    return Image.fromarray((fill * share + np.array(inks[0]) * (1 - share) + 0.5).astype(np.uint8))


def _photo(inks: Sequence[Rgb], size: int) -> Image.Image:
    flat = np.asarray(_flat(inks, size), float)
    rows, columns = np.mgrid[0:size, 0:size] / size
    light = 1.0 - 0.16 * ((columns - 0.35) ** 2 + (rows - 0.3) ** 2)
    noise = np.random.default_rng(4).normal(0, 7, flat.shape)
    return Image.fromarray(np.clip(flat * light[..., None] + noise, 0, 255).astype(np.uint8))


def _alpha(inks: Sequence[Rgb], size: int) -> Image.Image:
    def layer(draw: Callable[[Board], None]) -> Image.Image:
        board = Board(size, (0, 0, 0))
        draw(board)
        return board.done().convert("L")

    white = (255, 255, 255)
    card = layer(lambda b: b.box(180, 160, 844, 824, white, 120))
    shadow = layer(lambda b: b.box(190, 200, 854, 864, white, 120)).filter(ImageFilter.GaussianBlur(size * 24 / 1024))
    front = Board(size, inks[1])
    front.box(0, 0, 1024, 1024, inks[1])
    front.disc(440, 440, 170, inks[2])
    front.disc(600, 560, 170, inks[3])
    picture = Image.new("RGBA", (size, size), (*inks[0], 0))
    picture.putalpha(shadow.point([round(v * 0.45) for v in range(256)]))
    tile = front.done().convert("RGBA")
    tile.putalpha(card)
    return Image.alpha_composite(picture, tile)


def _grey(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    board.disc(512, 512, 360, inks[1])
    picture = np.asarray(board.done().convert("L"), float)
    rows = np.mgrid[0:size, 0:size][0] / size
    inside = picture < 200
    picture = np.where(inside, picture + 90 * rows, picture)
    second = Board(size, (0, 0, 0))
    second.shape(_star(512, 512, 240, 110, 6), (255, 255, 255))
    share = np.asarray(second.done().convert("L"), float) / 255
    picture = picture * (1 - share) + inks[2][0] * share
    picture += np.random.default_rng(6).normal(0, 1.2, picture.shape)
    return Image.fromarray(np.clip(picture + 0.5, 0, 255).astype(np.uint8))


def _dark(inks: Sequence[Rgb], size: int) -> Image.Image:
    mask = Board(size, (0, 0, 0))
    curve = [(100 + 8.2 * k, 420 + 190 * math.sin(k / 9)) for k in range(101)]
    mask.line(curve, 14, (255, 255, 255))
    core = mask.done().convert("L")
    glow = np.asarray(core.filter(ImageFilter.GaussianBlur(size * 18 / 1024)), float)[..., None] / 255 * 1.2
    glow = np.clip(glow, 0, 0.75)
    picture = np.array(inks[0]) * (1 - glow) + np.array(inks[1]) * glow
    share = np.asarray(core, float)[..., None] / 255
    picture = picture * (1 - share) + np.array(inks[1]) * share
    words = Board(size, (0, 0, 0))
    words.text(512, 800, "NEON HARBOR", 110, (255, 255, 255))
    share = np.asarray(words.done().convert("L"), float)[..., None] / 255
    picture = picture * (1 - share) + np.array(inks[2]) * share
    return Image.fromarray((picture + 0.5).astype(np.uint8))


def _multi(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    hues = inks[1:9]
    for index, ink in enumerate(hues):
        board.wedge(512, 430, 330, index * 45, index * 45 + 45, ink)
    board.disc(512, 430, 170, inks[0])
    board.ring(512, 430, 120, 30, inks[9])
    board.text(512, 880, "SPECTRUM", 140, inks[9])
    return board.done()


def _lines(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    for index in range(14):
        board.ring(512, 430, 60 + index * 22, 2 + index % 3, inks[1 + index % 2])
    board.text(512, 890, "FINE LINE STUDIO", 80, inks[1])
    return board.done()


def _leaf(inks: Sequence[Rgb], size: int) -> Image.Image:
    rows, columns = np.mgrid[0:size, 0:size] * (1024 / size)
    picture = np.zeros((size, size, 3)) + np.array(inks[0])
    for x, lean, light, dark in ((420, -0.35, inks[1], inks[2]), (610, 0.35, inks[3], inks[4])):
        across = (columns - x) - lean * (520 - rows)
        width = 150 * np.sin(np.clip((rows - 180) / 640, 0, 1) * math.pi) + 1e-6
        share = (
            np.clip((width - np.abs(across)) / 1.2 + 0.5, 0, 1)[..., None] * ((rows > 180) & (rows < 820))[..., None]
        )
        side = np.clip(across / width * 0.5 + 0.5, 0, 1)
        fold = np.clip(across / 2 + 0.5, 0, 1)
        fill = _blend((light, dark), np.clip(side * 0.6 + fold * 0.4, 0, 1))
        picture = picture * (1 - share) + fill * share
    image = Image.fromarray((picture + 0.5).astype(np.uint8))
    return jpeg_noise(image, 78)


def jpeg_noise(image: Image.Image, quality: int) -> Image.Image:
    """The picture with the blocks and ringing that JPEG leaves."""
    import io

    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _badge(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    board.shape(_star(512, 512, 430, 385, 24), inks[1])
    board.ring(512, 512, 340, 10, inks[0])
    board.text(512, 470, "EST", 170, inks[0])
    board.text(512, 630, "1902", 130, inks[0])
    return board.done()


def _mosaic(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    for index in range(12):
        column, row = index % 4, index // 4
        left, top = 192 + column * 160, 252 + row * 160
        board.box(left, top, left + 160, top + 160, inks[1 + index % 4])
        board.wedge(left, top, 160, 0, 90, inks[1 + (index + 1 + row) % 4])
    return board.done()


def _inverse(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    board.shape([(512, 190), (800, 650), (224, 650)], inks[1])
    board.shape([(512, 360), (660, 600), (364, 600)], inks[2])
    board.text(512, 800, "summit labs", 130, inks[1])
    return board.done()


def _close(inks: Sequence[Rgb], size: int) -> Image.Image:
    board = Board(size, inks[0])
    for index in range(4):
        board.disc(512, 560 - index * 60, 340 - index * 75, inks[1 + index])
    return board.done()


DRAWINGS: tuple[Drawing, ...] = (
    Drawing("flat", ((250, 246, 238), (26, 71, 54), (214, 162, 58), (120, 52, 40)), _flat, clean=True),
    Drawing("word", ((255, 255, 255), (17, 17, 17), (120, 120, 120), (214, 40, 40)), _word, clean=True),
    Drawing("grad", ((255, 255, 255), (255, 138, 0), (229, 46, 113), (94, 43, 255)), _grad),
    Drawing("photo", ((238, 232, 222), (32, 64, 110), (226, 164, 46), (150, 44, 44)), _photo, flat_ground=False),
    Drawing("alpha", ((0, 0, 0), (40, 90, 200), (255, 255, 255), (255, 196, 61)), _alpha),
    Drawing("grey", ((255, 255, 255), (60, 60, 60), (235, 235, 235)), _grey, flat_ground=False),
    Drawing("dark", ((12, 14, 26), (57, 255, 220), (255, 80, 180)), _dark),
    Drawing(
        "multi",
        (
            (252, 252, 250), (228, 26, 28), (255, 127, 0), (246, 205, 20), (77, 175, 74), (20, 160, 160),
            (55, 126, 184), (110, 70, 170), (231, 95, 175), (40, 40, 44),
        ),
        _multi,
        clean=True,
    ),
    Drawing("lines", ((255, 255, 255), (20, 40, 80), (200, 60, 50)), _lines, clean=True),
    Drawing("leaf", ((247, 245, 240), (150, 200, 90), (60, 130, 60), (120, 180, 140), (30, 90, 80)), _leaf,
            flat_ground=False),
    Drawing("badge", ((244, 239, 228), (28, 48, 74)), _badge, clean=True),
    Drawing("mosaic", ((255, 255, 255), (230, 57, 70), (29, 53, 87), (69, 123, 157), (244, 162, 97)), _mosaic,
            clean=True),
    Drawing("inverse", ((24, 60, 140), (255, 255, 255), (250, 190, 40)), _inverse, clean=True),
    Drawing("close", ((250, 250, 250), (190, 214, 240), (130, 176, 224), (70, 130, 196), (24, 78, 150)), _close,
            clean=True),
)  # fmt: skip
