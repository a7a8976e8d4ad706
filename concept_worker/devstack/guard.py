"""A guard of one server: it ends the server when the process that started the guard ends, even by a kill.

It is a program of its own that needs only the standard library. It reads its order as one line of JSON (not as an
argument: every user may read a command line), starts the server and writes the server's process id as one line. Then it
waits for the end of its standard input, which closes however the parent dies, or for the server's own end. On Linux the
server also gets a signal when the guard dies.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_LOG = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Order:
    """An order to run a server: the command, its surroundings, and how to end it."""

    argv: list[str]
    folder: str  # working directory
    log: str  # file that gets the server's output
    environment: dict[str, str]
    keep: list[int]  # file descriptors that the server inherits: it holds the lock of the data directory
    stop_signal: int
    grace: float  # seconds between the signal to stop and the kill
    speaks: bool = False  # the server's standard output goes to the reader of the guard's
    uid: int | None = None  # run as this user
    gid: int | None = None
    namespace: bool = False  # run in a user namespace where root is not root


def enter_namespace(uid: int, gid: int) -> None:
    """Make this process (root) appear as `uid` to itself; it keeps its access to root's files. Linux only.

    Raises:
        OSError: the system does not allow user namespaces.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")
    for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} 0 1"), ("gid_map", f"{gid} 0 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def _prepare(order: Order, guard: int) -> None:
    """Prepare the new process before it becomes the server."""
    if order.namespace:
        enter_namespace(order.uid or 0, order.gid or 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, order.stop_signal)
        if os.getppid() != guard:
            os._exit(1)


def _start(order: Order) -> subprocess.Popen[bytes]:
    guard, drop = os.getpid(), order.uid is not None and not order.namespace
    # Follow no link: the log must be in our own folder.
    with os.fdopen(os.open(order.log, _LOG, 0o600), "ab") as log:
        return subprocess.Popen(
            order.argv,
            stdin=subprocess.DEVNULL,
            stdout=None if order.speaks else log,
            stderr=log,
            cwd=order.folder,
            env=order.environment,
            pass_fds=order.keep,
            user=order.uid if drop else None,
            group=order.gid if drop else None,
            extra_groups=[] if drop else None,
            preexec_fn=lambda: _prepare(order, guard),
        )


def _stop(server: subprocess.Popen[bytes], order: Order) -> None:
    server.send_signal(order.stop_signal)
    try:
        server.wait(order.grace)
    except subprocess.TimeoutExpired:
        server.kill()


def _stop_at_end_of_input(server: subprocess.Popen[bytes], order: Order) -> None:
    while os.read(0, 1):
        pass
    _stop(server, order)


def main() -> int:
    """Guard the server that the first line of input describes as JSON; return the server's exit status."""
    order = Order(**json.loads(sys.stdin.readline()))
    try:
        server = _start(order)
    except (OSError, subprocess.SubprocessError) as exc:
        os.write(1, f"error: {exc}\n".encode())
        return 1
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(order.stop_signal))
    os.write(1, f"{server.pid}\n".encode())
    threading.Thread(target=_stop_at_end_of_input, args=(server, order), daemon=True).start()
    status = server.wait()
    os._exit(status if status >= 0 else 128 - status)  # the reading thread does not end by itself


if __name__ == "__main__":
    sys.exit(main())
