"""A filter of system calls (seccomp, Linux): the process can compute, read, write and end, and nothing else.

Calls for sockets, files, processes and signals to other processes fail with "not permitted" (EPERM), as for a missing
right. The process continues, so a library that only tries such a call does no harm.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from errno import EPERM

# System calls by name, and their numbers on x86-64 and on AArch64 (the kernel's own tables).
_CALLS = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "exit": (60, 93),
    "getcwd": (79, 17),  # Pillow compares the picture's file name, which is empty
    "getrusage": (98, 165),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
# By machine: index of its number, and the kernel's constant for it (linux/audit.h).
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# Classic BPF (linux/bpf_common.h): load a word, jump if equal, return.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _MACHINE_AT = 0, 4  # in struct seccomp_data
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050000 | EPERM, 0x7FFF0000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_only_computing() -> None:
    """Apply the filter to this process, for good. On other machines than x86-64 and AArch64, do nothing.

    The process must have "no new privileges" set, or be root.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        return
    instructions = _program(*machine)
    program = _Program(len(instructions) // 8, instructions)
    ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)


def _program(column: int, machine: int) -> bytes:
    numbers = [numbers[column] for numbers in _CALLS.values()]
    left = range(len(numbers), 0, -1)  # distance from each jump to the instruction that allows
    return b"".join(
        [
            _instruction(_LOAD, _MACHINE_AT),
            _instruction(_JUMP_IF_EQUAL, machine, then=1),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER_AT),
            *(_instruction(_JUMP_IF_EQUAL, number, then=skip) for number, skip in zip(numbers, left, strict=True)),
            _instruction(_RETURN, _REFUSE),
            _instruction(_RETURN, _ALLOW),
        ]
    )


def _instruction(code: int, operand: int, *, then: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, 0, operand)
