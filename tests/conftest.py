"""Real parts for every test that asks: one embedded stack per session, a fresh user per test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from celery import Celery

from concept_worker.client import ConceptClient, producer_app
from concept_worker.devstack import Stack
from concept_worker.settings import Settings
from tests.nodes import WorkerNode, WorkerProcess


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
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
    """A worker with a broker database of its own, and the producer that feeds it."""

    worker: WorkerNode
    client: ConceptClient
    settings: Settings
    app: Celery


StartSystem = Callable[..., System]


@pytest.fixture(scope="session")
def start_system(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSystem]:
    """Start a worker process on a free database of the broker; settings by environment name override the stack's."""
    databases = iter(range(3, 16))
    with ExitStack() as at_end:

        def start(*arguments: str, **environment: str) -> System:
            broker = stack.environment["REDIS_URL"].rpartition("/")[0] + f"/{next(databases)}"
            chosen = stack.environment | {"REDIS_URL": broker, "CONCEPT_RESULT_URL": broker} | environment
            # A retry is a retry, however short its wait.
            chosen = {"CONCEPT_RETRY_BASE_SECONDS": "0.05", "CONCEPT_RETRY_CAP_SECONDS": "0.5"} | chosen
            node = _worker_node(arguments, chosen, tmp_path_factory.mktemp("worker") / "log")
            at_end.callback(node.teardown)
            settings = Settings.model_validate(_by_field(chosen))
            client = at_end.enter_context(ConceptClient.from_settings(settings))
            return System(worker=node, client=client, settings=settings, app=node.app)

        yield start


@pytest.fixture(scope="session")
def system(start_system: StartSystem) -> System:
    """The session's ordinary worker: every queue, threads, offline generator."""
    return start_system()


def _worker_node(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> WorkerNode:
    process = WorkerProcess(
        arguments=["--queues", "concepts,images,housekeeping", "--pool", "threads", "--concurrency", "6", *arguments],
        environment={**os.environ, **environment},
        log=log,
    )
    process.ready()
    return WorkerNode(process, producer_app(Settings.model_validate(_by_field(environment))))


def _by_field(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment names as field names of `Settings`."""
    return {name.lower().removeprefix("concept_"): value for name, value in environment.items()}
