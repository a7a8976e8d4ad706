"""`make prove`: every schedule of faults up to a bound, over the real SQL functions; and two verbs at once."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from concept_worker.devstack import Stack
from tests.prove.crossings import Crossings
from tests.prove.database import Database
from tests.prove.replay import replay
from tests.prove.search import Report, Search
from tests.prove.world import GENERATION, REFINEMENT


def main() -> int:
    options = argparse.ArgumentParser(prog="make prove", description=__doc__)
    options.add_argument("--faults", type=int, default=2, help="faults a schedule has at most")
    options.add_argument("--budget", type=float, default=float("inf"), help="seconds for each pipeline")
    options.add_argument("--pipeline", choices=("generation", "refinement", "both"), default="both")
    options.add_argument(
        "--schedule", default="", help='one schedule, as a violation prints it: "10 worker dies; 14 ..."'
    )
    options.add_argument("--part", choices=("faults", "locks"), default="faults")
    options.add_argument("--deep", action="store_true", help="locks: every third verb")
    chosen = options.parse_args()
    kinds = {"generation": [GENERATION], "refinement": [REFINEMENT], "both": [GENERATION, REFINEMENT]}
    with ExitStack() as at_end:
        stack = at_end.enter_context(Stack(Path(at_end.enter_context(tempfile.TemporaryDirectory()))))
        database = at_end.enter_context(Database(stack.environment["DATABASE_URL"]))
        database.prepare()
        if chosen.part == "locks":
            crossings = Crossings(database, is_deep=chosen.deep)
            for line in crossings.told():
                _say(line)
            _say(*crossings.troubles)
            return int(bool(crossings.troubles))
        if chosen.schedule:
            _say(*(line for kind in kinds[chosen.pipeline] for line in replay(database, kind, chosen.schedule)))
            return 0
        reports = [_searched(database, kind, chosen.faults, chosen.budget) for kind in kinds[chosen.pipeline]]
    return int(any(report.violations for report in reports))


def _searched(database: Database, kind: str, faults: int, budget: float) -> Report:
    report = Search(database, kind, budget=budget).run(faults)
    _say(f"{kind}: {report}", *(f"  {violation}" for violation in report.violations))
    return report


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
