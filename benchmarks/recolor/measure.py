"""Measures of one process: CPU and wall time of each way in turn, and the first call and memory of a fresh one.

Run as a module with a file name, it is that fresh process and prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.recolor.drawings import PALETTES


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - cpu, time.perf_counter() - wall


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Median CPU and wall seconds of each way; the ways alternate, so that the machine's mood meets all alike."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            times[name].append(timed(run))
    return {
        name: (statistics.median(cpu for cpu, _ in runs), statistics.median(wall for _, wall in runs))
        for name, runs in times.items()
    }


def fresh(path: Path) -> dict[str, float]:
    """First call and peak extra memory of seven variations in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.recolor.measure", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _resident() -> float:
    """MB in memory now; the peak so far where the system does not tell (it then hides imports only)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    return _peak()


def _peak() -> float:
    status = Path("/proc/self/status")  # rusage would count the parent's peak, which survives fork and exec
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _first_call(path: Path) -> dict[str, float]:
    from concept_worker.imaging.recolor import plan_recolor

    data = path.read_bytes()
    before = _resident()

    def run() -> None:
        plan = plan_recolor(data)
        for palette in PALETTES.values():
            plan.paint(palette)

    cpu, wall = timed(run)
    again, _ = timed(run)
    return {"cpu": cpu, "wall": wall, "again": again, "memory": _peak() - before}


if __name__ == "__main__":
    print(json.dumps(_first_call(Path(sys.argv[1]))))
