"""Other ways to recolor, and the floor below which no way can go on this machine."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.recolor.metrics import hex_rgb
from concept_worker.imaging.recolor import png

Palettes = Sequence[Sequence[str]]


def kmeans_way(data: bytes, palettes: Palettes) -> list[bytes]:
    """As the original does it: for each palette decode, cluster all pixels in 8-bit Lab, replace, blend, encode.

    k = min(10, 2 x colours), 10 attempts of up to 100 rounds, eps 0.1; each cluster takes the palette colour nearest
    in BGR; 75 % of the result are blended with 25 % of the original. One thread; the seed makes the run repeatable.
    """
    import cv2

    cv2.setNumThreads(1)
    cv2.setRNGSeed(1)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(buffer, "PNG")
    return [_kmeans_once(cv2, buffer.getvalue(), palette) for palette in palettes]


def _kmeans_once(cv2: object, data: bytes, palette: Sequence[str]) -> bytes:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 0.1)
    count = min(10, 2 * len(palette))
    _, labels, centers = cv2.kmeans(lab, count, None, criteria, 10, cv2.KMEANS_RANDOM_CENTERS)
    bgr = cv2.cvtColor(centers.astype(np.uint8)[None], cv2.COLOR_LAB2BGR)[0].astype(float)
    colors = np.array([hex_rgb(color)[::-1] for color in palette], float)
    nearest = ((bgr[:, None] - colors[None]) ** 2).sum(-1).argmin(1)
    replaced = colors[nearest].astype(np.uint8)[labels.ravel()].reshape(image.shape)
    blended = cv2.addWeighted(replaced, 0.75, image, 0.25, 0)
    return cv2.imencode(".png", blended)[1].tobytes()


def lut_way(data: bytes, palettes: Palettes) -> list[bytes]:
    """Pillow's three-dimensional table (33 a side, given) and its PNG writer, once a palette."""
    image = Image.open(io.BytesIO(data))
    image = image.convert("RGBA" if "A" in image.getbands() else "RGB")
    table = ImageFilter.Color3DLUT.generate(33, lambda r, g, b: (b, r, g)) if not _TABLE else _TABLE[0]
    _TABLE[:] = [table]
    results = []
    for _ in palettes:
        buffer = io.BytesIO()
        image.filter(table).save(buffer, "PNG")
        results.append(buffer.getvalue())
    return results


_TABLE: list[ImageFilter.Color3DLUT] = []


def floor_way(data: bytes, ours: bytes) -> Callable[[Palettes], list[bytes]]:
    """Decode once, deflate the finished index plane of one of our outputs once, and write seven palette tables."""
    indices = np.asarray(Image.open(io.BytesIO(ours)))
    colors, alphas = np.zeros((256, 3), np.uint8), bytes(256)

    def run(palettes: Palettes) -> list[bytes]:
        image = Image.open(io.BytesIO(data))
        image.load()
        pixels = png.indexed_pixels(indices)
        size = (indices.shape[1], indices.shape[0])
        return [png.indexed_png(size, colors, alphas, pixels) for _ in palettes]

    return run
