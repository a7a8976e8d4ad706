"""Broken image files by the thousand, the same ones on every run, and what the reader makes of them.

python -m benchmarks.fuzz_images [count]
"""

from __future__ import annotations

import io
import random
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageCms, PngImagePlugin

from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import ImageLimits, inspect_image, to_clean_png

LIMITS = ImageLimits(max_bytes=2_000_000, max_pixels=250_000, max_side=1000)
SEED = 20260101


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of a kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corpus() -> list[bytes]:
    """Small sound files of every kind and mode that the reader meets, and some of kinds it refuses."""
    ramp = Image.linear_gradient("L").resize((40, 30))
    color = Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT), ramp.point(lambda v: v // 2)))
    soft = color.copy()
    soft.putalpha(ramp)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "made for tests " * 20, zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = [color.rotate(angle) for angle in (0, 90)]
    files = [saved(color.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    files += [saved(ramp.convert("I;16"), "PNG"), saved(soft, "PNG"), saved(soft.convert("P"), "PNG", transparency=3)]
    files += [saved(color, "PNG", pnginfo=text), saved(color, "PNG", icc_profile=profile, exif=exif)]
    files += [saved(color, "PNG", save_all=True, append_images=frames)]
    files += [saved(color, "JPEG"), saved(color, "JPEG", progressive=True, exif=exif), saved(ramp, "JPEG")]
    files += [saved(color.convert("CMYK"), "JPEG"), saved(color, "JPEG", icc_profile=profile)]
    files += [saved(color, "WEBP"), saved(soft, "WEBP"), saved(soft, "WEBP", lossless=True, exif=exif)]
    files += [saved(color, "WEBP", save_all=True, append_images=frames)]
    files += [saved(color, "GIF"), saved(color, "TIFF"), saved(color, "BMP"), b"<svg xmlns='x'/>", b""]
    return files


def broken_files(count: int, seed: int = SEED) -> Iterator[bytes]:
    """`count` files, each a sound one with one to four things wrong with it."""
    dice = random.Random(seed)
    files = corpus()
    for _ in range(count):
        data = bytearray(dice.choice(files))
        for _ in range(dice.randint(1, 4)):
            dice.choice(_MUTATIONS)(data, dice, files)
        yield mend_checksums(bytes(data)) if dice.random() < 0.5 else bytes(data)


def _flip(data: bytearray, dice: random.Random, _files: list[bytes]) -> None:
    for _ in range(dice.randint(1, 8) if data else 0):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _cut(data: bytearray, dice: random.Random, _files: list[bytes]) -> None:
    del data[dice.randint(0, len(data)) :]


def _drop(data: bytearray, dice: random.Random, _files: list[bytes]) -> None:
    start = dice.randint(0, len(data))
    del data[start : start + dice.randint(1, 40)]


def _repeat(data: bytearray, dice: random.Random, _files: list[bytes]) -> None:
    start = dice.randint(0, len(data))
    data[start:start] = data[start : start + dice.randint(1, 200)] * dice.randint(1, 3)


def _splice(data: bytearray, dice: random.Random, files: list[bytes]) -> None:
    other = dice.choice(files)
    at = dice.randint(0, len(other))
    data[dice.randint(0, len(data)) :] = other[at:]


def _number(data: bytearray, dice: random.Random, _files: list[bytes]) -> None:
    if len(data) >= 8:
        at = dice.randint(0, min(len(data), 120) - 4)
        value = dice.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000, dice.getrandbits(32)))
        data[at : at + 4] = struct.pack(dice.choice("<>") + "I", value)


_MUTATIONS = (_flip, _flip, _cut, _drop, _repeat, _splice, _number, _number)


def mend_checksums(data: bytes) -> bytes:
    """A PNG whose checksums are right again, so that what is wrong reaches the decoder; others unchanged."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        parts.append(data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body)))
        at += length + 12
    return b"".join([*parts, data[at:]])


def verdict(data: bytes) -> str:
    """What the reader says: "read" or the sentence of its error. Anything else that it raises goes through."""
    try:
        inspect_image(data, LIMITS)
        picture = to_clean_png(data, LIMITS)
    except InvalidImage as error:
        return str(error)
    if picture.width * picture.height > LIMITS.max_pixels:
        raise AssertionError("a picture beyond the limits was read")
    return "read"


def main() -> None:
    """Read `count` broken files and print the verdicts, the slowest file and the peak memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    verdicts: Counter[str] = Counter()
    slowest = 0.0
    for data in broken_files(count):
        start = time.perf_counter()
        verdicts[verdict(data)] += 1
        slowest = max(slowest, time.perf_counter() - start)
    for sentence, times in verdicts.most_common():
        print(f"{times:8d}  {sentence}")
    status = Path("/proc/self/status")
    peak = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
    print(f"{count} files, slowest {slowest * 1e3:.0f} ms, {' '.join(peak)}")


if __name__ == "__main__":
    main()
