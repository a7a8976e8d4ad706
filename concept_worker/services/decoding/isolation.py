"""Rights that a process gives up before it decodes untrusted bytes, as far as the system supports it.

On Linux that is everything below; elsewhere, the limits and the user. No step fails: where a kernel or a container
refuses one, the others still hold. Call it after all imports, because no file can be opened afterwards.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress

from concept_worker.services.decoding.seccomp import allow_only_computing

_NOBODY = 65534
_LIFETIME_CPU = 600  # seconds; each picture has its own budget
_BESIDE_DATA = 500  # megabytes of address space for code, stacks and files
# linux/sched.h: namespaces without network, System V IPC and the host's name
_CLONE_NEWNET, _CLONE_NEWIPC, _CLONE_NEWUTS = 0x40000000, 0x08000000, 0x04000000
_PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h


def isolate(megabytes: int) -> None:
    """Give up for good: network, user, files, processes, and all memory beyond `megabytes` (0: no limit)."""
    os.chdir("/")
    if sys.platform == "linux":
        _attempt(_leave_network)
    _leave_root()
    _limit_resources(megabytes)
    if sys.platform == "linux":
        _attempt(_renounce_privileges)
        _attempt(allow_only_computing)


def _attempt(step: Callable[[], None]) -> None:
    with suppress(OSError, AttributeError):  # refused, or missing in the C library
        step()


def _leave_network() -> None:
    """Enter namespaces without a network. Only root may; for other users, the filter of system calls blocks sockets."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS):
        libc.unshare(_CLONE_NEWNET)


def _leave_root() -> None:
    if os.geteuid() != 0:
        return
    for step in (lambda: os.setgroups([]), lambda: os.setgid(_NOBODY), lambda: os.setuid(_NOBODY)):
        _attempt(step)


def _renounce_privileges() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit_resources(megabytes: int) -> None:
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", 0)
    _limit("RLIMIT_NPROC", 0)
    _limit("RLIMIT_NOFILE", 3)  # files that are open stay open
    _limit("RLIMIT_CPU", _LIFETIME_CPU)
    if megabytes:
        _limit("RLIMIT_DATA", megabytes * 1_000_000)
        _limit("RLIMIT_AS", (megabytes + _BESIDE_DATA) * 1_000_000)


def _limit(name: str, most: int) -> None:
    """Set both limits: the soft one, which holds, and the hard one, up to which it could be raised."""
    with suppress(OSError, ValueError, AttributeError):
        resource.setrlimit(getattr(resource, name), (most, most))
