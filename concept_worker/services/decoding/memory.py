"""How much memory a process that works on pixels may take."""

from __future__ import annotations

import resource


def limit_memory(megabytes: int) -> None:
    """Work in this process that wants more meets a `MemoryError`, where the kernel would kill a process of its own
    choice (Linux; elsewhere the limit does not hold). 0: no limit.
    """
    if megabytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 1_000_000, most))
