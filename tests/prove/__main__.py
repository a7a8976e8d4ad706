"""`make prove`: schedules of faults over the real SQL functions; two verbs at once; deaths between the verbs."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from concept_worker.devstack import Stack
from tests.prove.between.search import CASES, again, search
from tests.prove.between.sql import SqlClient
from tests.prove.crossings import Crossings
from tests.prove.database import Database
from tests.prove.replay import replay
from tests.prove.search import Search
from tests.prove.world import GENERATION, REFINEMENT

_KINDS = {"generation": [GENERATION], "refinement": [REFINEMENT], "both": [GENERATION, REFINEMENT]}


def main() -> int:
    options = argparse.ArgumentParser(prog="make prove", description=__doc__)
    options.add_argument("--part", choices=("faults", "locks", "between"), default="faults")
    options.add_argument("--faults", type=int, default=2, help="faults or deaths that a schedule has at most")
    options.add_argument("--budget", type=float, default=float("inf"), help="seconds for each pipeline or case")
    options.add_argument("--deep", action="store_true", help="locks: every third verb")
    options.add_argument("--pipeline", choices=tuple(_KINDS), default="both")
    options.add_argument("--seed", type=int, default=0, help="between: of ids, pictures and order side by side")
    options.add_argument(
        "--schedule", default="", help='one schedule, as a violation prints it: "10 worker dies; 14 ..."'
    )
    chosen = options.parse_args()
    part = {"faults": _faults, "locks": _locks, "between": _between}[chosen.part]
    with ExitStack() as at_end:
        stack = at_end.enter_context(Stack(Path(at_end.enter_context(tempfile.TemporaryDirectory()))))
        database = at_end.enter_context(Database(stack.environment["DATABASE_URL"]))
        database.prepare()
        return int(part(database, chosen))


def _faults(database: Database, chosen: argparse.Namespace) -> bool:
    """Schedules of faults; return whether one breaks the promise."""
    kinds, is_broken = _KINDS[chosen.pipeline], False
    if chosen.schedule:
        _say(*(line for kind in kinds for line in replay(database, kind, chosen.schedule)))
        return False
    for kind in kinds:
        report = Search(database, kind, budget=chosen.budget).run(chosen.faults)
        _say(f"{kind}: {report}", *(f"  {violation}" for violation in report.violations))
        is_broken |= bool(report.violations)
    return is_broken


def _locks(database: Database, chosen: argparse.Namespace) -> bool:
    """Two verbs at once; return whether a meeting has trouble."""
    crossings = Crossings(database, is_deep=chosen.deep)
    for line in crossings.told():
        _say(line)
    _say(*crossings.troubles)
    return bool(crossings.troubles)


def _between(database: Database, chosen: argparse.Namespace) -> bool:
    """Deaths between the verbs; return whether one breaks the promise."""
    is_broken = False
    with SqlClient(database.address) as sql:
        if chosen.schedule:
            case, _, plan = chosen.schedule.partition(": ")
            _say(*again(sql, CASES[case], plan.strip('"'), seed=chosen.seed))
            return False
        for name, case in CASES.items():
            if chosen.pipeline == "both" or name.startswith(chosen.pipeline):
                report = search(sql, case, chosen.faults, seed=chosen.seed, budget=chosen.budget)
                _say(str(report), *report.violations)
                is_broken |= bool(report.violations)
    return is_broken


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
