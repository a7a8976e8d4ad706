"""The folder that holds all data of a stack; one stack at a time may use it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from concept_worker.devstack.errors import StackError
from concept_worker.errors import UntrustedPath
from concept_worker.ownership import check_above, me, open_checked

_SETTLE_SECONDS = 20.0  # the servers of a crashed stack are gone by then
_POLL_SECONDS = 0.02
_OPENED = ("logs", "valkey")  # folders whose files we open or write by name


class DataDir:
    """A locked folder, readable by its owner only.

    It has two locks. The stack's own lock tells a second stack that this one is alive. The servers inherit the other
    lock, so that after a crash of this process the next stack waits until the last server has ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._own = self._servers = -1

    @property
    def inherited(self) -> int:
        """The file descriptor of the lock that the servers inherit."""
        return self._servers

    def acquire(self) -> None:
        """Make the folder if needed, and lock it; an existing folder is not changed before the lock is acquired.

        Raises:
            StackError: the folder cannot be made, belongs to another user, or is in use by another stack.
        """
        try:
            self._open_locks()
            self._lock()
            self.path.chmod(0o700)
            self._check_content()
            self.folder("logs")
        except UntrustedPath as exc:
            self.release()
            raise StackError(str(exc)) from exc
        except OSError as exc:
            self.release()
            raise StackError(f"The data directory {self.path} cannot be used: {exc.strerror}.") from exc
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release the locks, so that the next stack may start."""
        for descriptor in (self._servers, self._own):
            if descriptor >= 0:
                os.close(descriptor)
        self._own = self._servers = -1

    def folder(self, name: str) -> Path:
        """Make a folder inside that only its owner may read."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """Return the path of a server's log file."""
        return self.path / "logs" / f"{name}.log"

    def _open_locks(self) -> None:
        check_above(self.path)
        for missing in reversed([folder for folder in self.path.parents if not folder.exists()]):
            missing.mkdir(mode=0o755, exist_ok=True)  # not writable by others, with any umask
        self.path.mkdir(mode=0o700, exist_ok=True)
        os.close(open_checked(self.path, os.O_RDONLY | os.O_DIRECTORY, me()))
        self._own = open_checked(self.path / "stack.lock", os.O_RDWR | os.O_CREAT, me())
        self._servers = open_checked(self.path / "servers.lock", os.O_RDWR | os.O_CREAT, me())

    def _lock(self) -> None:
        if not _lock(self._own):
            raise StackError(f"Another embedded stack is using {self.path}; stop it or choose another directory.")
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not _lock(self._servers):
            if time.monotonic() > deadline:
                raise StackError(f"Servers of an earlier stack still run in {self.path}.")
            time.sleep(_POLL_SECONDS)

    def _check_content(self) -> None:
        """Refuse files that other users put here before the folder was closed to them."""
        for path in self._entries():
            with suppress(FileNotFoundError):
                os.close(open_checked(path, os.O_RDONLY | os.O_NONBLOCK, me()))

    def _entries(self) -> Iterator[Path]:
        yield from (path for path in self.path.iterdir() if path.name != "postgres")  # PostgresServer checks it
        for name in _OPENED:
            if (self.path / name).is_dir():
                yield from (self.path / name).iterdir()


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
