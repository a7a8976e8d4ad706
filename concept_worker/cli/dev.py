"""The command `dev`: run stack, workers, beat, Flower and, on demand, the fake provider until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.text import Text

from concept_worker.cli.local import DEMO_USER, HOME, environment, stack_in
from concept_worker.cli.processes import Worker, celery_command
from concept_worker.cli.procfile import programs
from concept_worker.cli.view import err
from concept_worker.devstack.errors import StackError
from concept_worker.ownership import replace_own
from concept_worker.settings import DEV_ENV_FILE

if TYPE_CHECKING:
    from concept_worker.devstack import Stack

_POLL = 0.5  # seconds between checks of the children
_SERVER_DEATHS = 5  # of the stack's servers within `_RECENT`; after more, a restart is no use
_RECENT = 60.0  # seconds
_FLOWER_PORT = 5555  # Flower's default; another port when this one is taken
_FAKE = "concept_worker.devstack.fake_provider"
# Settings that are no secret. All others are printed only to a person at a terminal.
_PUBLIC = ("SUPABASE_URL", "JIGSAWSTACK_API_URL", "CONCEPT_PROVIDER")


def run_dev(*, fake_provider: bool = False) -> int:
    """Keep stack, workers, beat and Flower running until Ctrl-C; return the exit status.

    With `fake_provider`, the workers speak JigsawStack's protocol to a fake provider beside them, which costs nothing.
    """
    from concept_worker.devstack.acl import BrokerUser

    folder = HOME / "dev"
    with ExitStack() as at_end:
        stack = at_end.enter_context(stack_in(folder))
        more = {"FLOWER_BASIC_AUTH": f"dev:{secrets.token_urlsafe(18)}"} | (_fake_settings() if fake_provider else {})
        at_end.enter_context(environment(more))
        settings = stack.environment_of(BrokerUser.WORKER) | more  # the commands `doctor` and `sweep` need a worker's
        settings["PRODUCER_REDIS_URL"] = stack.environment_of(BrokerUser.PRODUCER)["REDIS_URL"]
        at_end.enter_context(_settings_file(settings))
        children = [*([_fake_provider(folder)] if fake_provider else []), *_dev_children(folder, stack)]
        for child in children:
            child.start()
            at_end.callback(child.stop)
        _print_settings(settings, children)
        with _stop_signals() as stop:
            return _supervise(stack, children, stop)


def _fake_settings() -> dict[str, str]:
    from concept_worker.devstack.ports import free_port

    return {
        "CONCEPT_PROVIDER": "jigsawstack",
        "JIGSAWSTACK_API_KEY": secrets.token_urlsafe(24),
        "JIGSAWSTACK_API_URL": f"http://127.0.0.1:{free_port()}",
    }


def _fake_provider(folder: Path) -> Worker:
    """Return the fake provider's process; its address comes from the environment and so outlives a restart."""
    port = os.environ["JIGSAWSTACK_API_URL"].rpartition(":")[2]
    key = os.environ["JIGSAWSTACK_API_KEY"]  # passed by the environment: any user can read a command line
    return Worker(
        name="provider",
        command=[sys.executable, "-Pm", _FAKE, "--artist", "offline", "--port", port],
        log=folder / "provider.log",
        environment={**os.environ, "CONCEPT_FAKE_PROVIDER_KEY": key},
    )


def _dev_children(folder: Path, stack: Stack) -> list[Worker]:
    from concept_worker.devstack.acl import BrokerUser

    users = {"images": BrokerUser.WORKER} | {user.value: user for user in BrokerUser}
    settings = {
        name: {**os.environ, **stack.environment_of(users[name]), **program.environment}
        for name, program in programs().items()
    }
    children = [
        Worker(
            name=name,
            command=celery_command(*program.arguments),
            log=folder / f"{name}.log",
            environment=settings[name],
        )
        for name, program in programs().items()
        if name != "flower"
    ]
    return [*children, *([_flower(folder, settings["flower"])] if find_spec("flower") else [])]


def _flower(folder: Path, settings: Mapping[str, str]) -> Worker:
    """Return Flower's process; each start takes its port, or another when another program has that port."""
    from concept_worker.devstack.ports import free_port

    def choose(before: int | None) -> tuple[int, Sequence[str]]:
        port = free_port(before or _FLOWER_PORT)
        return port, celery_command(*programs(PORT=str(port))["flower"].arguments)

    return Worker(name="flower", command=[], choose=choose, log=folder / "flower.log", environment=settings)


def _supervise(stack: Stack, children: Sequence[Worker], stop: Sequence[int]) -> int:
    deaths: list[float] = []
    while not stop:
        try:
            deaths = [*(at for at in deaths if time.monotonic() - at < _RECENT), *_restart_servers(stack)]
        except StackError as exc:
            err.print(Text.assemble(("  the stack does not come back: ", "red"), str(exc)))
            return 1
        if len(deaths) > _SERVER_DEATHS:
            err.print(Text("  the servers of the stack keep dying; see .concept-worker/dev/logs", "red"))
            return 1
        if not all(_restart_if_dead(child) for child in children):
            return 1
        time.sleep(_POLL)
    return 0


def _restart_servers(stack: Stack) -> list[float]:
    """Restart the stack's servers that died; return the time (monotonic seconds) at which each was found dead."""
    dead = stack.dead()
    for name in dead:
        err.print(Text(f"  {name} died, starting it again", "yellow"))
    stack.start_dead()
    return [time.monotonic() for _ in dead]


def _restart_if_dead(child: Worker) -> bool:
    """Restart a child that died; return False when the child keeps dying."""
    if child.is_running:
        return True
    err.print(Text(f"  {child.name} died, starting it again (see {child.log})", "yellow"))
    if not child.restart_if_dead():
        err.print(Text.assemble((f"  {child.name} keeps dying:", "red"), f"\n{child.last_lines()}"))
        return False
    if child.port:
        err.print(f"  {child.name} is at http://127.0.0.1:{child.port}")
    return True


def _print_settings(settings: Mapping[str, str], children: Sequence[Worker]) -> None:
    err.print(Text.assemble(("\n  concept_worker runs.", "green"), " For another terminal or a producer elsewhere:\n"))
    # Ask the stream, not the console, which FORCE_COLOR deceives: secrets must not land in a file or a service's log.
    is_seen_by_a_person = sys.stderr.isatty()
    for name, value in sorted(settings.items()):
        if is_seen_by_a_person or name in _PUBLIC:
            err.print(f"  export {name}={value}")
    if not is_seen_by_a_person:
        err.print(f"  keys and passwords: in {DEV_ENV_FILE}, readable by you alone, while this runs")
    err.print(f"\n  In this directory nothing needs exporting ({DEV_ENV_FILE} is read). Try:")
    err.print('  concept-worker generate "a lighthouse in a storm" --theme "calm nordic morning" --wait')
    err.print("  concept-worker tasks")
    err.print(f"\n  user    {DEMO_USER} (others: supabase.auth.admin.create_user)")
    _print_flower([child for child in children if child.name == "flower"])
    if any(child.name == "provider" for child in children):
        _print_fake(settings["JIGSAWSTACK_API_URL"])
    err.print(f"  logs    {HOME / 'dev'}/*.log\n\n  Ctrl-C stops everything.\n")


def _print_flower(flowers: Sequence[Worker]) -> None:
    for flower in flowers:
        err.print(f"  Flower  http://127.0.0.1:{flower.port} (name and password: FLOWER_BASIC_AUTH in {DEV_ENV_FILE})")
    if not flowers:
        err.print("  Flower  not installed (pip install 'concept-worker[flower]')")


def _print_fake(url: str) -> None:
    err.print(
        f"  fake    {url} is the provider: draws offline, costs nothing. What it was asked, and trouble to order "
        f"(first: . ./{DEV_ENV_FILE}):"
    )
    order = '[{"kind": "status", "status": 503, "endpoint": "image", "times": 2}]'
    for command in ("__calls", f"__faults -d '{order}'", "__faults -X DELETE"):
        err.print(f'          curl {url}/{command} -H "x-api-key: $JIGSAWSTACK_API_KEY"')


@contextmanager
def _settings_file(settings: Mapping[str, str]) -> Iterator[None]:
    """Keep a file with the running stack's settings, for commands in this directory; only this user may read it."""
    file = Path(DEV_ENV_FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_own(file, "".join(f"{name}={value}\n" for name, value in settings.items()))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect the numbers of received stop signals in a list, in place of Python's handlers."""
    received: list[int] = []

    def record(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, record) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
