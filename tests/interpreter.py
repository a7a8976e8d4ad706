"""How long a function keeps the interpreter from all other threads, the heartbeats of a worker's leases among them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Held:
    """CPU seconds of a piece of work: in all, and the longest stretch in which no other thread had a turn."""

    in_all: float
    longest: float


def held_by(work: Callable[[], object]) -> Held:
    """Do `work` while another thread asks for a turn every millisecond; its errors are overlooked.

    Counted in CPU seconds of this process, so that other processes of the machine do not count.
    """
    turns: list[float] = []
    over, ready = threading.Event(), threading.Event()

    def tick() -> None:
        while not over.wait(0.001):
            turns.append(time.process_time())
            ready.set()

    ticking = threading.Thread(target=tick)
    ticking.start()
    ready.wait()
    started = time.process_time()
    with suppress(Exception):
        work()
    ended = time.process_time()
    over.set()
    ticking.join()
    moments = [started, *(turn for turn in turns if started < turn < ended), ended]
    return Held(ended - started, max(after - before for before, after in pairwise(moments)))
