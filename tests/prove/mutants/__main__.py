"""`make mutants`: every part of the SQL taken out or turned, one at a time; tests or search must see each."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.databases import drop_database
from tests.prove.mutants.catalogue import Mutant, mutants_of
from tests.prove.mutants.report import NOBODY, SEARCH, STORE, Judgment, table, troubles
from tests.prove.mutants.searching import is_searched, make_template, searched
from tests.prove.mutants.store_tests import StoreTests, Unusable

_SIDE_BY_SIDE = 2  # searches


class Run:
    """One round over all mutants, or some of them; `search_alone`: for a figure, without a verdict."""

    def __init__(self, only: str, *, search_alone: bool = False) -> None:
        self._only, self._search_alone = only, search_alone
        self._out = os.fdopen(os.dup(1), "w", buffering=1)  # pytest has the other one
        self._judgments: list[Judgment] = []
        self._known: list[Mutant] = []

    def judge(self, tests: StoreTests) -> None:
        """Judge by the store's tests, then what is left by the search."""
        started = time.monotonic()
        if not self._only and not self._search_alone:
            self._check(tests)
        tests.start()
        self._known = mutants_of(tests.url)
        mutants = [one for one in self._known if self._only in one.name or self._only == one.kind]
        if not mutants:
            raise LookupError(f"no mutant has {self._only!r} in its name, or is of this kind")
        if self._search_alone:
            self._search(tests.url, [one for one in mutants if is_searched(one)], faults=1)
            return
        left = [one for one in mutants if not self._is_seen(tests, one)]
        if not self._only:
            self._check(tests)
        self._say(f"{len(left)} left for the search after {time.monotonic() - started:.0f} s")
        self._search(tests.url, left)
        self._say(f"{time.monotonic() - started:.0f} s")

    def end(self) -> int:
        """Say what became of them; 1: something is wrong."""
        wrong = [] if self._search_alone else list(troubles(self._judgments, self._known))
        self._say(*table(self._judgments), *wrong)
        return int(bool(wrong))

    @staticmethod
    def _check(tests: StoreTests) -> None:
        """Without a mutant all tests pass, in either order: one that needs another one first would seem to kill."""
        for backwards in (False, True):
            failed = tests.first_failure("", backwards=backwards)
            if failed:
                raise AssertionError(f"fails without a mutant: {failed}\n{tests.words}")

    def _is_seen(self, tests: StoreTests, mutant: Mutant) -> bool:
        try:
            with tests.changed(mutant):
                failed = tests.first_failure(mutant.subject)
        except Unusable as exc:
            self._say(f"PostgreSQL refuses {exc}")
            return True
        if failed and not tests.passes(failed):
            raise AssertionError(f"fails with {mutant.name} and without it: {failed}\n{tests.words}")
        if failed:
            self._add(Judgment(mutant, STORE, failed))
        return bool(failed)

    def _search(self, owner: str, left: Sequence[Mutant], faults: int = 2) -> None:
        template = make_template(owner)
        with ProcessPoolExecutor(_SIDE_BY_SIDE, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting = [
                (one, pool.submit(searched, owner, template, one, faults) if is_searched(one) else None) for one in left
            ]
            for mutant, answer in waiting:
                found = answer.result() if answer else ""
                self._add(Judgment(mutant, SEARCH if found else NOBODY, found))
        drop_database(owner, template)

    def _add(self, judgment: Judgment) -> None:
        self._judgments.append(judgment)
        self._say(f"{judgment.by:12} {judgment.mutant.name}  [{' '.join(judgment.words.split())}]")

    def _say(self, *lines: str) -> None:
        self._out.write("".join(f"{line}\n" for line in lines))


def main() -> int:
    options = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    options.add_argument("--only", default="", help="mutants whose name has this text, or whose kind it is")
    options.add_argument("--search-alone", action="store_true", help="what the search sees with one fault at most")
    chosen = options.parse_args()
    run = Run(chosen.only, search_alone=chosen.search_alone)
    StoreTests.run(run.judge)
    return run.end()


if __name__ == "__main__":
    sys.exit(main())
