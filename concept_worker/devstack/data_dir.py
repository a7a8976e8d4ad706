"""The folder that one stack keeps everything in, for one stack at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from concept_worker.devstack.errors import StackError

_SETTLE_SECONDS = 20.0  # the servers of a crashed stack are gone by then
_POLL_SECONDS = 0.02


class DataDir:
    """A locked folder, readable by its owner only.

    Two locks: one is ours and tells a second stack that we are alive; the other is inherited by the servers, so that
    after a crash of ours the next stack waits until the last of them has ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._own = self._servers = -1

    @property
    def inherited(self) -> int:
        """The file descriptor of the lock that servers keep."""
        return self._servers

    def acquire(self) -> None:
        """Make the folder if needed, and lock it.

        Raises:
            StackError: when it cannot be made, or another stack uses it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.chmod(0o700)
            self.folder("logs")
            self._own = self._open("stack.lock")
            self._servers = self._open("servers.lock")
        except OSError as exc:
            raise StackError(f"The data directory {self.path} cannot be used: {exc.strerror}.") from exc
        if not _lock(self._own):
            self.release()
            raise StackError(f"Another embedded stack is using {self.path}; stop it or choose another directory.")
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not _lock(self._servers):
            if time.monotonic() > deadline:
                self.release()
                raise StackError(f"Servers of an earlier stack still run in {self.path}.")
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Let the next stack in."""
        for descriptor in (self._servers, self._own):
            if descriptor >= 0:
                os.close(descriptor)
        self._own = self._servers = -1

    def folder(self, name: str) -> Path:
        """A folder inside, for us alone."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """The log file of a server."""
        return self.path / "logs" / f"{name}.log"

    def _open(self, name: str) -> int:
        return os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
