"""A folder of objects: each version of an object is one file under a random name, complete or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import uuid4

_CHUNK = 2**20  # bytes in memory at once


class Files:
    """A durable store of bytes. Names are random, so that no path of a user ever reaches the file system."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder

    @staticmethod
    def fresh_version() -> str:
        """Return a name that no file has."""
        return str(uuid4())

    def store(self, version: str, content: IO[bytes]) -> None:
        """Write the bytes to the file of a fresh version; durable when this returns."""
        unfinished = self._folder / f"{version}.tmp"
        with unfinished.open("xb") as file:
            shutil.copyfileobj(content, file, _CHUNK)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._folder / version)
        self._sync_folder()

    def open(self, version: str) -> IO[bytes]:
        """Open a version; `FileNotFoundError` when it was replaced before. Later changes do not affect an open file."""
        return (self._folder / version).open("rb")

    def remove(self, versions: list[str]) -> None:
        """Delete versions that no row names any more."""
        for version in versions:
            (self._folder / version).unlink(missing_ok=True)

    def sweep(self, kept: set[str]) -> None:
        """Delete the files that a crash left without a row."""
        self.remove([name for name in os.listdir(self._folder) if name not in kept])

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the bytes of an open file piece by piece, then close the file."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
