"""One gate to the paid provider for all workers together: a rate limit, the provider's pauses, and a circuit breaker.

The state lives in Redis and only scripts change it, so workers on many machines count as one. The circuit: a number of
failures in a row opens it. While it is open, no call goes out. Then one call probes the provider, and its outcome
closes or opens the circuit again (Nygard, "Release It!", 2007).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from redis import Redis

from concept_worker.errors import (
    CircuitOpen,
    ProviderPaused,
    ProviderUnavailable,
    RateLimited,
    StoreRefused,
    StoreUnavailable,
)
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.redis.client import connect_redis
from concept_worker.services.redis.errors import redis_translated

log = get_logger(__name__)

T = TypeVar("T")

_TIMEOUT = 10.0  # seconds per command
_REMEMBERED = 60_000  # milliseconds for which a failure counts towards opening
_LONGEST_PAUSE = 3_600.0  # seconds; a provider that asks for more is called again after this
_SPREAD = 0.25  # part of a wait that is added at random, so that waiting workers do not retry together

# Other programs may write to Redis: a key that we cannot have written (another type, no expiry, a later expiry than any
# of ours, a future time) is deleted before use. The script then also returns its name.
_MENDING = """
local mended = ''
local function mend(key, odd)
    if odd then
        redis.call('DEL', key)
        mended = key
    end
end
local function lasts_beyond(key, most)
    local left = redis.call('PTTL', key)
    return left == -1 or left > most
end
local function is_other(key, kind)
    local found = redis.call('TYPE', key).ok
    return found ~= kind and found ~= 'none'
end
"""

# KEYS: pause, half, probe, calls (a sorted set of the times of the calls of the last window).
# ARGV: calls per window (0: no limit), milliseconds of the window, of the longest probe and of the longest pause, name
# of this call. Returns {milliseconds to wait, reason, key that was mended}; 0 milliseconds: the call may go out.
_ENTER = (
    _MENDING
    + """
local most, window, probe = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
mend(KEYS[1], is_other(KEYS[1], 'string') or lasts_beyond(KEYS[1], tonumber(ARGV[4])))
mend(KEYS[3], lasts_beyond(KEYS[3], 4 * probe))
local left = redis.call('PTTL', KEYS[1])
if left > 0 then return {left, redis.call('GET', KEYS[1]) == 'circuit' and 'circuit' or 'pause', mended} end
if redis.call('EXISTS', KEYS[2]) == 1 and not redis.call('SET', KEYS[3], '1', 'NX', 'PX', probe) then
    return {math.max(math.floor(redis.call('PTTL', KEYS[3]) / 4), 250), 'circuit', mended}
end
if most == 0 then return {0, '', mended} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
mend(KEYS[4], is_other(KEYS[4], 'zset'))
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - window)
if redis.call('ZREMRANGEBYSCORE', KEYS[4], now + window, '+inf') > 0 then mended = KEYS[4] end
if redis.call('ZCARD', KEYS[4]) >= most then
    redis.call('DEL', KEYS[3])
    local oldest = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
    return {math.min(math.max(oldest[2] + window - now, 1), window), 'rate', mended}
end
redis.call('ZADD', KEYS[4], now, ARGV[5])
redis.call('PEXPIRE', KEYS[4], window)
return {0, '', mended}
"""
)

# KEYS: pause, half, probe, failures. ARGV: failures that open, milliseconds open, milliseconds that failures count.
# Returns {1 when the circuit opened, else 0, key that was mended}.
_FAILED = (
    _MENDING
    + """
local failures = redis.pcall('INCR', KEYS[4])
if type(failures) ~= 'number' then
    mend(KEYS[4], true)
    failures = redis.call('INCR', KEYS[4])
end
redis.call('PEXPIRE', KEYS[4], ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 1 or failures >= tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], 'circuit', 'PX', ARGV[2])
    redis.call('SET', KEYS[2], '1')
    redis.call('DEL', KEYS[3], KEYS[4])
    return {1, mended}
end
return {0, mended}
"""
)


@dataclass(frozen=True)
class GateLimits:
    """A set of limits for all workers together.

    At most `calls` in any `window` (0: no limit). `failures` in a row open the circuit for `seconds`.
    """

    calls: int = 0
    window: float = 60.0
    failures: int = 5
    seconds: float = 30.0
    probe: float = 60.0  # seconds; after a probe without an outcome, another call tries


class ProviderGate:
    """A gate that decides whether a call to one provider may go out now; thread-safe.

    Raises `StoreUnavailable` when Redis is unavailable.
    """

    def __init__(self, *, redis: Redis, name: str, limits: GateLimits, prefix: str = "") -> None:
        self._redis = redis
        self._name = name
        self._prefix = f"{prefix}concept-worker:gate"
        self._limits = limits
        self._enter = redis.register_script(_ENTER)
        self._failed = redis.register_script(_FAILED)

    @classmethod
    def connect(cls, url: str, *, name: str, limits: GateLimits, prefix: str = "") -> ProviderGate:
        """Return a gate with its state at `url`, in names with the prefix; it connects on first use."""
        redis = connect_redis(url, seconds=_TIMEOUT)
        return cls(redis=redis, name=name, limits=limits, prefix=prefix)

    @contextmanager
    def passing(self, circuit: str) -> Iterator[None]:
        """Let the body call the provider, and record the outcome. Each `circuit` opens and closes on its own.

        Raises:
            ProviderPaused: no call may go out now; the error says how long to wait.
        """
        self._pass_or_raise(circuit)
        try:
            yield
        except RateLimited as exc:
            self._pause(circuit, exc.retry_after)  # all workers wait, not only this one
            raise
        except ProviderUnavailable:
            self._count_failure(circuit)
            raise
        except Exception:
            self._close(circuit)  # the provider answered, even if it refused
            raise
        self._close(circuit)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _pass_or_raise(self, circuit: str) -> None:
        keys = [*(self._key(circuit, name) for name in ("pause", "half", "probe")), self._key("calls")]
        arguments: list[int | str] = [self._limits.calls, *map(_milliseconds, self._durations()), uuid4().hex]
        with redis_translated():
            answer: Any = self._enter(keys=keys, args=arguments)
        milliseconds, door, *mended = answer
        _warn_of(mended)
        if milliseconds > 0:
            reason = "the rate limit is used up" if door == b"rate" else "the image provider is having trouble"
            spread = 1 + random.uniform(0, _SPREAD)  # noqa: S311 - jitter needs no secrecy
            paused = CircuitOpen if door == b"circuit" else ProviderPaused
            raise paused(f"{reason}, waiting", milliseconds / 1000 * spread)

    def _durations(self) -> tuple[float, float, float]:
        """Return window, longest probe and longest pause, in seconds."""
        return self._limits.window, self._limits.probe, max(_LONGEST_PAUSE, self._limits.seconds)

    def _pause(self, circuit: str, seconds: float) -> None:
        with _log_bookkeeping_failures():
            if seconds > 0:
                asked = _milliseconds(min(seconds, _LONGEST_PAUSE))
                self._redis.set(self._key(circuit, "pause"), "asked", px=asked)
            self._redis.delete(self._key(circuit, "probe"))

    def _count_failure(self, circuit: str) -> None:
        keys = [self._key(circuit, name) for name in ("pause", "half", "probe", "failures")]
        opened = _milliseconds(self._limits.seconds)
        with _log_bookkeeping_failures():
            answer: Any = self._failed(keys=keys, args=[self._limits.failures, opened, _REMEMBERED])
            has_opened, *mended = answer
            _warn_of(mended)
            if has_opened:
                log.warning("circuit opened", provider=self._name, circuit=circuit, seconds=self._limits.seconds)

    def _close(self, circuit: str) -> None:
        with _log_bookkeeping_failures():
            self._redis.delete(*(self._key(circuit, name) for name in ("half", "probe", "failures")))

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, self._name, *parts))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _warn_of(mended: list[bytes]) -> None:
    for key in filter(None, mended):
        log.critical("odd key in Redis deleted", key=key.decode(errors="replace"))


@contextmanager
def _log_bookkeeping_failures() -> Iterator[None]:
    """Log failures of the bookkeeping after a call; raising would lose a paid answer."""
    try:
        with redis_translated():
            yield
    except (StoreUnavailable, StoreRefused) as exc:
        log.warning("call outcome not shared with other workers", reason=str(exc))


class GatedGenerator(ConceptGenerator):
    """A generator that calls its provider only through the gate."""

    def __init__(self, *, generator: ConceptGenerator, gate: ProviderGate) -> None:
        self._generator = generator
        self._gate = gate

    @property
    def proposes_palettes(self) -> bool:
        return self._generator.proposes_palettes

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        return self._through("image", lambda: self._generator.draw(brief, seed=seed))

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        return self._through("image", lambda: self._generator.refine(original, wish, seed=seed))

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        return self._through("palettes", lambda: self._generator.propose_palettes(brief, count))

    def collect(self, receipt: Receipt) -> Picture:
        return self._generator.collect(receipt)  # free, so the gate does not count it

    def abandon(self, receipt: Receipt) -> None:
        self._generator.abandon(receipt)

    def close(self) -> None:
        self._generator.close()
        self._gate.close()

    def _through(self, circuit: str, call: Callable[[], T]) -> T:
        with self._gate.passing(circuit):
            return call()
