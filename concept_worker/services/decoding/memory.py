"""A memory limit for a process that works on pixels."""

from __future__ import annotations

import resource


def limit_memory(megabytes: int) -> None:
    """Limit this process's memory (0: no limit); beyond the limit Python raises `MemoryError`.

    Without a limit, the kernel would kill a process of its choice. The limit holds on Linux only.
    """
    if megabytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 1_000_000, most))
