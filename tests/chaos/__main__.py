"""`python -m tests.chaos --seed 7 --runs 100`: the suite, its seed printed; exit status 1 when a promise was broken."""

from __future__ import annotations

import argparse
import random
import signal
import sys

from tests.chaos.deployment import WIRES
from tests.chaos.driver import Plan, run
from tests.chaos.flavour import FLAVOURS, OURS
from tests.chaos.report import lines


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="random unless given")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=70.0, help="how long faults come")
    parser.add_argument("--flavour", choices=FLAVOURS, default="ours")
    parser.add_argument("--keep", action="store_true", help="keep logs and journal, whatever came of it")
    parser.add_argument("--cache", action="store_true", help="the provider answers identical requests for nothing")
    parser.add_argument(
        "--wire", choices=WIRES, default="jigsawstack", help="openai: links, no cache; replicate, runware: jobs"
    )
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # in order, as on Ctrl-C
    seed = random.SystemRandom().randrange(1, 100_000) if asked.seed is None else asked.seed
    _say(f"seed {seed}")
    plan = Plan(
        seed=seed,
        runs=asked.runs,
        seconds=asked.seconds,
        flavour=FLAVOURS[asked.flavour],
        cache=asked.cache,
        wire=asked.wire,
        keep=asked.keep,
    )
    try:
        outcome = run(plan, lambda text: _say(f"  {text}"))
    except KeyboardInterrupt:
        _say("interrupted; everything that was started has ended")
        return 130
    _say("\n".join(lines(outcome)))
    crashed = outcome.crashes if plan.flavour is OURS else 0
    return 1 if outcome.violations or outcome.late or outcome.never_recovered or crashed else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
