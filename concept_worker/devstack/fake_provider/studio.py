"""The parts that all wires share: one log of calls, one book of faults, one cache, the files, and a paid call's run."""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from concept_worker.devstack.fake_provider.calls import Call, CallLog
from concept_worker.devstack.fake_provider.faults import JUNKY, LOSING, REFUSING, Fault, FaultBook, FaultKind, Latency
from concept_worker.devstack.fake_provider.jobs import Job, Stage
from concept_worker.devstack.fake_provider.pictures import Artist, Picture, PlainArtist
from concept_worker.devstack.fake_provider.replies import DisturbedResponse, Sockets

CACHE_SECONDS = 86_400.0
REFUSAL_STATUS = {FaultKind.RATE_LIMITED: 429, FaultKind.QUOTA: 429, FaultKind.CONTENT: 400}

T = TypeVar("T")


@dataclass(frozen=True)
class FakeProviderOptions:
    """The options of a fake provider: its behaviour without faults."""

    api_key: str = "fake-key"
    control_key: str | None = None  # the x-api-key that requests for calls and faults must carry; None: no key
    latency: Mapping[str, Latency] = field(default_factory=dict)  # by endpoint
    speed: float = 1.0  # 20 makes a second last 50 ms
    seed: int = 0  # of durations and of faults with a probability
    cache: bool = True  # JigsawStack: by identical body, for a day; OpenAI: by idempotency key, if it honours one
    honours_keys: bool = False  # OpenAI: the vendor documents no idempotency key, and bills every request
    result_links: bool = False  # OpenAI: answer with links, as some vendors and self-hosted servers do
    link_host: str = "127.0.0.1"  # of those links; a vendor's pictures lie on another host than its API
    requests_per_second: int | None = None  # None: the headers say 50, and no limit is enforced
    artist: Artist = field(default_factory=PlainArtist)


class Wire(Protocol):
    """A wire, as far as it reports faults."""

    def refuse(self, status: int, fault: Fault | None = None) -> Response:
        """Return an error answer of `status`."""
        ...

    def junk(self, kind: FaultKind) -> Response:
        """Return a 200 with an unusable body."""
        ...


class Studio:
    """The state of one fake provider."""

    def __init__(self, options: FakeProviderOptions) -> None:
        self.options = options
        self.calls = CallLog()
        self.faults = FaultBook(seed=options.seed)
        self.sockets = Sockets()
        self.files: dict[str, Picture] = {}  # the file store, by key
        self.results: dict[str, Picture] = {}  # the targets of links, by id
        self.jobs: dict[str, Job] = {}  # by id
        self.secret = secrets.token_hex(16)  # signs the links
        self.base_url = ""  # known once the socket is
        self._random = random.Random(options.seed)  # noqa: S311  repeatable durations, not a secret
        self._cache: dict[str, tuple[float, object]] = {}
        self._at_reset: list[Callable[[], None]] = []
        self._second = (0, 0)  # the current second, and the requests in it

    def reset(self) -> None:
        """Forget everything except the address, the key and the options."""
        self.calls.clear()
        self.faults.clear()
        self.files.clear()
        self.results.clear()
        self.jobs.clear()
        self._cache.clear()
        for forget in self._at_reset:
            forget()

    def on_reset(self, forget: Callable[[], None]) -> None:
        """Register `forget` to be called at each reset: a wire may keep its own jobs."""
        self._at_reset.append(forget)

    def remembered(self) -> int:
        """Return how many answers the cache holds."""
        return len(self._cache)

    async def perform(
        self,
        call: Call,
        wire: Wire,
        *,
        work: Callable[[], T],
        spoil: Callable[[T, FaultKind | None], object],
        render: Callable[[object], Response],
    ) -> Response:
        """Run a call that costs money: refuse it, answer from the cache, or do the work; render or lose the answer.

        `work` runs in a thread. The work behind a spoiled answer is charged, but not cached.
        """
        fault = self.faults.next_for(call.endpoint)
        kind = fault.kind if fault else None
        call.fault = kind
        if fault and fault.kind in REFUSING:
            return self._answered(call, wire.refuse(REFUSAL_STATUS.get(fault.kind, fault.status), fault))
        if fault and fault.kind in JUNKY:
            return self._answered(call, wire.junk(fault.kind))
        value = await self._work(call, work, remember=kind is None or kind in LOSING)
        response = render(spoil(value, kind))
        if fault and fault.kind in LOSING:
            pause = fault.seconds / self.options.speed
            return DisturbedResponse(response, fault.kind, pause, self.sockets)
        return self._answered(call, response)

    async def _work(self, call: Call, work: Callable[[], T], *, remember: bool) -> T:
        held = None if call.skip_cache else self._cache.get(call.key)
        if held is not None and self.options.cache and time.monotonic() - held[0] < CACHE_SECONDS:
            call.cache_hit = True
            return cast("T", held[1])
        call.paid = True
        latency = self.options.latency.get(call.endpoint, Latency())
        await asyncio.sleep(latency.draw(self._random) / self.options.speed)
        value = await run_in_threadpool(work)
        if remember and call.key:
            self._cache[call.key] = (time.monotonic(), value)
        return value

    def _answered(self, call: Call, response: Response) -> Response:
        call.status = response.status_code
        return response

    def order(self, call: Call, picture: Picture) -> Job:
        """Create a job; its fault is chosen now, and shows when the job is done."""
        fault = self.faults.next_for("job")
        job = Job(secrets.token_hex(13), call, picture, fault if fault and fault.kind is FaultKind.CANNED else None)
        self.jobs[job.id] = job
        return job

    def stage_of(self, job: Job) -> Stage:
        """Return the progress of a job, which takes the current latency of `job`, divided by the speed."""
        if job.is_canceled:
            return Stage.CANCELED
        latency = self.options.latency.get("job", Latency())
        seconds = latency.draw(random.Random(job.id)) / self.options.speed  # noqa: S311  one duration a job
        spent = time.monotonic() - job.ordered
        return Stage.DONE if spent >= seconds else Stage.DRAWING if spent >= seconds / 2 else Stage.QUEUED

    def told(self, call: Call, response: Response, refuse: Callable[[int], Response]) -> Response:
        """Return the answer to a free call, with the fault of its endpoint."""
        fault = self.faults.next_for(call.endpoint)
        if fault is None:
            return self._answered(call, response)
        call.fault = fault.kind
        if fault.kind in LOSING:
            return DisturbedResponse(response, fault.kind, fault.seconds / self.options.speed, self.sockets)
        return self._answered(call, refuse(fault.status))

    def over_limit(self) -> bool:
        """Count one request; tell whether it is one too many in this second."""
        second = int(time.time())
        count = self._second[1] + 1 if self._second[0] == second else 1
        self._second = (second, count)
        limit = self.options.requests_per_second
        return limit is not None and count > limit

    def remaining(self) -> int:
        """Return the requests left in this second, for the rate headers."""
        return max(0, (self.options.requests_per_second or 50) - self._second[1])

    def link_to(self, picture: Picture) -> str:
        """Make a signed link to `picture`, served by this fake; the same picture has the same link."""
        name = hashlib.sha256(picture.content).hexdigest()[:24]
        self.results[name] = picture
        base = self.base_url.replace("127.0.0.1", self.options.link_host)
        return f"{base}/results/{name}.png?X-Amz-Expires=604800&X-Amz-Signature={self.signature(name)}"

    def signature(self, name: str) -> str:
        """Return the signature that a link to `name` must carry."""
        return hashlib.sha256(f"{self.secret}:{name}".encode()).hexdigest()


def identity(*parts: bytes | str) -> str:
    """Hash the parts into one word; only the same parts give the same word."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()
