"""One door to the provider for all workers, on a real Valkey."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from concept_worker.devstack import Stack
from concept_worker.errors import BadProviderAnswer, ProviderPaused, ProviderUnavailable, RateLimited
from concept_worker.services.offline.generator import OfflineGenerator
from concept_worker.services.provider_gate import GatedGenerator, GateLimits, ProviderGate
from tests.waiting import until

MakeGate = Callable[[GateLimits], ProviderGate]


@pytest.fixture
def make_gate(stack: Stack) -> Iterator[MakeGate]:
    """Gates with one shared state that no other test has."""
    name, made = uuid4().hex, []

    def make(limits: GateLimits) -> ProviderGate:
        made.append(ProviderGate.connect(stack.environment["CONCEPT_STAGING_URL"], name=name, limits=limits))
        return made[-1]

    yield make
    for gate in made:
        gate.close()


def fail(gate: ProviderGate, error: Exception, circuit: str = "image") -> None:
    """A call that ends with the error."""
    with pytest.raises(type(error)), gate.passing(circuit):
        raise error


def is_open(gate: ProviderGate, circuit: str = "image") -> bool:
    """Whether a call would be let through; it then counts as one that went well."""
    try:
        with gate.passing(circuit):
            return False
    except ProviderPaused:
        return True


def test_four_workers_together_keep_the_limit(make_gate: MakeGate) -> None:
    """In any window at most so many calls, however many ask at once; the times are the server's own."""
    window, calls = 0.8, 10
    gates = [make_gate(GateLimits(calls=calls, window=window)) for _ in range(4)]
    passed: list[float] = []
    end = time.monotonic() + 3 * window

    def work(gate: ProviderGate) -> None:
        while time.monotonic() < end:
            try:
                before = time.monotonic()
                with gate.passing("image"):
                    passed.append(before)
            except ProviderPaused:
                continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, gates))
    passed.sort()
    crowded = [
        index for index in range(len(passed) - calls) if passed[index + calls] - passed[index] < window - 0.1
    ]  # 0.1 s: asking and being let in are not the same moment
    assert len(passed) >= 2 * calls
    assert crowded == []


def test_a_full_limit_says_how_long_to_wait(make_gate: MakeGate) -> None:
    """Until the oldest call leaves the window, and a little more for some."""
    gate = make_gate(GateLimits(calls=1, window=30.0))
    with gate.passing("image"):
        pass
    with pytest.raises(ProviderPaused) as caught, gate.passing("image"):
        pytest.fail("was let through")
    assert 25.0 < caught.value.retry_after <= 30.0 * 1.25


def test_failures_in_a_row_open_the_circuit_for_everybody(make_gate: MakeGate) -> None:
    """One worker's trouble keeps the others away."""
    one, other = make_gate(GateLimits(failures=3)), make_gate(GateLimits(failures=3))
    for _ in range(3):
        fail(one, ProviderUnavailable("away"))
    assert is_open(other)


def test_an_answer_in_between_starts_the_count_again(make_gate: MakeGate) -> None:
    """A refusal is an answer too."""
    gate = make_gate(GateLimits(failures=2))
    fail(gate, ProviderUnavailable("away"))
    fail(gate, BadProviderAnswer("nonsense"))
    fail(gate, ProviderUnavailable("away"))
    assert not is_open(gate)


def test_when_it_reopens_one_call_tries_alone(make_gate: MakeGate) -> None:
    """While the probe is out the others wait; its success lets everybody in."""
    gate = make_gate(GateLimits(failures=1, seconds=0.2))
    fail(gate, ProviderUnavailable("away"))
    until(lambda: _probe_keeps_others_out(gate), "the circuit to let one call try")
    assert not is_open(gate)


def _probe_keeps_others_out(gate: ProviderGate) -> bool:
    try:
        with gate.passing("image"):
            return is_open(gate)
    except ProviderPaused:
        return False


def test_a_probe_that_fails_opens_it_again(make_gate: MakeGate) -> None:
    """One failure is enough then."""
    gate = make_gate(GateLimits(failures=2, seconds=0.2))
    fail(gate, ProviderUnavailable("away"))
    fail(gate, ProviderUnavailable("away"))

    def probed() -> bool:
        try:
            with gate.passing("image"):
                raise ProviderUnavailable("still away")
        except ProviderPaused:
            return False
        except ProviderUnavailable:
            return True

    until(probed, "the probe")
    assert is_open(gate)


def test_a_wait_the_provider_asked_for_is_everybodys(make_gate: MakeGate) -> None:
    """Its 429 to one worker is heard by all."""
    one, other = make_gate(GateLimits()), make_gate(GateLimits())
    fail(one, RateLimited("slow down", 20.0))
    with pytest.raises(ProviderPaused) as caught, other.passing("image"):
        pytest.fail("was let through")
    assert caught.value.retry_after > 15.0


def test_circuits_are_apart(make_gate: MakeGate) -> None:
    """Trouble with palettes does not stop images."""
    gate = make_gate(GateLimits(failures=1))
    fail(gate, ProviderUnavailable("away"), "palettes")
    assert is_open(gate, "palettes")
    assert not is_open(gate, "image")


def test_palettes_do_not_wait_for_ever(make_gate: MakeGate) -> None:
    """They can be made without the provider, so a closed door is an attempt that failed."""
    gate = make_gate(GateLimits(failures=1))
    fail(gate, ProviderUnavailable("away"), "palettes")
    generator = GatedGenerator(generator=OfflineGenerator(), gate=gate)
    with pytest.raises(RateLimited) as caught:
        generator.generate_palettes("warm", "a fox", 3)
    assert not isinstance(caught.value, ProviderPaused)
