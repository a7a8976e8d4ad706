"""Recovery at default settings: from the death of a worker with a paid call in hand to the next beginning of that step.

`python -m benchmarks.recovery --kills 20`
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

from concept_worker.cli.processes import Worker, celery_command
from concept_worker.cli.procfile import programs
from concept_worker.client import ConceptClient
from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Latency
from concept_worker.settings import Settings
from tests.chaos.database import fetch
from tests.waiting import until

_OWNERS = "select owner, started_at, now() from public.task_steps where task_id = $1 and step = 'generate_base_image'"
_LONG = 180.0  # seconds that a recovery may take here


def main() -> int:
    options = argparse.ArgumentParser(prog="benchmarks.recovery", description=__doc__)
    options.add_argument("--kills", type=int, default=20)
    chosen = options.parse_args()
    with deployment() as (stack, client, workers):
        user = stack.create_user()
        found = [recovery(stack, client, workers, user) for _ in range(chosen.kills)]
    p95 = quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
    sys.stdout.write(f"{len(found)} kills: p50 {median(found):.1f} s, p95 {p95:.1f} s, longest {max(found):.1f} s\n")
    return 0


@contextmanager
def deployment() -> Iterator[tuple[Stack, ConceptClient, list[Worker]]]:
    """Two workers and beat as the Procfile starts them, a provider whose pictures take five to eight seconds."""
    options = FakeProviderOptions(cache=False, latency={"image": Latency(low=5.0, high=8.0)})
    with ExitStack() as at_end:
        folder = Path(at_end.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)
        stack = at_end.enter_context(Stack(folder / "stack"))
        fake = at_end.enter_context(FakeProvider(options))
        known = {
            **stack.environment,
            **{"JIGSAWSTACK_API_KEY": fake.api_key, "JIGSAWSTACK_API_URL": fake.url},
            "CONCEPT_IMAGE_SIZE": "256",
        }
        line = programs()["worker"].having(concurrency="4", queues="concepts,images,housekeeping")
        commands = {name: (*line.arguments, "--hostname", f"{name}@here") for name in ("one", "two")}
        commands["beat"] = programs()["beat"].arguments
        workers = []
        for name, command in commands.items():
            process = Worker(name, celery_command(*command), folder / f"{name}.log", {**os.environ, **known})
            at_end.callback(process.stop)
            process.start()
            workers.append(process)
        fields = {name.lower().removeprefix("concept_"): value for name, value in known.items()}
        client = at_end.enter_context(ConceptClient.from_settings(Settings.model_validate(fields)))
        for worker in workers[:2]:
            until(lambda log=worker.log: log.exists() and " ready." in log.read_text(), "a worker", 60)
        yield stack, client, workers[:2]


def recovery(stack: Stack, client: ConceptClient, workers: list[Worker], user: UUID) -> float:
    """Kill the worker that draws; return the seconds until its step has begun again."""
    row = client.generate(user_id=user, logo_description="a fox", theme_description="warm", num_palettes=1)
    database = stack.environment["DATABASE_URL"]
    first = until(lambda: fetch(database, _OWNERS, row.id), "the step to begin")[0]
    process = first["owner"].partition(":")[0]
    seen = "select 1 from public.worker_presence where process = $1"
    until(lambda: fetch(database, seen, process), "its process to show itself")
    victim, pid = next((worker, known[process]) for worker in workers if process in (known := processes(worker)))
    time.sleep(random.uniform(0.5, 3.0))
    killed = fetch(database, "select now()")[0]["now"]
    os.kill(pid, signal.SIGKILL)
    again = until(
        lambda: [one for one in fetch(database, _OWNERS, row.id) if one["owner"] != first["owner"]], "it", _LONG
    )
    starts = victim.log.read_text().count(" ready.")
    victim.restart_if_dead()
    until(lambda: client.get_task(row.id, user).status.is_terminal, "the row to end", _LONG)
    until(lambda: victim.log.read_text().count(" ready.") > starts, "the worker to be back", 60)
    return float((again[0]["started_at"] - killed).total_seconds())


def processes(worker: Worker) -> dict[str, int]:
    """The names of the worker's processes and their ids."""
    lines = [line for line in worker.log.read_text().splitlines() if '"presence is shown"' in line]
    return {found["process"]: found["pid"] for found in map(json.loads, lines)}


if __name__ == "__main__":
    sys.exit(main())
