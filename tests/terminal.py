"""A terminal of a chosen width, for processes that ask what they write to."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence

_ESCAPES = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")


def in_terminal(command: Sequence[str], *, columns: int, environment: Mapping[str, str]) -> str:
    """Everything that the command writes to a terminal, with its escapes, to its end."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        list(command), stdin=slave, stdout=slave, stderr=slave, env=dict(environment), start_new_session=True
    )
    os.close(slave)
    written = bytearray()
    try:
        while chunk := os.read(master, 65_536):
            written += chunk
    except OSError:  # how Linux says that the last writer closed its side
        pass
    finally:
        os.close(master)
        process.wait(60)
    return written.decode(errors="replace").replace("\r\n", "\n")


def without_escapes(written: str) -> str:
    """The text alone."""
    return _ESCAPES.sub("", written)
