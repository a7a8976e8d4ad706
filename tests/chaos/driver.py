"""One run of the suite: a deployment, load and faults at the same time, then peace, a sweep, and the checker."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from concept_worker.bootstrap import build_services
from tests.chaos.checker import Bill, Evidence, bill_of, check, rows_and_objects
from tests.chaos.database import Observer
from tests.chaos.deployment import LOST_ANSWERS, Deployment
from tests.chaos.faults import Injector
from tests.chaos.flavour import LEASE, OURS, Flavour
from tests.chaos.journal import Story, recoveries, told
from tests.chaos.load import Asked, Load
from tests.chaos.violation import Violation

RECOVERY = 30.0  # seconds beyond the lease within which a killed run goes on
_QUIET = 20.0  # seconds that steps of rows already over may take to end
_WARM = 60.0


@dataclass(frozen=True)
class Plan:
    """What to do. `seconds` is how long faults come; `patience` how long every row may take to end after that."""

    seed: int = 1
    runs: int = 100
    seconds: float = 70.0
    patience: float = 90.0
    gap: float = 2.2  # seconds between faults of the machine
    meddle: float = 0.7  # between acts of users and late comers
    exact_kills: int = 2  # at each point
    bad_provider: bool = True
    armed: bool = True  # whether processes kill themselves at exact points
    cache: bool = False  # whether the provider answers an identical request for nothing
    wire: str = "jigsawstack"  # or one of `WIRES`
    keep: bool = False  # logs and journal, whatever came of it
    flavour: Flavour = OURS
    faults: dict[str, int] | None = None  # the deck; None for the whole one


@dataclass
class Outcome:
    """What came of it."""

    plan: Plan
    accepted: int = 0  # rows that a producer was told of
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # sentences of failed rows
    faults: Counter[str] = field(default_factory=Counter)
    provider_faults: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    bill: Bill = field(default_factory=Bill)
    recovered: list[float] = field(default_factory=list)  # seconds
    whole: list[float] = field(default_factory=list)  # of those seconds, the ones in which nothing was away
    never_recovered: int = 0
    late: int = 0  # of the recovered, those that took longer than promised
    crashes: int = 0
    runs_of_rows: Counter[int] = field(default_factory=Counter)
    swept: str = ""
    seconds: float = 0.0
    logs: Path | None = None  # kept when something is wrong


def run(plan: Plan, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Do what the plan says."""
    started = time.monotonic()
    with Deployment(
        plan.flavour, seed=plan.seed, budget=plan.exact_kills, cache=plan.cache, wire=plan.wire
    ) as deployment:
        say(f"deployment up after {time.monotonic() - started:.1f} s")
        with Observer(deployment.database) as observer:
            load, injector = Load(deployment, observer, plan.seed), Injector(deployment, plan.seed, plan.faults)
            calm(load)
            say(f"first runs completed after {time.monotonic() - started:.1f} s; faults begin")
            storm(plan, deployment, load, injector)
            say(f"faults end; {observer.open_rows} rows open")
            wait_until(lambda: observer.open_rows == 0, plan.patience)
            say(f"{observer.open_rows} rows open at the end")
            outcome = judged(plan, deployment, observer, load.asked)
            outcome.faults.update(injector.counts)
        outcome.seconds = time.monotonic() - started
        if outcome.violations or outcome.late or outcome.crashes or plan.keep:
            deployment.keep, outcome.logs = True, deployment.folder
            text = "".join(f"{one.promise}  {one.task}  {one.what}\n" for one in outcome.violations)
            (deployment.folder / "violations.txt").write_text(text)
    return outcome


def calm(load: Load) -> None:
    """The first runs, without faults."""
    closing = threading.Event()
    overdue = threading.Timer(_WARM, closing.set)
    overdue.start()
    try:
        load.warm_up(closing)
    finally:
        overdue.cancel()


def storm(plan: Plan, deployment: Deployment, load: Load, injector: Injector) -> None:
    """Load and faults at the same time, for as long as the plan says."""
    closing = threading.Event()
    if plan.bad_provider:
        deployment.fake.faults.add(*deployment.provider_faults)
    deployment.arm(on=plan.armed)
    with ThreadPoolExecutor(3) as pool:
        parts = [
            pool.submit(injector.run, plan.gap, closing),
            pool.submit(load.meddle, plan.meddle, closing),
            pool.submit(load.ask, plan.runs, plan.seconds * 0.8, closing),
        ]
        try:
            closing.wait(plan.seconds)
        except BaseException:
            load.abandoned.set()
            raise
        finally:
            closing.set()
    deployment.arm(on=False)
    deployment.fake.faults.clear()
    for part in parts:
        part.result()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    closing, deadline = threading.Event(), time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        closing.wait(0.1)
    return condition()


def judged(plan: Plan, deployment: Deployment, observer: Observer, asked: Asked) -> Outcome:
    """Steps end, a sweep without a limit of age, then the checker."""
    wait_until(lambda: told(deployment.journal.read()).in_hand == 0, _QUIET)
    swept = _swept(deployment) if plan.flavour.has_beat else "nothing: there is no sweep"
    looks = observer.looks
    wait_until(lambda: observer.looks > looks + 1, 10)
    story = told(deployment.journal.read())
    evidence = _evidence(deployment, observer, asked, story)
    violations, bill = check(evidence)
    times = list(recoveries(story, observer.over))
    outcome = Outcome(plan=plan, violations=violations, bill=bill, swept=swept, accepted=len(asked.tasks))
    for task in evidence.tasks:
        outcome.statuses[task["status"]] += 1
        outcome.runs_of_rows[task["run"]] += 1
        if task["error_message"]:
            outcome.reasons[task["error_message"]] += 1
    outcome.faults.update(asked.counts)
    outcome.faults.update(deployment.exact_kills())
    outcome.provider_faults.update(call.fault for call in deployment.fake.calls if call.fault)
    outcome.recovered = sorted(one[0] for one in times if one is not None)
    outcome.whole = sorted(one[1] for one in times if one is not None)
    outcome.late = sum(one > LEASE + RECOVERY for one in outcome.whole)
    outcome.never_recovered = sum(one is None for one in times)
    outcome.crashes = deployment.crashes()
    return outcome


def _swept(deployment: Deployment) -> str:
    services = build_services(deployment.settings)
    try:
        swept = services.housekeeping_service.sweep(0)
    finally:
        services.close()
    return f"{swept.objects} objects, {swept.staged} staged"


def _evidence(deployment: Deployment, observer: Observer, asked: Asked, story: Story) -> Evidence:
    staging = Redis.from_url(deployment.settings.staging_url)
    keys = [
        key.decode()
        for key in staging.scan_iter(match=f"{deployment.settings.redis_prefix}concept-worker:staging:*", count=1000)
    ]
    staging.close()
    lost = [str(kind) for kind in LOST_ANSWERS]
    return Evidence(
        accepted=asked.tasks,
        deleted=frozenset(asked.deleted | asked.wished_away),
        staged=keys,
        changed=observer.changed,
        backward=observer.backward,
        calls=asked.calls,
        bill=bill_of(deployment.fake.calls, lost),
        story=story,
        **rows_and_objects(
            deployment.database, deployment.stack.environment["SUPABASE_URL"], deployment.stack.keys.secret_key
        ),
    )
