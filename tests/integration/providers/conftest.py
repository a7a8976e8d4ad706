"""One worker a wire for the session; the fake is as new for every test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Latency
from concept_worker.models import ConceptRow
from tests.conftest import StartSystem
from tests.integration.conftest import end_open_rows
from tests.integration.providers.wired import KEY, SETTINGS, SPEED, Wired

SOON: dict[str, Any] = {"CONCEPT_LEASE_SECONDS": "1", "CONCEPT_PENDING_SECONDS": "1", "CONCEPT_LOG_LEVEL": "INFO"}


@contextmanager
def _wired(start_system: StartSystem, wire: str, *, links: bool = False, **environment: str) -> Iterator[Wired]:
    latency: dict[str, Latency] = {}
    options = FakeProviderOptions(api_key=KEY, latency=latency, speed=SPEED, result_links=links)
    with FakeProvider(options) as fake:
        provider = {
            "CONCEPT_PROVIDER": wire,
            "JIGSAWSTACK_API_KEY": KEY,
            "JIGSAWSTACK_API_URL": fake.url,
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": fake.openai_url,
            "REPLICATE_API_TOKEN": KEY,
            "REPLICATE_BASE_URL": fake.url,
            "FAL_KEY": KEY,
            "CONCEPT_FAL_QUEUE_URL": fake.fal_url,
        }
        yield Wired(fake, start_system(**(SETTINGS | provider | environment)), latency)


@pytest.fixture(scope="module")
def jigsawstack_worker(start_system: StartSystem) -> Iterator[Wired]:
    """JigsawStack's wire; logs everything."""
    with _wired(start_system, "jigsawstack", CONCEPT_LOG_LEVEL="DEBUG") as wired:
        yield wired


@pytest.fixture(scope="module")
def openai_worker(start_system: StartSystem) -> Iterator[Wired]:
    """OpenAI's wire, pictures as base64."""
    with _wired(start_system, "openai", CONCEPT_LOG_LEVEL="INFO") as wired:
        yield wired


@pytest.fixture(scope="module")
def links_worker(start_system: StartSystem) -> Iterator[Wired]:
    """OpenAI's wire, pictures behind signed links; patient, and logs everything."""
    patient = {"CONCEPT_IMAGE_TIMEOUT_SECONDS": "10", "CONCEPT_PALETTE_TIMEOUT_SECONDS": "10"}
    with _wired(start_system, "openai", links=True, CONCEPT_LOG_LEVEL="DEBUG", **patient) as wired:
        yield wired


@pytest.fixture(scope="module")
def replicate_worker(start_system: StartSystem) -> Iterator[Wired]:
    """Replicate's wire; a dead run is noticed soon."""
    with _wired(start_system, "replicate", **SOON) as wired:
        yield wired


@pytest.fixture(scope="module")
def fal_worker(start_system: StartSystem) -> Iterator[Wired]:
    """fal's queue; a dead run is noticed soon."""
    with _wired(start_system, "fal", **SOON) as wired:
        yield wired


@pytest.fixture
def wires(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Wired]:
    """The worker that a test's parameter names; housekeeping finds no run of another test to go on with."""
    end_open_rows(stack)
    wired: Wired = request.getfixturevalue(request.param)
    wired.reset()
    yield wired
    wired.reset()


@pytest.fixture(scope="module")
def original(jigsawstack_worker: Wired, stack: Stack) -> ConceptRow:
    """A stored concept of a user of its own, to be refined."""
    jigsawstack_worker.reset()
    return jigsawstack_worker.concept(jigsawstack_worker.generate(stack.create_user()))
