"""`make bench-recolor`: seven variations of each drawing, ours beside other ways, in one run on the same pictures.

    python -m benchmarks.recolor [--kmeans none|one|all] [--rounds 7] [--only flat,word]

`--kmeans one` runs one palette and counts it seven times, because the original repeats the same work for each; `all`
runs all seven and compares how much the variations differ. k-means needs the extra `bench` (OpenCV).
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.recolor import metrics, rivals
from benchmarks.recolor.drawings import DRAWINGS, PALETTES, Drawing
from benchmarks.recolor.measure import fresh, in_turn, timed
from concept_worker.imaging.recolor import plan_recolor

COLORS = list(PALETTES.values())
LARGER = ("flat", "leaf")  # drawings also measured at 2048 and 4096 pixels a side
HEAD = ("", "CPU ms", "wall ms", "first", "MB", "floor", "x floor", "LUT ms", "k-means s", "x k-means", "KB", "KB k-m")


def pixels(data: bytes) -> np.ndarray:
    """RGB or RGBA levels of a PNG."""
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert("RGBA" if "transparency" in image.info or "A" in image.getbands() else "RGB"))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kmeans", choices=("none", "one", "all"), default="one")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    drawings = [d for d in DRAWINGS if not options.only or d.name in options.only.split(",")]
    rows, variety = [], []
    print("".join(f"{word:>11}" for word in HEAD), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for drawing in drawings:
            rows.append(_one(drawing, Path(folder), options.kmeans, options.rounds, variety))
            print(_line(drawing.name, rows[-1]), flush=True)
        print(_line("median", [_median(column) for column in zip(*rows, strict=True)]))
        print(_line("worst", [max(column) for column in zip(*rows, strict=True)]))
        if variety:
            print("\nhow much the variations differ, CIEDE2000: ours, k-means, ratio; then of the marks alone")
            for name, *values in variety:
                ratios = [values[0] / values[1], values[2] / values[3]]
                row = [*values[:2], ratios[0], *values[2:], ratios[1]]
                print(f"{name:>11}" + "".join(f"{value:>11.2f}" for value in row))
        _sizes(Path(folder), options.rounds)
    print("\nquality over all palettes: mix share, gradient correlation, ground error, edge mean and p95, alpha error")
    for drawing in drawings:
        print(f"{drawing.name:>11}" + "".join(f"{value:>11.4f}" for value in quality(drawing)), flush=True)


def _one(
    drawing: Drawing, folder: Path, kmeans: str, rounds: int, variety: list[tuple[str, float, float, float, float]]
) -> list[float]:
    path = folder / f"{drawing.name}.png"
    drawing.render().save(path)
    data = path.read_bytes()
    ours = paint_all(data)
    floor = rivals.floor_way(data, ours[0])
    ways = {"ours": lambda: paint_all(data), "floor": lambda: floor(COLORS)}
    times = in_turn(ways, rounds)
    lut, _ = timed(lambda: rivals.lut_way(data, COLORS))
    cpu, wall = times["ours"]
    first = fresh(path)
    theirs: list[bytes] = []
    slow = 0.0
    if kmeans != "none":
        part = COLORS if kmeans == "all" else COLORS[:1]
        slow = timed(lambda: theirs.extend(rivals.kmeans_way(data, part)))[0] * len(COLORS) / len(part)
    if kmeans == "all":
        pictures = [[pixels(image) for image in images] for images in (ours, theirs)]
        marks = metrics.marks_mask(pixels(data))
        whole = [metrics.variety(images) for images in pictures]
        drawn = [metrics.variety(images, marks) for images in pictures]
        variety.append((drawing.name, *whole, *drawn))
    least = times["floor"][0]
    size = statistics.mean(map(len, ours)) / 1000
    other = statistics.mean(map(len, theirs)) / 1000 if theirs else 0.0
    return [
        cpu * 1e3, wall * 1e3, first["cpu"] * 1e3, first["memory"], least * 1e3, cpu / least, lut * 1e3,
        slow, slow / cpu, size, other,
    ]  # fmt: skip


def paint_all(data: bytes) -> list[bytes]:
    """Our seven variations, from bytes to bytes."""
    plan = plan_recolor(data)
    return [plan.paint(palette) for palette in COLORS]


def quality(drawing: Drawing, size: int = 1024) -> list[float]:
    """Means over the palettes (the largest, for alpha) of the measures in `metrics`; -1 where one does not apply."""
    buffer = io.BytesIO()
    drawing.render(size=size).save(buffer, "PNG")
    source = pixels(buffer.getvalue())
    plan = plan_recolor(buffer.getvalue())
    rows = []
    for palette in COLORS:
        result = pixels(plan.paint(palette))
        edge = (-1.0, -1.0)
        if drawing.clean:
            inks = metrics.output_inks(source, drawing.inks, result)
            edge = metrics.edge_error(source, drawing.inks, result, np.asarray(drawing.render(inks, size)))
        alpha = np.abs(source[..., -1].astype(int) - result[..., -1]).max() if source.shape[2] == 4 else -1
        rows.append(
            [
                metrics.share_close(result, metrics.mixes(palette)),
                metrics.gradient_correlation(source, result),
                metrics.ground_error(source, result, palette),
                *edge,
                float(alpha),
            ]
        )
    return [*np.mean(rows, axis=0)[:5].tolist(), max(row[5] for row in rows)]


def _sizes(folder: Path, rounds: int) -> None:
    print("\nlarger pictures: CPU ms, times that of 1024, peak extra MB")
    for drawing in (d for d in DRAWINGS if d.name in LARGER):
        base = 0.0
        for size in (1024, 2048, 4096):
            path = folder / f"{drawing.name}-{size}.png"
            small = drawing.render(size=min(size, 2048))  # drawn four times larger, 4096 would take gigabytes
            (small if size <= 2048 else small.resize((size, size), Image.Resampling.BICUBIC)).save(path)
            data = path.read_bytes()
            cpu = in_turn({"ours": lambda data=data: paint_all(data)}, max(3, rounds // 2))["ours"][0]
            base = base or cpu
            name = f"{drawing.name} {size}"
            print(f"{name:>11}{cpu * 1e3:>11.1f}{cpu / base:>11.2f}{fresh(path)['memory']:>11.1f}", flush=True)


def _median(column: tuple[float, ...]) -> float:
    return statistics.median(column)


def _line(name: str, row: list[float]) -> str:
    return f"{name:>11}" + "".join(f"{value:>11.1f}" for value in row)


if __name__ == "__main__":
    main()
