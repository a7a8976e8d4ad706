"""What worker processes had in hand, and who died when: one line of JSON each, appended by many processes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SETTING = "CHAOS_JOURNAL"


class Journal:
    """Appends notes to a file; a line is written by one call, so that processes do not mix theirs."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def note(self, what: str, **fields: Any) -> None:
        """Add a line with the time, this process and this thread."""
        now = time.clock_gettime(time.CLOCK_REALTIME)  # a worker's `time.time` may be off on purpose
        line = {"at": now, "pid": os.getpid(), "thread": threading.get_ident(), "what": what, **fields}
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(line, default=str).encode() + b"\n")
        finally:
            os.close(descriptor)

    def read(self) -> list[dict[str, Any]]:
        """All lines, by time."""
        text = self._file.read_text() if self._file.exists() else ""
        return sorted((json.loads(line) for line in text.splitlines() if line.endswith("}")), key=lambda one: one["at"])


@dataclass
class PaidCall:
    """One call of a paid endpoint, as the worker saw it."""

    task: str
    endpoint: str
    pid: int
    begun: float
    ended: float | None = None  # recorded, or ended with an error
    recorded: bool = False


@dataclass
class Story:
    """The journal, told: calls of paid endpoints, deaths, and how long a killed run waited until it went on."""

    calls: list[PaidCall] = field(default_factory=list)
    deaths: dict[int, float] = field(default_factory=dict)  # process: when
    losses: list[float] = field(default_factory=list)  # when the broker or staging lost its data
    frozen: dict[int, list[tuple[float, float]]] = field(default_factory=dict)  # process: from when to when
    outages: list[tuple[float, float]] = field(default_factory=list)  # something that every run needs was away
    begins: dict[str, list[tuple[float, str, int]]] = field(default_factory=dict)  # task: time, step, process
    broken: list[tuple[str, float, int]] = field(default_factory=list)  # task, when, process that died with it in hand
    in_hand: int = 0  # by processes that live


def told(lines: list[dict[str, Any]]) -> Story:
    """The story of a journal."""
    story = Story()
    hands: dict[Any, Any] = {}
    calls: dict[Any, Any] = {}
    down: dict[Any, Any] = {}
    for line in lines:
        what, here = line["what"], (line["pid"], line["thread"])
        if what in ("killed", "died"):
            story.deaths.setdefault(int(line.get("victim", line["pid"])), line["at"])
            down.setdefault(line.get("name"), line["at"])
        elif what == "ready":
            story.outages.append((down.pop(line["name"], line["at"]), line["at"]))
        elif what == "forgot":
            story.losses.append(line["at"])
        elif what == "thawed":
            for pid in line["victims"]:
                story.frozen.setdefault(pid, []).append((line["since"], line["at"]))
        elif what == "outage":
            story.outages.append((line["since"], line["at"]))
        elif what == "begin":
            hands[here] = line
            story.begins.setdefault(line["task"], []).append((line["at"], line["step"], line["pid"]))
        elif what == "end":
            hands.pop(here, None)
        elif what == "call":
            calls[here] = PaidCall(line["task"], line["endpoint"], line["pid"], line["at"])
            story.calls.append(calls[here])
        elif what in ("recorded", "refused") and here in calls:
            call = calls.pop(here)
            call.ended, call.recorded = line["at"], what == "recorded"
    for (pid, _), line in hands.items():
        if pid in story.deaths:
            story.broken.append((line["task"], story.deaths[pid], pid))
        else:
            story.in_hand += 1
    return story


def recoveries(story: Story, over: dict[str, float]) -> Iterator[tuple[float, float] | None]:
    """From each death to the next sign of work on what it had in hand: seconds, and how many of them nothing was away.

    None when there was no such sign. `over` says when rows ended by themselves (canceled, or finished by another
    process): nothing to recover then.
    """
    for task, died, pid in story.broken:
        later = [at for at, _, by in story.begins.get(task, []) if at > died and by != pid]
        ended = over.get(task)
        if later and (ended is None or min(later) <= ended):
            yield min(later) - died, whole_seconds(story.outages, died, min(later))
        elif ended is None:
            yield None


def whole_seconds(outages: list[tuple[float, float]], since: float, until: float) -> float:
    """How much of the time between lies in none of the outages."""
    whole, at = 0.0, since
    for begins, ends in sorted(outages):
        if ends > at and begins < until:
            whole += max(0.0, begins - at)
            at = min(max(at, ends), until)
    return whole + until - at
