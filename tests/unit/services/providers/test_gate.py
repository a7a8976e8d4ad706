"""The gate's bookkeeping when Redis goes away during a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from concept_worker.bootstrap import build_generator
from concept_worker.errors import ProviderUnavailable, RateLimited
from concept_worker.services.providers.chain import ProviderChain
from concept_worker.services.providers.gate import GatedGenerator, GateLimits, ProviderGate
from concept_worker.settings import Provider, Settings


class GoneAfterEntry:
    """Redis that lets a call in, and is away when its outcome is told."""

    def __init__(self) -> None:
        self.scripts = 0

    def register_script(self, _: str) -> Callable[..., Any]:
        """The first script lets in, the second is the count of failures."""
        self.scripts += 1
        return self._let_in if self.scripts == 1 else self._away

    def _let_in(self, **_: Any) -> list[Any]:
        return [0, b"", b""]

    def _away(self, *_: Any, **__: Any) -> Any:
        raise RedisConnectionError("away")

    delete = set = _away


@pytest.fixture
def gate() -> ProviderGate:
    """A gate whose Redis goes away during each call."""
    return ProviderGate(redis=cast("Any", GoneAfterEntry()), name="x", limits=GateLimits())


def test_a_paid_answer_is_kept(gate: ProviderGate) -> None:
    """Nobody pays again because a counter could not be set back."""
    with gate.passing("image"):
        answer = b"paid"
    assert answer == b"paid"


@pytest.mark.parametrize("error", [ProviderUnavailable("down"), RateLimited("slow", 3.0), ValueError("odd")])
def test_an_error_stays_the_error_it_was(gate: ProviderGate, error: Exception) -> None:
    """Its kind decides what the step does next."""
    with pytest.raises(type(error)), gate.passing("image"):
        raise error


def test_a_lost_probe_holds_nobody_for_longer_than_a_lease() -> None:
    """Its worker may be dead; other runs go on within the time that is promised for a death."""
    settings = Settings(_env_file=None, provider=(Provider.JIGSAWSTACK,), jigsawstack_api_key="x", lease_seconds=7)
    chain = cast("ProviderChain", build_generator(settings))
    (generator,) = cast("list[GatedGenerator]", chain._generators.values())
    assert generator._gate._limits.probe == 7
    chain.close()
