"""The exhaustive search as a judge: a database of its own for each mutant."""

from __future__ import annotations

import asyncpg

from tests.databases import copy_database, drop_database, make_database, name_of, run_script, schemas
from tests.prove.database import Database
from tests.prove.mutants.catalogue import Mutant
from tests.prove.search import Search
from tests.prove.world import GENERATION, REFINEMENT

_FEW, _MANY = 60.0, 10.0  # seconds for each pipeline: with at most one fault, and with two
# What the model does with an answer that the product's functions never give.
_STRANGE = (IndexError, KeyError, TypeError, ValueError, AttributeError)
# What the model does not call, and what only makes a search of rows faster.
_ELSEWHERE = frozenset({"expire_concepts", "keep_receipt", "open_tasks", "orphan_objects"})


def is_searched(mutant: Mutant) -> bool:
    """Whether the model could see the mutant at all."""
    return mutant.subject not in _ELSEWHERE and mutant.kind != "index"


def make_template(owner: str) -> str:
    """Make a database with the product's schema, to copy."""
    return make_database(owner, schemas())


def searched(owner: str, template: str, mutant: Mutant, faults: int = 2) -> str:
    """The first violation with at most so many faults; empty: none in the time given."""
    url = copy_database(owner, name_of(template))
    try:
        run_script(url, ";\n".join(mutant.statements))
        with Database(url) as database:
            database.prepare()
            return next(filter(None, (violated(database, most) for most in range(1, faults + 1))), "")
    finally:
        drop_database(owner, url)


def violated(database: Database, faults: int) -> str:
    """The first violation of either pipeline with at most so many faults, in the time given."""
    for kind in (GENERATION, REFINEMENT):
        try:
            report = Search(database, kind, budget=_FEW if faults < 2 else _MANY, most=1).run(faults)
        except _STRANGE as exc:
            return f"{kind}: an answer that no function gives: {type(exc).__name__} {exc}"
        except asyncpg.PostgresError as exc:
            return f"{kind}: a state that cannot be: {exc}"
        if report.violations:
            return str(report.violations[0])
    return ""
