"""The handle that the stack holds of one guarded server process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from concept_worker.devstack.errors import StackError
from concept_worker.devstack.guard import Order

_GUARD = Path(__file__).with_name("guard.py")
_PID_SECONDS = 10.0  # a guard that writes no line for this long is broken


class Service:
    """A running server with its guard."""

    def __init__(self, name: str, order: Order) -> None:
        self.name = name
        self._log = Path(order.log)
        self._grace = order.grace
        # Start a session of its own: Ctrl-C in the terminal reaches only us, and we stop the servers in order.
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=order.keep,
            cwd=order.folder,
            env=order.environment,
        )
        assert self._guard.stdin is not None
        self._guard.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        self._guard.stdin.flush()
        self._unread = b""
        first = self.read_line(_PID_SECONDS)
        if not first.isdigit():
            self.stop()
            raise StackError(f"{name} could not be started: {first.removeprefix('error: ') or 'its guard failed'}")
        self.pid = int(first)

    @property
    def is_running(self) -> bool:
        """True while the server runs."""
        return self._guard.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status of the server; None while it runs."""
        return self._guard.poll()

    def wait(self, seconds: float) -> None:
        """Wait up to `seconds` for the end of a program that ends by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(seconds)

    def read_line(self, seconds: float) -> str:
        """Read the server's next line, without its end; return "" when no further line comes in time."""
        assert self._guard.stdout is not None
        descriptor, deadline = self._guard.stdout.fileno(), time.monotonic() + seconds
        while b"\n" not in self._unread:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(descriptor, 4096) if ready else b""
            if not chunk:
                return ""
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="replace")

    def stop(self) -> None:
        """Stop the server gracefully; kill it when it does not end in time."""
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(self._grace + 5)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._guard.stdout.close()

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def last_words(self) -> str:
        """Return the line of the log that explains best why the server ended."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        telling = [line for line in lines if "FATAL" in line or "rror" in line]
        return (telling or lines or ["it left no word"])[-1].strip()
