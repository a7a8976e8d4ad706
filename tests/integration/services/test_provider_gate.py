"""One door to the provider for all workers, on a real Valkey."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from concept_worker.devstack import PREFIX, Stack
from concept_worker.errors import BadProviderAnswer, CircuitOpen, ProviderPaused, ProviderUnavailable, RateLimited
from concept_worker.services.providers.gate import GateLimits, ProviderGate
from tests.waiting import until

MakeGate = Callable[[GateLimits], ProviderGate]


@pytest.fixture
def make_gate(stack: Stack) -> Iterator[MakeGate]:
    """Gates with one shared state that no other test has."""
    name, made = uuid4().hex, []
    url = stack.environment["CONCEPT_STAGING_URL"]

    def make(limits: GateLimits) -> ProviderGate:
        made.append(ProviderGate.connect(url, name=name, limits=limits, prefix=PREFIX))
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


def test_only_the_last_window_counts(make_gate: MakeGate) -> None:
    """A call that left the window makes room, also while others go on."""
    gate = make_gate(GateLimits(calls=1, window=30.0))
    assert not is_open(gate)
    call: Any
    (call,) = gate._redis.zrange(gate._key("calls"), 0, -1)
    gate._redis.zincrby(gate._key("calls"), -30_001, call)  # as if it had been so long ago, in milliseconds
    assert not is_open(gate)


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
    assert not _probe_keeps_others_out(gate)


def _probe_keeps_others_out(gate: ProviderGate) -> bool:
    try:
        with gate.passing("image"):
            return is_open(gate)
    except ProviderPaused:
        return False


def test_a_probe_that_fails_opens_it_again(make_gate: MakeGate) -> None:
    """One failure is enough then; and another probe follows."""
    gate = make_gate(GateLimits(failures=2, seconds=0.2))
    fail(gate, ProviderUnavailable("away"))
    fail(gate, ProviderUnavailable("away"))
    until(lambda: probe_fails(gate, ProviderUnavailable("still away")), "the probe")
    assert is_open(gate)
    until_let_in(gate)


@pytest.mark.parametrize("wait", [0.0, 0.1])
def test_a_probe_that_is_asked_to_wait_is_followed_by_another(make_gate: MakeGate, wait: float) -> None:
    """After that wait, or at once when none was said; not when a call may last no longer."""
    gate = make_gate(GateLimits(failures=1, seconds=0.1))
    fail(gate, ProviderUnavailable("away"))
    until(lambda: probe_fails(gate, RateLimited("slow down", wait)), "the probe")
    until_let_in(gate)


def test_a_probe_that_meets_a_full_limit_is_followed_by_another(make_gate: MakeGate) -> None:
    """It never called."""
    gate = make_gate(GateLimits(calls=1, window=0.5, failures=1, seconds=0.1))
    fail(gate, ProviderUnavailable("away"))
    until_let_in(gate)


def test_a_probe_whose_worker_died_is_followed_by_another(make_gate: MakeGate) -> None:
    """When it has lasted longer than any call may."""
    gate = make_gate(GateLimits(failures=1, seconds=0.1, probe=0.3))
    fail(gate, ProviderUnavailable("away"))
    until(lambda: goes_in(gate), "the probe that never comes back")
    assert is_open(gate)
    until_let_in(gate)


def goes_in(gate: ProviderGate) -> bool:
    """Whether a call that says nothing more was let through."""
    try:
        gate._pass_or_raise("image")
    except ProviderPaused:
        return False
    return True


def probe_fails(gate: ProviderGate, error: ProviderUnavailable) -> bool:
    """Whether a call was let through, and ended so."""
    try:
        with gate.passing("image"):
            raise error
    except ProviderPaused:
        return False
    except ProviderUnavailable:
        return True


def until_let_in(gate: ProviderGate) -> None:
    """Long before the longest call is over."""
    until(lambda: not is_open(gate), "another call to be let through", seconds=10)


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


def test_an_open_circuit_is_told_from_a_full_limit(make_gate: MakeGate) -> None:
    """Another provider may draw while the circuit is open, not while this one only asked to wait."""
    gate = make_gate(GateLimits(failures=1))
    fail(gate, ProviderUnavailable("away"), "image")
    fail(gate, RateLimited("slow down", 20.0), "palettes")
    for circuit, kind in (("image", CircuitOpen), ("palettes", ProviderPaused)):
        with pytest.raises(ProviderPaused) as caught, gate.passing(circuit):
            pytest.fail("the door is closed")
        assert type(caught.value) is kind


class TestOddKeys:
    """Keys that we cannot have written stop nobody: they are deleted, with an alarm."""

    @pytest.mark.parametrize("name", ["image:pause", "image:half", "image:probe", "image:failures", "calls"])
    @pytest.mark.parametrize("kind", ["text", "number", "list", "hash", "set", "sorted set", "stream"])
    def test_whatever_it_is(self, make_gate: MakeGate, name: str, kind: str) -> None:
        """Without a time to live."""
        gate = make_gate(GateLimits(calls=5, failures=3))
        key = gate._key(*name.split(":"))
        plant(gate, key, kind)
        until_let_in(gate)
        gate._redis.delete(key)
        plant(gate, key, kind)  # a call that went well deleted some of them
        for _ in range(3):
            fail(gate, ProviderUnavailable("away"))
        assert is_open(gate)

    @pytest.mark.parametrize("name", ["pause", "probe"])
    @pytest.mark.parametrize("seconds", [None, 10**9])
    def test_no_end_or_a_far_one(self, make_gate: MakeGate, name: str, seconds: int | None) -> None:
        """No wait of ours lasts so long."""
        gate = make_gate(GateLimits())
        gate._redis.set(gate._key("image", "half"), "1")
        gate._redis.set(gate._key("image", name), "odd", ex=seconds)
        with capture_logs() as logs:
            assert not is_open(gate)
        assert [line["event"] for line in logs] == ["odd key in Redis deleted"]

    @pytest.mark.parametrize("later", [120_000, 10**15, float("inf")])
    def test_calls_of_a_time_to_come(self, make_gate: MakeGate, later: float) -> None:
        """They do not use the limit up."""
        gate = make_gate(GateLimits(calls=1, window=30.0))
        gate._redis.zadd(gate._key("calls"), {f"odd {number}": time.time() * 1000 + later for number in range(9)})
        assert not is_open(gate)

    def test_a_provider_that_asks_for_years(self, make_gate: MakeGate) -> None:
        """It is asked again after the longest pause."""
        gate = make_gate(GateLimits())
        fail(gate, RateLimited("slow down", 1e12))
        assert 3_500 < gate._redis.ttl(gate._key("image", "pause")) <= 3_600
        assert is_open(gate)


def plant(gate: ProviderGate, key: str, kind: str) -> None:
    """A key of that kind, as a neighbour may leave one."""
    redis = gate._redis
    match kind:
        case "text":
            redis.set(key, "odd")
        case "number":
            redis.set(key, 2**63 - 1)
        case "list":
            redis.lpush(key, "odd")
        case "hash":
            redis.hset(key, "odd", "odd")
        case "set":
            redis.sadd(key, "odd")
        case "sorted set":
            redis.zadd(key, {"odd": 1})
        case "stream":
            redis.xadd(key, {"odd": "odd"})
