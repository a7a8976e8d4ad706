"""A whole deployment on this machine: stack, provider, a network that can be broken, workers under a supervisor."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from concept_worker.cli.procfile import programs
from concept_worker.client import ConceptClient
from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind, Latency
from concept_worker.devstack.guard import Order
from concept_worker.devstack.layer.recorder import SETTING as RECORDER_SETTING
from concept_worker.devstack.service import Service
from concept_worker.settings import Settings
from tests.chaos import points
from tests.chaos.flavour import SETTINGS, Flavour
from tests.chaos.journal import SETTING, Journal
from tests.chaos.proxy import Proxy

_LOOK = 0.1  # seconds between the supervisor's looks
_GRACE = 8.0
_CHILDREN = "2"
_THREADS = "10"
_SKEWS = (0, 0, 0, 300, -300)  # seconds that the clock of a restarted process is off
LOST_ANSWERS = (FaultKind.DISCONNECT, FaultKind.HANG, FaultKind.CUT)  # charged, but nobody hears of it
PROVIDER_FAULTS = (
    Fault(kind=FaultKind.STATUS, status=503, probability=0.05),
    Fault(kind=FaultKind.RATE_LIMITED, wait_ms=400, probability=0.03),
    Fault(kind=FaultKind.DISCONNECT, probability=0.03),
    Fault(kind=FaultKind.HANG, probability=0.01),
    Fault(kind=FaultKind.CUT, probability=0.02),
    Fault(kind=FaultKind.LATE, seconds=0.7, probability=0.04),
    Fault(kind=FaultKind.FEWER, endpoint="palettes", probability=0.05),
    Fault(kind=FaultKind.CONTENT, endpoint="image", probability=0.02),
)
# On OpenAI's wire each request is billed, pictures come as links, and a gateway stands before all of it.
LINK_FAULTS = (
    Fault(kind=FaultKind.STATUS, status=503, endpoint="result", probability=0.15),
    Fault(kind=FaultKind.HANG, endpoint="result", probability=0.03),
    Fault(kind=FaultKind.CUT, endpoint="result", probability=0.05),
    Fault(kind=FaultKind.STATUS, status=504, endpoint="image", probability=0.03),
)
# Of jobs: polls and pictures that do not answer. The order's own faults are those of any paid call.
JOB_FAULTS = (
    *LINK_FAULTS[:3],
    Fault(kind=FaultKind.STATUS, status=503, endpoint="poll", probability=0.1),
    Fault(kind=FaultKind.DISCONNECT, endpoint="poll", probability=0.05),
    Fault(kind=FaultKind.RATE_LIMITED, wait_ms=400, endpoint="poll", probability=0.05),
)
WIRES = {"jigsawstack": (), "openai": LINK_FAULTS, "replicate": JOB_FAULTS, "runware": JOB_FAULTS}


def skewed(seconds: int) -> dict[str, str]:
    """The environment of a process whose `time.time` is off: Python loads `sitecustomize` before anything else."""
    folder = str(Path(__file__).parent / "clock")
    return {
        "PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", os.getcwd())]),
        "CHAOS_SKEW": str(seconds),
    }


class Process:
    """A Celery process that is started again when it ends."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str], seed: int) -> None:
        self.name = name
        self._random = random.Random(f"clock {name} {seed}")
        self.starts = 0
        self._command, self._log, self._environment = command, log, environment
        self._service: Service | None = None

    @property
    def pid(self) -> int:
        """Of the main process, as last started."""
        assert self._service is not None
        return self._service.pid

    @property
    def is_running(self) -> bool:
        """Whether the main process lives."""
        return self._service is not None and self._service.is_running

    def start(self) -> None:
        """Start it; it ends with the driver, however that one ends."""
        self.starts += 1
        skew = self._random.choice(_SKEWS) if self.starts > 1 else 0  # the first runs are made in peace
        order = Order(
            argv=[sys.executable, "-m", "celery", *self._command],
            folder=os.getcwd(),
            log=str(self._log),
            environment={**self._environment, **(skewed(skew) if skew else {})},
            keep=[],
            stop_signal=signal.SIGTERM,
            grace=_GRACE,
        )
        self._service = Service(self.name, order)

    def stop(self) -> None:
        """End it in order."""
        if self._service is not None:
            self._service.stop()

    def ready(self) -> bool:
        """Whether it has said so, at its first start."""
        return self._log.exists() and (" ready." in (text := self._log.read_text(errors="replace")) or "beat:" in text)


class Deployment:
    """Everything started; a context manager. `folder` holds logs and journal, and is kept when `keep` is set."""

    def __init__(self, flavour: Flavour, *, seed: int, budget: int, cache: bool, wire: str = "jigsawstack") -> None:
        self.flavour = flavour
        self.provider_faults = (*WIRES[wire], *PROVIDER_FAULTS)
        self._wire = wire
        self.folder = Path(tempfile.mkdtemp(prefix="concept-worker-chaos-"))
        self.folder.chmod(0o711)  # as root, PostgreSQL runs as another user
        self.journal = Journal(self.folder / "journal.jsonl")
        self.keep = False
        self._seed, self._budget = seed, budget
        self.fake = FakeProvider(
            FakeProviderOptions(
                latency={"image": Latency(low=0.3, high=1.5), "refine": Latency(low=0.3, high=1.5)}
                | {"palettes": Latency(low=0.2, high=0.8)},
                seed=seed,
                cache=cache,
                result_links=wire == "openai",
                link_host="localhost",
            )
        )
        self.processes: list[Process] = []
        self._at_end = ExitStack()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        with ExitStack() as at_end:
            at_end.callback(self._remove)
            at_end.enter_context(_unrecorded())
            self.stack = at_end.enter_context(Stack(self.folder / "stack"))
            self.broker = at_end.enter_context(Proxy(self.stack.ports.valkey))
            self.supabase = at_end.enter_context(Proxy(self.stack.ports.layer))
            at_end.enter_context(self.fake)
            self.settings = Settings.model_validate(_by_field(self._environment(direct=True)))
            self.client = at_end.enter_context(ConceptClient.from_settings(self.settings))
            far = Settings.model_validate(_by_field(self._environment()))
            self.far_client = at_end.enter_context(ConceptClient.from_settings(far))  # through the network that breaks
            at_end.callback(self._end_orphans)
            at_end.callback(self._stop_processes)
            self._start_processes()
            self._at_end = at_end.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._at_end.__exit__(kind, error, trace)

    @property
    def database(self) -> str:
        """The owner's address of the database, past the proxies."""
        return self.stack.environment["DATABASE_URL"]

    def process(self, name: str) -> Process:
        """The process of that name."""
        return next(process for process in self.processes if process.name == name)

    def arm(self, *, on: bool) -> None:
        """Let processes kill themselves at exact points, or not."""
        armed = self.folder / "armed"
        if on:
            armed.touch()
        else:
            armed.unlink(missing_ok=True)

    def exact_kills(self) -> dict[str, int]:
        """How many there were, by point."""
        names = [file.name.split("-")[1] for file in self.folder.glob("kill-*")]
        return {f"exact: {name}": names.count(name) for name in sorted(set(names))}

    def crashes(self) -> int:
        """Main processes that died without having been killed or asked to stop."""
        return sum(1 for line in self.journal.read() if line["what"] == "died" and not line["expected"])

    def _environment(self, *, direct: bool = False) -> dict[str, str]:
        """What workers are told (past nothing: through the proxies), or the driver (direct)."""
        told = dict(self.stack.environment)
        if not direct:
            for name, value in told.items():
                value = value.replace(f":{self.stack.ports.valkey}", f":{self.broker.port}")
                told[name] = value.replace(f":{self.stack.ports.layer}", f":{self.supabase.port}")
        return {
            **told,
            "CONCEPT_NAMESPACE": "storm",
            **SETTINGS,
            **self.flavour.environment,
            "JIGSAWSTACK_API_KEY": self.fake.api_key,
            "JIGSAWSTACK_API_URL": self.fake.url,
            "OPENAI_API_KEY": self.fake.api_key,
            "OPENAI_BASE_URL": self.fake.openai_url,
            "REPLICATE_API_TOKEN": self.fake.api_key,
            "REPLICATE_BASE_URL": self.fake.url,
            "RUNWARE_API_KEY": self.fake.api_key,
            "CONCEPT_RUNWARE_BASE_URL": self.fake.runware_url,
            "CONCEPT_PROVIDER": self._wire,
            "CONCEPT_PALETTE_PROVIDER": "jigsawstack" if self._wire in ("replicate", "runware") else self._wire,
            "CONCEPT_DOWNLOAD_HOSTS": "localhost",
            "CONCEPT_DOWNLOAD_ALLOW_HTTP": "true",
            "CONCEPT_DOWNLOAD_ALLOW_PRIVATE": "true",
            "CONCEPT_DOWNLOAD_TIMEOUT_SECONDS": "3",
            SETTING: str(self.folder / "journal.jsonl"),
            points.FOLDER: str(self.folder),
            points.BUDGET: str(self._budget),
            points.DRIVER: str(os.getpid()),
            points.POINTS: ",".join(f"{point}={chance}" for point, chance in self.flavour.points.items()),
            "CHAOS_SEED": str(self._seed),
        }

    def _start_processes(self) -> None:
        plain = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        lines = programs()
        commands = {
            "concepts": lines["worker"].having(concurrency=_THREADS, hostname="concepts@chaos").arguments + plain,
            "images": lines["images"].having(concurrency=_CHILDREN, hostname="images@chaos").arguments + plain,
        }
        if self.flavour.has_beat:
            beat = lines["beat"].having(schedule=str(self.folder / "beat"))
            commands["beat"] = (*beat.arguments, "--pidfile=")
        for name, command in commands.items():
            process = Process(
                name,
                ["-A", self.flavour.app, *command],
                self.folder / f"{name}.log",
                {**os.environ, **self._environment()},
                self._seed,
            )
            self.processes.append(process)
            process.start()
        threading.Thread(target=self._supervise, name="supervisor", daemon=True).start()

    def _supervise(self) -> None:
        known = {process.name: process.pid for process in self.processes}
        while not self._closing.wait(_LOOK):
            for process in self.processes:
                if process.is_running or self._closing.is_set():
                    continue
                pid = known[process.name]
                self.journal.note("died", victim=pid, name=process.name, expected=self._asked(pid))
                process.stop()
                process.start()
                known[process.name] = process.pid

    def _asked(self, pid: int) -> bool:
        return any(line["what"] in ("killed", "asked") and line.get("victim") == pid for line in self.journal.read())

    def _stop_processes(self) -> None:
        self._closing.set()
        stopping = [threading.Thread(target=process.stop) for process in self.processes]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()

    def _end_orphans(self) -> None:
        """Children whose parent was killed: found by the environment that only this deployment gave."""
        mine = str(self.folder)
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get(points.FOLDER) == mine:
                    process.kill()
            except psutil.Error:
                continue

    def _remove(self) -> None:
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def _unrecorded() -> Iterator[None]:
    """What the dice ask of Supabase is no part of the contract's table."""
    before = os.environ.pop(RECORDER_SETTING, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[RECORDER_SETTING] = before


def _by_field(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment names as field names of `Settings`."""
    return {name.lower().removeprefix("concept_"): value for name, value in environment.items()}
