"""kill -9 in the middle of two hundred writes: nothing acknowledged is lost, nothing half-written is seen."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from postgrest import APIError
from storage3.exceptions import StorageApiError

from concept_worker.devstack import Stack
from tests.contract.project import Session, embedded_project, session
from tests.waiting import until

WRITES, THREADS, KILLS = 200, 4, 3
BUCKET = "concept-images"
_PASSING = (APIError, StorageApiError, httpx.TransportError)
_SECONDS = 60.0
_POLL_SECONDS = 0.005


@pytest.fixture
def crashing() -> Iterator[Stack]:
    """A stack of this test's own, to be killed."""
    folder = Path(tempfile.mkdtemp(prefix="concept-worker-crash-"))
    with Stack(folder) as running:
        yield running
    shutil.rmtree(folder)


class Ledger:
    """What was acknowledged: row ids, and the names of objects; contents follow from names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows: set[str] = set()
        self.objects: set[str] = set()
        self.tried = 0
        self.up = threading.Event()
        self.up.set()

    def note(self, kind: str, name: str) -> None:
        """It was acknowledged."""
        with self._lock:
            (self.rows if kind == "row" else self.objects).add(name)

    def next(self) -> int:
        """The number of the next write."""
        with self._lock:
            self.tried += 1
            return self.tried


def _content(name: str) -> bytes:
    """Large enough that a write takes a while, and checkable."""
    return hashlib.sha256(name.encode()).digest() * 4096


def _write(api: Session, user: UUID, number: int, ledger: Ledger) -> None:
    """One row and one object, each noted when it is acknowledged; a server that is away is no failure here."""
    task = {"user_id": str(user), "type": "concept_generation", "stage": f"write {number}"}
    with _forgiven():
        ledger.note("row", api.rows(api.client.table("tasks").insert(task))[0]["id"])
    # Every fifth object is written over: the reader must see one whole version.
    name = f"{user}/{number - number % 5}.png"
    with _forgiven():
        options: dict[str, Any] = {"content-type": "image/png", "upsert": "true"}
        api.client.storage.from_(BUCKET).upload(name, _content(name), options)
        ledger.note("object", name)


class _forgiven:  # noqa: N801 - reads as what it does
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, _PASSING)


def _writer(stack: Stack, user: UUID, ledger: Ledger) -> None:
    with session(embedded_project(stack)) as api:
        while len(ledger.rows) < WRITES:
            ledger.up.wait(_SECONDS)
            _write(api, user, ledger.next(), ledger)


def _wait_until(condition: Callable[[], bool]) -> None:
    until(condition, "the condition", _SECONDS)


@pytest.mark.parametrize("victim", ["postgres", "layer"])
def test_nothing_acknowledged_is_lost(crashing: Stack, victim: str) -> None:
    """Four writers, three kills; then every acknowledged row and object is there, whole, and no other bytes are."""
    user, ledger = crashing.create_user(), Ledger()
    kill = {"postgres": crashing.kill_postgres, "layer": crashing.kill_layer}[victim]
    start = {"postgres": crashing.start_postgres, "layer": crashing.start_layer}[victim]
    with ThreadPoolExecutor(THREADS) as pool:
        writers = [pool.submit(_writer, crashing, user, ledger) for _ in range(THREADS)]
        for round_number in range(1, KILLS + 1):
            _wait_until(lambda mark=round_number * WRITES // (KILLS + 1): len(ledger.rows) >= mark)  # type: ignore[misc]
            kill()
            ledger.up.clear()
            start()
            ledger.up.set()
    for writer in writers:
        writer.result()
    crashing.kill_layer()
    crashing.start_layer()  # sweeps the files that no row names
    with session(embedded_project(crashing)) as api:
        found = api.rows(api.client.table("tasks").select("id").eq("user_id", str(user)).limit(1000))
        assert ledger.rows <= {row["id"] for row in found}
        bucket = api.client.storage.from_(BUCKET)
        names = {f"{user}/{entry['name']}" for entry in bucket.list(str(user), {"limit": 1000})}
        assert ledger.objects <= names
        for name in names:
            assert bucket.download(name) == _content(name)
    assert len(ledger.rows) >= WRITES
    files = list((crashing.data_dir / "objects").iterdir())
    assert len(files) == len(names)


def test_a_client_that_leaves_in_the_middle(stack: Stack, user_id: UUID) -> None:
    """A body that breaks off stores nothing, and the layer goes on."""
    url = httpx.URL(stack.environment["SUPABASE_URL"])
    name = f"{user_id}/half.png"

    def half() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionAbortedError

    headers = {"apikey": stack.keys.secret_key, "content-type": "image/png", "content-length": "200000"}
    with httpx.Client(base_url=url) as client:
        with pytest.raises(ConnectionAbortedError):
            client.post(f"/storage/v1/object/{BUCKET}/{name}", headers=headers, content=half())
        answer = client.get(f"/storage/v1/object/{BUCKET}/{name}", headers={"apikey": stack.keys.secret_key})
    assert answer.json()["error"] == "not_found"
