"""The committed sheet: our variations beside those of the k-means way, whole and six times enlarged.

python -m benchmarks.recolor.compare docs/recolor-comparison.png
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from benchmarks.recolor import rivals
from benchmarks.recolor.drawings import DRAWINGS, PALETTES
from concept_worker.cli.sheets import ComparisonRow, comparison_sheet
from concept_worker.imaging.recolor import plan_recolor

SHOWN = ("complementary", "high contrast", "white background", "dark background")
# Left, top and side of what is enlarged, in pixels.
CLOSE_UPS = {"flat": (300, 856, 100), "leaf": (420, 450, 110), "photo": (430, 560, 100), "alpha": (700, 700, 150)}


def crop(data: bytes, box: tuple[int, int, int]) -> bytes:
    """A square of the picture, enlarged six times without smoothing."""
    left, top, side = box
    image = Image.open(io.BytesIO(data))
    image = image.convert("RGBA" if "transparency" in image.info or "A" in image.getbands() else "RGB")
    image = image.crop((left, top, left + side, top + side)).resize((side * 6, side * 6), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    """Draw, recolor both ways, and write the page."""
    rows = []
    colors = [PALETTES[name] for name in SHOWN]
    for drawing in (d for d in DRAWINGS if d.name in CLOSE_UPS):
        buffer = io.BytesIO()
        drawing.render().save(buffer, "PNG")
        base = buffer.getvalue()
        plan = plan_recolor(base)
        for label, images in (
            ("plan once", [plan.paint(palette) for palette in colors]),
            ("k-means", rivals.kmeans_way(base, colors)),
        ):
            rows.append(ComparisonRow(f"{drawing.name}\n{label}", (base, *images)))
            box = CLOSE_UPS[drawing.name]
            rows.append(ComparisonRow(f"{drawing.name}, x6\n{label}", tuple(crop(i, box) for i in (base, *images))))
    title, subtitle = "Recoloring: plan once beside k-means", "Same drawings, same palettes; enlarged without smoothing"
    page = comparison_sheet(title, subtitle, ["base image", *SHOWN], rows)
    small = Image.open(io.BytesIO(page))
    small = small.resize((small.width * 7 // 10, small.height * 7 // 10), Image.Resampling.LANCZOS)
    small.save(Path(sys.argv[1]), optimize=True)


if __name__ == "__main__":
    main()
