"""Staging, objects and provider in memory, behind the product's interfaces. What changes them is an effect."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple
from uuid import UUID

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from concept_worker.imaging.codec import CleanImage, to_clean_png
from concept_worker.models import Origin, Palette, Receipt
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.seal import SealedAs
from tests.prove.between.sql import SqlClient

Clock = Callable[[], float]
_ROOM_SECONDS = 360.0  # `reserve_seconds`
_PALETTES = [
    Palette(name="blue", colors=("#102040", "#405060", "#708090", "#A0B0C0", "#D0E0F0")),
    Palette(name="red", colors=("#801010", "#A04030", "#C07050", "#E0A080", "#F0E0D0")),
]


class Waiting(NamedTuple):
    """Bytes in staging."""

    content: bytes
    state: SealedAs
    since: float


class MemoryStaging:
    """`Staging` without a server; it has room for everything."""

    def __init__(self, sql: SqlClient, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock
        self.waiting: dict[str, Waiting] = {}
        self.reserved: dict[str, float] = {}

    def store(self, key: str, content: bytes, state: SealedAs = SealedAs.ARRIVED) -> None:
        with self._effect(f"stage {_short(key)} {state.value} {_sum(content)}"):
            self.waiting[key] = Waiting(content, state, self._clock())
            self.reserved.pop(key, None)

    def load(self, key: str) -> bytes | None:
        found = self.waiting.get(key)
        return found and found.content

    def find(self, key: str, *states: SealedAs) -> bytes | None:
        found = self.waiting.get(key)
        return found.content if found and found.state in (states or SealedAs) else None

    def reserve(self, key: str) -> None:
        with self._effect(f"reserve {_short(key)}"):
            self.reserved[key] = self._clock() + _ROOM_SECONDS

    def cancel_reservation(self, key: str) -> None:
        with self._effect(f"cancel reservation {_short(key)}"):
            self.reserved.pop(key, None)

    def remove(self, *keys: str) -> None:
        if not keys:
            return
        with self._effect(f"unstage {' '.join(map(_short, keys))}"):
            for key in keys:
                self.waiting.pop(key, None)
                self.reserved.pop(key, None)

    def remove_own(self, *keys: str) -> int:
        self.remove(*keys)
        return len(keys)

    def keys(self) -> Sequence[str]:
        held = {key for key, until in self.reserved.items() if until > self._clock()}
        return sorted({*self.waiting, *held})

    def older_than(self, seconds: float) -> Sequence[str]:
        return sorted(key for key, one in self.waiting.items() if one.since < self._clock() - seconds)

    def _effect(self, name: str) -> AbstractContextManager[None]:
        return self._sql.points.effect(name)


class MemoryObjects:
    """`ObjectStore` without a server. The sweep's SQL sees the objects as rows, as it does with Supabase."""

    def __init__(self, sql: SqlClient, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock
        self.stored: dict[tuple[str, str], bytes] = {}
        self._since: dict[tuple[str, str], float] = {}

    def put(self, bucket: str, path: str, content: bytes) -> None:
        """What was there before the course."""
        self.stored[bucket, path], self._since[bucket, path] = content, self._clock()

    def store(self, bucket: str, path: str, content: bytes, content_type: str) -> None:
        with self._sql.points.effect(f"upload {_short(path)} {_sum(content)}"):
            self.put(bucket, path, content)

    def load(self, bucket: str, path: str) -> bytes | None:
        return self.stored.get((bucket, path))

    def sign(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        return {path: f"signed/{path}" for path in paths if (bucket, path) in self.stored}

    def remove(self, bucket: str, paths: Sequence[str]) -> None:
        if not paths:
            return
        with self._sql.points.effect(f"remove {' '.join(map(_short, paths))}"):
            for path in paths:
                self.stored.pop((bucket, path), None)

    def list(self, bucket: str, folder: str) -> Sequence[str]:
        return sorted(path for inside, path in self.stored if inside == bucket and path.startswith(f"{folder}/"))

    def orphans(self, buckets: Sequence[str], older_seconds: float, limit: int) -> Sequence[tuple[str, str]]:
        self._sql.execute("delete from storage.objects")
        for (bucket, path), since in ((key, self._since[key]) for key in self.stored):
            self._sql.execute(f"""insert into storage.objects (bucket_id, name, version, created_at)
                values ('{bucket}', '{path}', '', prove.now() - make_interval(secs => {self._clock() - since}))""")
        asked = {"p_buckets": [*buckets], "p_older_seconds": older_seconds, "p_limit": limit}
        found = self._sql.rpc("orphan_objects", asked).execute().data
        return [(row["bucket_id"], row["name"]) for row in found]

    def url(self, bucket: str, path: str) -> str:
        return f"memory/{bucket}/{path}"


class MemoryProvider(ConceptGenerator):
    """A provider who is paid; `gives_receipts`: a picture is ordered first, and collected for nothing."""

    def __init__(self, sql: SqlClient, *, gives_receipts: bool) -> None:
        self._sql = sql
        self._gives_receipts = gives_receipts

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        return self._paid_picture(seed)

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        return self._paid_picture(seed)

    @property
    def proposes_palettes(self) -> bool:
        return True

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        with self._sql.points.effect("pay palettes"):
            return _PALETTES[:count]

    def collect(self, receipt: Receipt) -> Picture:
        with self._sql.points.effect("collect"):
            return Picture(drawn(int(receipt.job)), Origin(provider="memory"))

    def abandon(self, receipt: Receipt) -> None:
        with self._sql.points.effect("abandon"):
            pass

    def close(self) -> None:
        """Nothing is open."""

    def _paid_picture(self, seed: int) -> Picture | Receipt:
        with self._sql.points.effect("pay image"):
            if self._gives_receipts:
                return Receipt(provider="memory", job=str(seed))
            return Picture(drawn(seed), Origin(provider="memory"))


class MemoryDecoder:
    """Decodes here: the pictures are our own."""

    def __init__(self) -> None:
        self._known: dict[bytes, CleanImage] = {}

    def to_clean_png(self, content: bytes, *, user_id: UUID | None = None) -> CleanImage:
        return self._known.setdefault(content, to_clean_png(content))

    def close(self) -> None:
        """Nothing is open."""


class NoDownloads:
    """No course follows a link."""

    def download(self, url: str) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def drawn(seed: int) -> bytes:
    """A small picture, not clean yet: it has a text beside its pixels."""
    picture = Image.new("RGB", (8, 8), (seed % 256, seed // 256 % 256, 90))
    picture.paste((250, 250, 240), (2, 2, 6, 6))
    note = PngInfo()
    note.add_text("made by", "memory")
    file = io.BytesIO()
    picture.save(file, "PNG", pnginfo=note)
    return file.getvalue()


def _short(key: str) -> str:
    """The name without ids."""
    return key.rpartition(":")[2].rpartition("/")[2]


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:6]
