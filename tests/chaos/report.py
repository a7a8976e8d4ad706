"""An outcome in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.driver import Outcome


def lines(outcome: Outcome) -> Iterator[str]:
    """Everything about one run."""
    plan, bill = outcome.plan, outcome.bill
    yield f"{plan.flavour.name}, seed {plan.seed}: {outcome.accepted} rows accepted, {outcome.seconds:.0f} s"
    yield f"  rows        {_counted(outcome.statuses)}"
    yield f"  claims      {', '.join(f'{run}: {count}' for run, count in sorted(outcome.runs_of_rows.items()))}"
    yield f"  faults      {sum(outcome.faults.values())}: {_counted(outcome.faults)}"
    yield f"  provider    {sum(outcome.provider_faults.values())}: {_counted(outcome.provider_faults)}"
    yield f"  crashes     {outcome.crashes} worker processes that nobody killed"
    yield f"  paid        {bill.paid} calls, {bill.extra} extra of {bill.allowed} allowed ({_counted(bill.reasons)})"
    yield f"  recovery    {recovery(outcome.recovered)}; too late: {outcome.late}, never: {outcome.never_recovered}"
    yield f"  of it whole {recovery(outcome.whole)}"
    yield f"  swept       {outcome.swept}"
    for sentence, count in outcome.reasons.most_common():
        yield f"  failed {count} x {sentence}"
    yield f"  violations  {len(outcome.violations)}"
    for violation in outcome.violations[:20]:
        yield f"    {violation.promise}  {violation.task}  {violation.what}"
    if outcome.logs:
        yield f"  logs        {outcome.logs}"


def recovery(seconds: Sequence[float]) -> str:
    """Count, median and 95th percentile."""
    if not seconds:
        return "nothing to recover"
    half, most = percentile(seconds, 0.5), percentile(seconds, 0.95)
    return f"{len(seconds)} times, p50 {half:.1f} s, p95 {most:.1f} s, most {max(seconds):.1f} s"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"
