"""`python -m tests.chaos.mutations`: a database with one safeguard taken out must not pass the checker."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.chaos import points
from tests.chaos.database import Observer, fetch
from tests.chaos.deployment import Deployment
from tests.chaos.driver import Plan, calm, judged, storm, wait_until
from tests.chaos.faults import Injector
from tests.chaos.flavour import OURS
from tests.chaos.load import Load
from tests.chaos.violation import Violation


@dataclass(frozen=True)
class Mutation:
    """What is taken out, how, and the promise that must be seen broken."""

    name: str
    promise: int
    function: str = ""  # its text, changed in these places …
    changes: tuple[tuple[str, str], ...] = ()
    statement: str = ""  # … or a statement, undone by another
    undo: str = ""
    meddle: float = 0.06  # seconds between acts of users and late comers
    forgetful: bool = False  # palettes in staging, the checkpoint's double, are not found either
    armed: bool = False  # kills at exact points; each costs a start of its worker, so these storms are longer


MUTATIONS = (
    Mutation(
        "a running row can be claimed although its lease holds",
        3,
        function="public.claim_task",
        changes=(("status = 'processing' and lease_expires_at < now()", "status = 'processing'"),),
    ),
    Mutation(
        "a finished step is done again",
        3,
        function="public.begin_step",
        changes=(
            ("where s.state = 'waiting'", "where s.state in ('waiting', 'done')"),
            ("set state = 'running',", "set state = 'running', output = null,"),
        ),
        meddle=4.0,  # a canceled run does no step again
        forgetful=True,
        armed=True,
    ),
    Mutation(
        "terminal rows are not guarded",
        5,
        statement="alter table public.tasks disable trigger tasks_guard_update",
        undo="alter table public.tasks enable trigger tasks_guard_update",
    ),
    Mutation(
        "a task may have two concepts",
        2,
        statement="alter table public.concepts drop constraint concepts_task_id_key",
    ),
)
# Kills where they show most: palettes are recorded, and their process dies, so that their step is delivered again.
_FLAVOUR = replace(OURS, points={"remembered": 0.8})
_PLAN = Plan(
    runs=16,
    seconds=8.0,
    patience=40.0,
    gap=6.0,
    exact_kills=12,
    bad_provider=False,
    flavour=_FLAVOUR,
    faults={"broker killed, data lost": 1},
)


def caught(plan: Plan = _PLAN, say: Callable[[str], None] = lambda _: None) -> dict[str, list[Violation]]:
    """For each mutation, the violations of its promise that were not there before it."""
    found: dict[str, list[Violation]] = {}
    with (
        Deployment(plan.flavour, seed=plan.seed, budget=plan.exact_kills, cache=False) as deployment,
        Observer(deployment.database) as observer,
    ):
        load, injector = Load(deployment, observer, plan.seed), Injector(deployment, plan.seed, plan.faults)
        calm(load)
        before: set[tuple[int, str]] = set()
        for mutation in MUTATIONS:
            undo = _apply(deployment.database, mutation)
            longer = 3.5 if mutation.armed else 1.0
            part = replace(
                plan,
                meddle=mutation.meddle,
                armed=mutation.armed,
                seconds=plan.seconds * longer,
                runs=round(plan.runs * longer),
            )
            forgetful = deployment.folder / points.FORGETFUL
            if mutation.forgetful:
                forgetful.touch()
            storm(part, deployment, load, injector)
            wait_until(lambda: observer.open_rows == 0, plan.patience)
            violations = judged(plan, deployment, observer, load.asked).violations
            if undo:
                fetch(deployment.database, undo)
            forgetful.unlink(missing_ok=True)
            fresh = [one for one in violations if (one.promise, one.task) not in before]
            before |= {(one.promise, one.task) for one in violations}
            found[mutation.name] = [one for one in fresh if one.promise == mutation.promise]
            say(f"{mutation.name}: {len(found[mutation.name])} violations of promise {mutation.promise}")
    return found


def _apply(database: str, mutation: Mutation) -> str:
    """Take the safeguard out; the statement that puts it back."""
    if mutation.statement:
        fetch(database, mutation.statement)
        return mutation.undo
    text = fetch(database, f"select pg_get_functiondef('{mutation.function}'::regproc) as text")[0]["text"]
    changed = text
    for was, now in mutation.changes:
        assert was in changed, f"{mutation.function} does not say {was!r} any more"
        changed = changed.replace(was, now)
    fetch(database, changed)
    return str(text)


def main() -> int:
    """Exit status 1 when a mutation was not caught."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = caught(say=lambda text: print_line(f"  {text}"))
    missed = [name for name, violations in found.items() if not violations]
    print_line(f"mutations caught: {len(found) - len(missed)} of {len(MUTATIONS)}")
    return 1 if missed else 0


def print_line(text: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
