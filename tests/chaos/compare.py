"""`python -m tests.chaos.compare`: the same load and faults for concept_worker and for plain Celery, in one table.

The same seed deals the same deck at the same times. What is in hand when a card falls differs, of course.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from tests.chaos.database import TERMINAL
from tests.chaos.driver import Outcome, Plan, run
from tests.chaos.flavour import FLAVOURS
from tests.chaos.report import lines, percentile

_PATIENCE = 60.0  # seconds after the last fault: what has not ended by then is called stuck


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: one column a flavour, its outcomes of several seeds added up."""
    names = list(dict.fromkeys(outcome.plan.flavour.name for outcome in outcomes))
    columns = [[outcome for outcome in outcomes if outcome.plan.flavour.name == name] for name in names]
    head = f"| | {' | '.join(names)} |\n|---{'|---:' * len(names)}|\n"
    rows = [f"| {what} | {' | '.join(cell(column) for column in columns)} |" for what, cell in _ROWS.items()]
    kinds = sorted({kind for outcome in outcomes for kind in outcome.faults})
    for kind in kinds:
        counts = [str(sum(outcome.faults[kind] for outcome in column)) for column in columns]
        rows.append(f"| fault: {kind} | {' | '.join(counts)} |")
    return head + "\n".join(rows)


def _status(name: str) -> Callable[[Sequence[Outcome]], str]:
    return lambda column: str(sum(outcome.statuses[name] for outcome in column))


def _stuck(column: Sequence[Outcome]) -> str:
    return str(sum(n for outcome in column for status, n in outcome.statuses.items() if status not in TERMINAL))


def _recovery(share: float) -> Callable[[Sequence[Outcome]], str]:
    def cell(column: Sequence[Outcome]) -> str:
        seconds = [one for outcome in column for one in outcome.recovered]
        return f"{percentile(seconds, share):.1f} s" if seconds else "–"

    return cell


def _whole(column: Sequence[Outcome]) -> str:
    seconds = [one for outcome in column for one in outcome.whole]
    return f"{percentile(seconds, 0.95):.1f} s" if seconds else "–"


def _longest(column: Sequence[Outcome]) -> str:
    seconds = [one for outcome in column for one in outcome.recovered]
    return f"{max(seconds):.1f} s" if seconds else "–"


def _broken(promise: int) -> Callable[[Sequence[Outcome]], str]:
    return lambda column: str(sum(one.promise == promise for outcome in column for one in outcome.violations))


_ROWS: dict[str, Callable[[Sequence[Outcome]], str]] = {
    "seeds": lambda column: ", ".join(str(outcome.plan.seed) for outcome in column),
    "rows accepted": lambda column: str(sum(outcome.accepted for outcome in column)),
    "completed": _status("completed"),
    "failed": _status("failed"),
    "canceled by their users": _status("canceled"),
    "**stuck**": _stuck,
    "faults of the machine and of users": lambda column: str(sum(sum(one.faults.values()) for one in column)),
    "faults of the provider": lambda column: str(sum(sum(one.provider_faults.values()) for one in column)),
    "**violations**": lambda column: str(sum(len(outcome.violations) for outcome in column)),
    "1: accepted, never ended": _broken(1),
    "2: concept missing, doubled or incomplete": _broken(2),
    "3: paid again though recorded": _broken(3),
    "4: objects or staged bytes left": _broken(4),
    "5: terminal row changed": _broken(5),
    "6: a row went back, or was completed without its pictures": _broken(6),
    "7: a client was told what is not so": _broken(7),
    "paid calls": lambda column: str(sum(outcome.bill.paid for outcome in column)),
    "extra paid calls": lambda column: str(sum(outcome.bill.extra for outcome in column)),
    "extra paid calls allowed": lambda column: str(sum(outcome.bill.allowed for outcome in column)),
    "interrupted steps taken up again": lambda column: str(sum(len(outcome.recovered) for outcome in column)),
    "interrupted steps never taken up": lambda column: str(sum(outcome.never_recovered for outcome in column)),
    "recovery begins after, p50": _recovery(0.5),
    "recovery begins after, p95": _recovery(0.95),
    "recovery begins after, longest": _longest,
    "of it with nothing away, p95": _whole,
    "later than lease + 30 s with nothing away": lambda column: str(sum(outcome.late for outcome in column)),
    "worker processes that died by themselves": lambda column: str(sum(outcome.crashes for outcome in column)),
}


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="tests.chaos.compare", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--flavours", nargs="+", choices=FLAVOURS, default=list(FLAVOURS))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=70.0)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    outcomes = []
    for name in asked.flavours:
        for seed in asked.seeds:
            plan = Plan(seed=seed, runs=asked.runs, seconds=asked.seconds, patience=_PATIENCE, flavour=FLAVOURS[name])
            outcomes.append(run(plan))
            _say("\n".join(lines(outcomes[-1])))
    _say(table(outcomes))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
