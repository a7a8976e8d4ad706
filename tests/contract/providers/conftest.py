"""The adapters on a real socket: one fake provider for all tests of a module, as new for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Latency
from concept_worker.models import Palette, Receipt
from concept_worker.services.concept_generator import ConceptGenerator
from concept_worker.services.providers.fal import fal_generator
from concept_worker.services.providers.gemini import gemini_generator
from concept_worker.services.providers.jigsawstack import jigsawstack_generator
from concept_worker.services.providers.openai_images import openai_generator
from concept_worker.services.providers.openai_responses import openai_responses_generator
from concept_worker.services.providers.replicate import replicate_generator
from concept_worker.services.providers.runware import runware_generator
from concept_worker.settings import Settings
from tests.contract.providers.briefs import BRIEF, WISH
from tests.waiting import until

Build = Callable[..., ConceptGenerator]


@pytest.fixture(scope="module")
def latency() -> dict[str, Latency]:
    """Seconds of the fake's work by endpoint, as they are from now on."""
    return {}


@pytest.fixture(scope="module")
def running_fake(latency: dict[str, Latency]) -> Iterator[FakeProvider]:
    """The fake, listening."""
    with FakeProvider(FakeProviderOptions(latency=latency)) as fake:
        yield fake


@pytest.fixture
def slowly(latency: dict[str, Latency]) -> Iterator[Callable[[float], None]]:
    """`slowly(60)`: a job takes a minute, until `slowly(0)` or the test's end."""

    def take(seconds: float) -> None:
        latency["job"] = Latency(low=seconds, high=seconds)

    yield take
    latency.clear()


@pytest.fixture
def fake(running_fake: FakeProvider) -> FakeProvider:
    """The fake without calls, faults, cache and files."""
    running_fake.reset()
    return running_fake


@pytest.fixture
def settings_for(fake: FakeProvider) -> Callable[..., Settings]:
    """Settings that lead to the fake; small pictures, generous waits."""

    def build(**changes: object) -> Settings:
        defaults: dict[str, object] = {
            "jigsawstack_api_key": fake.api_key,
            "jigsawstack_api_url": fake.url,
            "openai_api_key": fake.api_key,
            "openai_base_url": fake.openai_url,
            "runware_api_key": fake.api_key,
            "runware_base_url": fake.runware_url,
            "gemini_api_key": fake.api_key,
            "gemini_base_url": fake.gemini_url,
            "replicate_api_token": fake.api_key,
            "replicate_base_url": fake.url,
            "fal_key": fake.api_key,
            "fal_queue_url": fake.fal_url,
            "image_size": 256,
            "download_hosts": "127.0.0.1",
            "download_allow_http": True,
            "download_allow_private": True,
        }
        return Settings(_env_file=None, **(defaults | changes))

    return build


@pytest.fixture
def build(settings_for: Callable[..., Settings]) -> Iterator[Build]:
    """`build("jigsawstack", image_timeout_seconds=1)` gives an adapter, closed after the test."""
    built: list[ConceptGenerator] = []
    factories: dict[str, Callable[[Settings], ConceptGenerator]] = {
        "jigsawstack": jigsawstack_generator,
        "openai": openai_generator,
        "runware": runware_generator,
        "gemini": gemini_generator,
        "replicate": replicate_generator,
        "fal": fal_generator,
        "openai-responses": openai_responses_generator,
    }

    def make(wire: str, **changes: object) -> ConceptGenerator:
        built.append(factories[wire](settings_for(**changes)))
        return built[-1]

    yield make
    for generator in built:
        generator.close()


@pytest.fixture
def image() -> Callable[..., bytes]:
    """`image(generator, seed=7)` asks for the usual picture, and collects it where a receipt came."""

    def ask(generator: ConceptGenerator, *, seed: int = 7) -> bytes:
        answer = generator.draw(BRIEF, seed=seed)
        return (generator.collect(answer) if isinstance(answer, Receipt) else answer).content

    return ask


@pytest.fixture
def palettes() -> Callable[..., list[Palette]]:
    """`palettes(generator, 5)` asks for the usual palettes."""

    def ask(generator: ConceptGenerator, count: int = 5) -> list[Palette]:
        return generator.propose_palettes(BRIEF, count)

    return ask


@pytest.fixture
def refined() -> Callable[..., bytes]:
    """`refined(generator, original, seed=7)` asks for the usual change."""

    def ask(generator: ConceptGenerator, original: bytes, *, seed: int = 7) -> bytes:
        answer = generator.refine(original, WISH, seed=seed)
        return (generator.collect(answer) if isinstance(answer, Receipt) else answer).content

    return ask


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """`eventually(condition)` waits until it holds."""

    def wait(condition: Callable[[], bool]) -> None:
        until(condition, "the condition", 20)

    return wait
