"""Real parts for every test that asks: one embedded stack per session, a fresh user per test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from celery import Celery

from concept_worker.client import ConceptClient
from concept_worker.devstack import BrokerUser, Stack
from concept_worker.devstack.layer.recorder import SETTING as RECORDER_SETTING
from concept_worker.producer_app import producer_app
from concept_worker.settings import Settings
from tests.contract import shapes
from tests.nodes import WorkerNode, WorkerProcess


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-shapes` adds what this session sent to the table of request shapes."""
    parser.addoption("--update-shapes", action="store_true", help="add new request shapes to the contract's table")


@pytest.fixture(scope="session", autouse=True)
def recorded_shapes(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[None]:
    """Every request that this session's stacks get has its shape in the contract's table, or the session fails."""
    file = tmp_path_factory.mktemp("shapes") / "recorded.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RECORDER_SETTING, str(file))
        yield
    fresh = shapes.unknown_in(file)
    if fresh and pytestconfig.getoption("--update-shapes"):
        shapes.add(fresh)
    elif fresh:
        listed = "\n".join(str(shape) for shape in fresh)
        pytest.fail(f"requests of a shape that the contract does not know; see --update-shapes:\n{listed}")


@pytest.fixture(scope="session")
def stack(recorded_shapes: None) -> Iterator[Stack]:
    """PostgreSQL, the Supabase layer and Valkey on free ports, with the project's schema; gone at the end."""
    # Not below pytest's own folder: as root, that one is closed to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="concept-worker-tests-"))
    try:
        with Stack(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def user_id(stack: Stack) -> UUID:
    """A user of this test's own."""
    return stack.create_user()


@dataclass(frozen=True)
class System:
    """A worker with a broker database of its own, and the producer that feeds it, each as its user of the broker.

    `settings` and `app` are the test's own: they may look into everything.
    """

    worker: WorkerNode
    client: ConceptClient
    settings: Settings
    app: Celery


StartSystem = Callable[..., System]
# What every system has unless the test says otherwise: a retry is a retry, however short its wait, and a picture is a
# picture, however small.
QUICK = {
    "CONCEPT_RETRY_BASE_SECONDS": "0.05",
    "CONCEPT_RETRY_CAP_SECONDS": "0.5",
    "CONCEPT_IMAGE_SIZE": "256",
}


class Systems:
    """Starts systems on one stack."""

    def __init__(self, stack: Stack, brokers: Iterator[str], folders: pytest.TempPathFactory) -> None:
        self._stack, self._brokers, self._folders = stack, brokers, folders

    @contextmanager
    def until_the_end(self) -> Iterator[StartSystem]:
        """Give what starts systems; all of them stop at the end, at the same time."""
        nodes: list[WorkerNode] = []
        with ExitStack() as at_end:

            def start(*arguments: str, app: str = "concept_worker", **environment: str) -> System:
                system = self._start(arguments, app, environment)
                at_end.push(system.client)
                nodes.append(system.worker)
                return system

            try:
                yield start
            finally:
                for node in nodes:
                    node.container.ask_to_stop()
                for node in nodes:
                    node.teardown()

    def _start(self, arguments: Sequence[str], app: str, environment: Mapping[str, str]) -> System:
        broker = next(self._brokers)
        chosen = {
            **self._stack.environment,
            **{"REDIS_URL": broker, "CONCEPT_RESULT_URL": broker},
            **QUICK,
            **environment,
        }
        # What a test's own app reports to is not the product's: it keeps its full rights.
        theirs = {name: value for name, value in environment.items() if name.startswith("QUEUE_TEST")}
        at_work = self._stack.environment_of(BrokerUser.WORKER, chosen) | theirs
        node = _worker_node(arguments, at_work, self._folders.mktemp("worker") / "log", app)
        settings = Settings.model_validate(_by_field(chosen))
        asks = Settings.model_validate(_by_field(self._stack.environment_of(BrokerUser.PRODUCER, chosen)))
        client = ConceptClient.from_settings(asks)
        return System(worker=node, client=client, settings=settings, app=_looking_app(settings))


@pytest.fixture(scope="session")
def brokers(stack: Stack) -> Iterator[str]:
    """Addresses of broker databases that nobody has used yet."""
    server = stack.environment["REDIS_URL"].rpartition("/")[0]
    return (f"{server}/{database}" for database in range(3, 256))


@pytest.fixture(scope="session")
def systems(stack: Stack, brokers: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Systems:
    """Start systems on free databases of the broker; see `start_system`."""
    return Systems(stack, brokers, tmp_path_factory)


@pytest.fixture(scope="module")
def start_system(systems: Systems) -> Iterator[StartSystem]:
    """Start a worker process on a free database of the broker, until the module's end.

    Settings by environment name override the stack's. `app` names another Celery app than the product's own: that one,
    watched and broken from outside.
    """
    with systems.until_the_end() as start:
        yield start


@pytest.fixture(scope="session")
def system(systems: Systems) -> Iterator[System]:
    """The session's ordinary worker: every queue, threads, offline generator."""
    with systems.until_the_end() as start:
        yield start()


def _worker_node(arguments: Sequence[str], environment: Mapping[str, str], log: Path, app_name: str) -> WorkerNode:
    process = WorkerProcess(
        arguments=["--queues", "concepts,images,housekeeping", "--pool", "threads", "--concurrency", "6", *arguments],
        environment={**os.environ, **environment},
        log=log,
        app=app_name,
    )
    process.ready()
    return WorkerNode(process, _looking_app(Settings.model_validate(_by_field(environment))))


def _looking_app(settings: Settings) -> Celery:
    app = producer_app(settings)
    prefix = {"global_keyprefix": settings.redis_prefix}
    # The tests look at Celery's own states too.
    app.conf.update(result_backend=settings.result_url, result_backend_transport_options=prefix)
    return app


def _by_field(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment names as field names of `Settings`."""
    return {name.lower().removeprefix("concept_"): value for name, value in environment.items()}
