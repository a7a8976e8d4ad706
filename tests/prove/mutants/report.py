"""What became of each mutant: a table by kind, the survivors, and what the list of equivalent ones says of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.prove.mutants.catalogue import Mutant

_LIST = Path(__file__).with_name("survivors.toml")
STORE, SEARCH, NOBODY = "store tests", "search", "nobody"


@dataclass(frozen=True)
class Judgment:
    """Who saw the mutant, and how."""

    mutant: Mutant
    by: str  # STORE, SEARCH or NOBODY
    words: str = ""


def reasons() -> dict[str, str]:
    """Why each mutant that is known to be equivalent is, by its name.

    Raises:
        ValueError: a name is listed twice.
    """
    found: dict[str, str] = {}
    for group in tomllib.loads(_LIST.read_text())["equivalent"]:
        for name in group["names"]:
            if name in found:
                raise ValueError(f"listed twice: {name}")
            found[name] = group["why"]
    return found


def table(judgments: Sequence[Judgment]) -> Iterator[str]:
    """A line for each kind, and one for all."""
    kinds = sorted({one.mutant.kind for one in judgments})
    why = reasons()
    yield f"{'kind':28}{'made':>6}{'store tests':>13}{'search':>8}{'equivalent':>12}{'survived':>10}"
    for kind in [*kinds, "all"]:
        mine = [one for one in judgments if kind in (one.mutant.kind, "all")]
        left = [one for one in mine if one.by == NOBODY]
        alike = sum(one.mutant.name in why for one in left)
        counts = [sum(one.by == by for one in mine) for by in (STORE, SEARCH)]
        yield f"{kind:28}{len(mine):6}{counts[0]:13}{counts[1]:8}{alike:12}{len(left) - alike:10}"
    judged = [one for one in judgments if one.by != NOBODY or one.mutant.name not in why]
    killed = sum(one.by != NOBODY for one in judged)
    yield f"killed {killed} of {len(judged)} that are not equivalent: {100 * killed / max(len(judged), 1):.1f} %"


def troubles(judgments: Sequence[Judgment], known: Sequence[Mutant]) -> Iterator[str]:
    """What is wrong: a survivor without a reason, a reason for one that is killed, or for one that is not made."""
    why, names = reasons(), {one.name for one in known}
    for one in judgments:
        if one.by == NOBODY and one.mutant.name not in why:
            yield f"survived: {one.mutant.name}"
        elif one.by != NOBODY and one.mutant.name in why:
            yield f"listed as equivalent, and killed by the {one.by}: {one.mutant.name}: {one.words}"
    yield from (f"listed, and not made: {name}" for name in why if name not in names)
