"""One door to the paid provider for all workers together: a rate limit, a pause it asked for, and a circuit breaker.

The state lives in Redis and is changed by scripts, so that workers on many machines count as one. A circuit: so many
failures in a row open it; while it is open nobody calls; then one call tries, and its outcome closes or opens it again
(Nygard, "Release It!", 2007).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from redis import Redis

from concept_worker.errors import ProviderPaused, ProviderUnavailable, RateLimited, StoreRefused, StoreUnavailable
from concept_worker.models import Palette
from concept_worker.services.interfaces import ConceptGenerator
from concept_worker.services.redis_errors import redis_translated

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TIMEOUT = 10.0  # seconds, each command
_REMEMBERED = 60_000  # milliseconds that a failure counts towards opening
_SPREAD = 0.25  # of a wait, added at random: those who wait together do not come back together

# KEYS: pause, half, probe, calls (a sorted set of the times of the calls of the last window, and a counter for names).
# ARGV: calls a window (0: no limit), milliseconds of the window, milliseconds a probe may take.
# Returns {milliseconds to wait, which door}: 0 is "go in".
_ENTER = """
local left = redis.call('PTTL', KEYS[1])
if left > 0 then return {left, 'pause'} end
if redis.call('EXISTS', KEYS[2]) == 1 and not redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[3]) then
    return {math.max(math.floor(redis.call('PTTL', KEYS[3]) / 4), 250), 'circuit'}
end
local most, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if most == 0 then return {0, ''} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - window)
if redis.call('ZCARD', KEYS[4]) >= most then
    redis.call('DEL', KEYS[3])
    local oldest = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
    return {math.max(oldest[2] + window - now, 1), 'rate'}
end
redis.call('ZADD', KEYS[4], now, redis.call('INCR', KEYS[5]))
redis.call('PEXPIRE', KEYS[4], window)
return {0, ''}
"""

# KEYS: pause, half, probe, failures. ARGV: failures that open, milliseconds open, milliseconds that failures count.
_FAILED = """
local failures = redis.call('INCR', KEYS[4])
redis.call('PEXPIRE', KEYS[4], ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 1 or failures >= tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], 'circuit', 'PX', ARGV[2])
    redis.call('SET', KEYS[2], '1')
    redis.call('DEL', KEYS[3], KEYS[4])
    return 1
end
return 0
"""


@dataclass(frozen=True)
class GateLimits:
    """`calls` in any `window` for all workers together (0: no limit); `failures` in a row open it for `seconds`."""

    calls: int = 0
    window: float = 60.0
    failures: int = 5
    seconds: float = 30.0
    longest_call: float = 300.0  # seconds: a probe that says nothing for so long is over


class ProviderGate:
    """Whether a call may go out now, for one provider; thread-safe. Raises `StoreUnavailable` when Redis is away."""

    def __init__(self, *, redis: Redis, name: str, limits: GateLimits) -> None:
        self._redis = redis
        self._name = name
        self._limits = limits
        self._enter = redis.register_script(_ENTER)
        self._failed = redis.register_script(_FAILED)

    @classmethod
    def connect(cls, url: str, *, name: str, limits: GateLimits) -> ProviderGate:
        """A gate whose state is at `url`; connects on first use."""
        redis = Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        return cls(redis=redis, name=name, limits=limits)

    @contextmanager
    def passing(self, circuit: str) -> Iterator[None]:
        """Let the body call the provider, and note how that went. Each `circuit` opens and closes on its own.

        Raises:
            ProviderPaused: not now; says how long to wait.
        """
        self._go_in(circuit)
        try:
            yield
        except RateLimited as exc:
            self._pause(circuit, exc.retry_after)  # everybody waits, not only the one who was told
            raise
        except ProviderUnavailable:
            self._count_failure(circuit)
            raise
        except Exception:
            self._close(circuit)  # it answered, if only to refuse
            raise
        self._close(circuit)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _go_in(self, circuit: str) -> None:
        keys = [self._key(circuit, name) for name in ("pause", "half", "probe")]
        keys += [self._key("calls"), self._key("counter")]
        window, probe = round(self._limits.window * 1000), round(self._limits.longest_call * 1000)
        with redis_translated():
            answer: Any = self._enter(keys=keys, args=[self._limits.calls, window, probe])
        milliseconds, door = float(answer[0]), answer[1].decode()
        if milliseconds > 0:
            reason = "the rate limit is used up" if door == "rate" else "the image provider is having trouble"
            spread = 1 + random.uniform(0, _SPREAD)  # noqa: S311 - jitter needs no secrecy
            raise ProviderPaused(f"{reason}, waiting", milliseconds / 1000 * spread)

    def _pause(self, circuit: str, seconds: float) -> None:
        with _noted():
            if seconds > 0:
                self._redis.set(self._key(circuit, "pause"), "asked", px=max(1, round(seconds * 1000)))
            self._redis.delete(self._key(circuit, "probe"))

    def _count_failure(self, circuit: str) -> None:
        keys = [self._key(circuit, name) for name in ("pause", "half", "probe", "failures")]
        opened = round(self._limits.seconds * 1000)
        with _noted():
            if self._failed(keys=keys, args=[self._limits.failures, opened, _REMEMBERED]):
                log.warning("circuit opened", provider=self._name, circuit=circuit, seconds=self._limits.seconds)

    def _close(self, circuit: str) -> None:
        with _noted():
            self._redis.delete(*(self._key(circuit, name) for name in ("half", "probe", "failures")))

    def _key(self, *parts: str) -> str:
        return ":".join(("concept-worker:gate", self._name, *parts))


@contextmanager
def _noted() -> Iterator[None]:
    """What is noted after a call never takes the place of its answer, which may be paid for."""
    try:
        with redis_translated():
            yield
    except (StoreUnavailable, StoreRefused) as exc:
        log.warning("outcome not told to the other workers", reason=str(exc))


class GatedGenerator:
    """A `ConceptGenerator` behind the gate. Waiting for an image is no failed attempt; for palettes it is one, because
    they can be made without the provider.
    """

    def __init__(self, *, generator: ConceptGenerator, gate: ProviderGate) -> None:
        self._generator = generator
        self._gate = gate

    def generate_image(self, logo_description: str, theme_description: str, *, seed: int) -> bytes:
        return self._through(
            "image", lambda: self._generator.generate_image(logo_description, theme_description, seed=seed)
        )

    def generate_palettes(self, theme_description: str, logo_description: str, count: int) -> list[Palette]:
        try:
            return self._through(
                "palettes", lambda: self._generator.generate_palettes(theme_description, logo_description, count)
            )
        except ProviderPaused as exc:
            raise RateLimited(str(exc), exc.retry_after) from exc

    def refine_image(
        self,
        original: bytes,
        refinement_prompt: str,
        *,
        logo_description: str,
        theme_description: str,
        preserve_aspects: tuple[str, ...],
        seed: int,
    ) -> bytes:
        return self._through(
            "image",
            lambda: self._generator.refine_image(
                original,
                refinement_prompt,
                logo_description=logo_description,
                theme_description=theme_description,
                preserve_aspects=preserve_aspects,
                seed=seed,
            ),
        )

    def close(self) -> None:
        self._generator.close()
        self._gate.close()

    def _through(self, circuit: str, call: Callable[[], T]) -> T:
        with self._gate.passing(circuit):
            return call()
